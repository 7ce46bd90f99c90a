import { Cell } from './cell.ts'
import type { Clock, Randomness } from './clock.ts'
import { DeadLetterOffice } from './dead-letters.ts'
import { Dispatcher } from './dispatcher.ts'
import { ActorExists, InvalidArgument, messageOf } from './errors.ts'
import { Group } from './group.ts'
import type { Logger } from './logger.ts'
import { LocalRef } from './ref.ts'
import type { Owner, Runtime } from './runtime.ts'
import { safeLogger } from './safe-logger.ts'
import { defaultPolicy, policyOf, restartOf } from './supervision.ts'
import type { DeadLetter, DeadLetterReason, Definition, GroupSpec, KernelEvent, Message, SpawnOptions, SystemOptions } from './types.ts'

/** What all cells of one system share: registry, run queue, dead letters, clock, the observer. */
export class Kernel implements Runtime {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly dispatcher: Dispatcher
  readonly mailboxCapacity: number
  readonly deadLetters: DeadLetterOffice
  readonly registry = new Map<string, LocalRef>()
  readonly #onEvent: ((event: KernelEvent) => void) | undefined
  #spawned = 0

  constructor(options: Required<Omit<SystemOptions, 'onEvent'>> & Pick<SystemOptions, 'onEvent'>) {
    this.clock = options.clock
    this.randomness = options.randomness
    this.logger = safeLogger(options.logger)
    this.#onEvent = options.onEvent
    this.dispatcher = new Dispatcher(this.clock)
    this.mailboxCapacity = options.mailboxCapacity
    this.deadLetters = new DeadLetterOffice(
      this.clock,
      this.logger,
      (letter) => this.emit({ type: 'deadletter.added', letter }),
      (letter) => this.#resend(letter),
    )
  }

  emit(event: KernelEvent): void {
    if (event.type === 'actor.crashed') {
      this.logger.warn({ actor: event.id, incarnation: event.incarnation, err: event.error }, `"${event.id}" failed: ${messageOf(event.error)}`)
    }
    if (event.type === 'actor.escalated') {
      this.logger.error({ actor: event.id, restarts: event.restarts, err: event.error }, `"${event.id}" failed too often: escalated`)
    }
    try {
      this.#onEvent?.(event)
    } catch (error) {
      this.logger.error({ event: event.type, err: error }, `the observer of the actor system failed: ${messageOf(error)}`)
    }
  }

  deadLetter(target: string, message: Message, reason: DeadLetterReason, error?: unknown): void {
    this.deadLetters.add(target, message, reason, error)
  }

  register(id: string, ref: LocalRef): void {
    if (this.registry.has(id)) throw new ActorExists(id)
    this.registry.set(id, ref)
  }

  unregister(id: string): void {
    this.registry.delete(id)
  }

  async spawn(owner: Owner, definition: Definition<any, any, any>, options: SpawnOptions<unknown> = {}): Promise<LocalRef> {
    if (definition?.behaviour === undefined) throw new InvalidArgument('definition', 'must come from defineActor, defineMachineActor or defineSupervisor')
    const { supervision } = options
    const policy = supervision === undefined ? defaultPolicy : policyOf(supervision)
    const name = options.id ?? `${definition.name}-${++this.#spawned}`
    if (name === '' || name.includes('/')) throw new InvalidArgument('id', `"${name}" must not be empty or contain "/"`)
    const group = new Group(this, 'one-for-one', policy, true)
    const cell = new Cell(this, group, owner.prefix + name, definition.behaviour, options.input, restartOf(supervision?.restart))
    await group.start(owner, [cell])
    return cell.ref
  }

  async startGroup(owner: Owner, spec: GroupSpec): Promise<void> {
    const group = new Group(this, spec.strategy, spec, false)
    const cells: Cell[] = []
    try {
      for (const child of spec.children) cells.push(new Cell(this, group, owner.prefix + child.id, child.behaviour, child.input, child.restart))
    } catch (error) {
      // A name was taken: give back those that were not.
      for (const cell of cells) this.unregister(cell.id)
      throw error
    }
    await group.start(owner, cells)
  }

  #resend(letter: DeadLetter): boolean {
    const ref = this.registry.get(letter.target)
    if (ref === undefined || !LocalRef.targetOf(ref).hasRoom) return false
    ref.tell(letter.message)
    return true
  }
}
