import { createActor } from 'xstate'
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate'
import { InvalidArgument } from './errors.ts'

/** A named action that a machine asks to be carried out. */
export interface Command {
  readonly type: string
  readonly params: unknown
}

/**
 * Steps a pure machine. XState's own `transition()` builds a whole actor for every call; this one builds a
 * single scope per machine and uses it for all steps of all actors that run the machine.
 */
export class Stepper {
  readonly #machine: AnyStateMachine
  readonly #scope: AnyActorScope
  #commands: Command[] = []

  constructor(machine: AnyStateMachine) {
    this.#machine = machine
    const self = createActor(machine)
    const nothing = (): void => {}
    this.#scope = {
      self,
      id: '',
      sessionId: '',
      logger: nothing,
      defer: nothing,
      emit: nothing,
      stopChild: nothing,
      system: self.system,
      actionExecutor: (action) => {
        // A raised event is handled inside the step; only its delayed form is left to the executor.
        if (action.type === 'xstate.raise' && (action.params as { delay?: unknown } | undefined)?.delay === undefined) return
        if (action.type.startsWith('xstate.')) {
          throw new InvalidArgument('machine', `"${machine.id}" runs ${action.type}: a pure machine only assigns, raises and names commands`)
        }
        this.#commands.push({ type: action.type, params: action.params })
      },
    }
  }

  /** The first snapshot and the commands of the states entered. */
  initial(input: unknown): [snapshot: AnyMachineSnapshot, commands: readonly Command[]] {
    const snapshot = this.#machine.getInitialSnapshot(this.#scope as never, input as never)
    return [snapshot, this.#take()]
  }

  /** Throws what a guard, an `assign` or the params of a command throw. */
  step(snapshot: AnyMachineSnapshot, event: EventObject): [snapshot: AnyMachineSnapshot, commands: readonly Command[]] {
    let next: AnyMachineSnapshot
    try {
      next = this.#machine.transition(snapshot as never, event as never, this.#scope as never)
    } catch (error) {
      this.#commands = []
      throw error
    }
    return [next, this.#take()]
  }

  #take(): readonly Command[] {
    if (this.#commands.length === 0) return none
    const commands = this.#commands
    this.#commands = []
    return commands
  }
}

const none: readonly Command[] = []
