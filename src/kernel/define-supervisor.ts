import { InvalidArgument } from './errors.ts'
import { policyOf, restartOf, strategyOf } from './supervision.ts'
import type { Backoff, Behaviour, BehaviourContext, Definition, GroupSpec, RestartType, Strategy } from './types.ts'

export interface SupervisedChild {
  /** The child's id is `<id of the supervisor>/<id>`. */
  id: string
  definition: Definition<any, any, any>
  input?: unknown
  restart?: RestartType
}

export interface SupervisorOptions {
  name: string
  /** What is restarted with a failed child: nothing else, all its siblings, or those started after it. */
  strategy: Strategy
  /** Started in this order, one after the other; stopped in reverse. */
  children: readonly SupervisedChild[]
  /** Restarts allowed within the window, over all children; the next failure stops them all and fails the supervisor. Default 5 in 60,000 ms. */
  intensity?: { maxRestarts?: number; windowMs?: number }
  backoff?: Backoff
}

/** Defines an actor that only supervises. Throws `InvalidArgument` for a duplicate child id or an option out of range. */
export function defineSupervisor(options: SupervisorOptions): Definition<undefined, never, {}> {
  const seen = new Set<string>()
  for (const { id } of options.children) {
    if (id === '' || id.includes('/')) throw new InvalidArgument('children.id', `"${id}" must not be empty or contain "/"`)
    if (seen.has(id)) throw new InvalidArgument('children.id', `"${id}" is there twice`)
    seen.add(id)
  }
  return { name: options.name, behaviour: new SupervisorBehaviour(options) }
}

/** Runs its children as one group and takes no messages. */
class SupervisorBehaviour implements Behaviour {
  readonly kind = 'supervisor'
  readonly name: string
  readonly capacity = 1
  readonly concurrency = 1
  readonly deadlineMs = undefined
  readonly redeliver = false
  readonly #spec: GroupSpec

  constructor(options: SupervisorOptions) {
    this.name = options.name
    this.#spec = {
      strategy: strategyOf(options.strategy),
      children: options.children.map((child) => ({
        id: child.id,
        behaviour: child.definition.behaviour,
        input: child.input,
        restart: restartOf(child.restart),
      })),
      ...policyOf({ ...options.intensity, backoff: options.backoff }),
    }
  }

  start(context: BehaviourContext): Promise<void> {
    return context.startGroup(this.#spec)
  }

  handles(): boolean {
    return false
  }

  receive(): undefined {
    return undefined
  }
}
