import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { atLeastOne, requireName } from './behaviour-handlers.ts'
import { commandsOf } from './machine-purity.ts'
import { InvalidArgument } from './errors.ts'
import { Stepper } from './stepper.ts'
import type { Command } from './stepper.ts'
import { transitions } from './transitions.ts'
import { unhandled } from './types.ts'
import type { Behaviour, BehaviourContext, MailboxOptions, Message, TimerFired } from './types.ts'
import { isThenable } from './wait.ts'

export interface MachineOptions {
  name: string
  machine: AnyStateMachine
  input?: (input: unknown, context: BehaviourContext) => unknown
  effects: Record<string, (params: unknown, context: BehaviourContext) => unknown>
  reply?: Record<string, (snapshot: AnyMachineSnapshot, event: Message) => unknown>
  mailbox?: MailboxOptions
}

/** A pure machine: an event in, a new snapshot, then its commands through the effects. */
export class MachineBehaviour implements Behaviour {
  readonly kind = 'machine'
  readonly name: string
  readonly capacity: number | undefined
  readonly concurrency = 1
  readonly deadlineMs = undefined
  readonly redeliver = false
  readonly #stepper: Stepper
  readonly #machine: string
  readonly #events: ReadonlySet<string>
  readonly #input: MachineOptions['input']
  readonly #effects: MachineOptions['effects']
  readonly #reply: NonNullable<MachineOptions['reply']>

  constructor(options: MachineOptions) {
    this.name = requireName(options.name)
    this.capacity = options.mailbox?.capacity === undefined ? undefined : atLeastOne('mailbox.capacity', options.mailbox.capacity)
    this.#effects = { ...options.effects, startTimer, cancelTimer }
    for (const command of commandsOf(options.machine)) {
      if (this.#effects[command] === undefined) throw new InvalidArgument(`effects.${command}`, `the machine "${options.machine.id}" gives this command: add an effect for it`)
    }
    this.#stepper = new Stepper(options.machine)
    this.#machine = options.machine.id
    this.#events = new Set(options.machine.events)
    this.#input = options.input
    this.#reply = options.reply ?? {}
  }

  start(context: BehaviourContext): void {
    const input = this.#input === undefined ? context.input : this.#input(context.input, context)
    const [snapshot, commands] = this.#stepper.initial(input)
    if (transitions.hasSubscribers) this.#tell(snapshot, commands, context, { input })
    this.#enter(snapshot, commands, context)
  }

  handles(type: string): boolean {
    return this.#events.has(type)
  }

  receive(message: Message, context: BehaviourContext): unknown {
    if (!this.#events.has(message.type)) return unhandled
    const [snapshot, commands] = this.#stepper.step(context.state as AnyMachineSnapshot, message)
    if (transitions.hasSubscribers) this.#tell(snapshot, commands, context, { event: message })
    this.#enter(snapshot, commands, context)
    return this.#reply[message.type]?.(snapshot, message)
  }

  show(context: BehaviourContext): string {
    return showValue((context.state as AnyMachineSnapshot).value)
  }

  #tell(snapshot: AnyMachineSnapshot, commands: readonly Command[], context: BehaviourContext, cause: { event: Message } | { input: unknown }): void {
    transitions.publish({ machine: this.#machine, actor: context.id, instance: context, incarnation: context.incarnation, foreign: true, ...cause, snapshot, commands })
  }

  #enter(snapshot: AnyMachineSnapshot, commands: readonly Command[], context: BehaviourContext): void {
    context.state = snapshot
    for (const { type, params } of commands) {
      const late = this.#effects[type]?.(params, context)
      if (isThenable(late)) context.track(late)
    }
    if (snapshot.status === 'done') context.stop()
    else if (snapshot.status === 'error') throw snapshot.error
  }
}

function startTimer(params: unknown, context: BehaviourContext): void {
  const { id, ms, nonce } = params as { id: string; ms: number; nonce: number }
  context.startTimer(id, ms, (): TimerFired => ({ type: 'timer', id, nonce, time: context.clock.monotonic() }))
}

function cancelTimer(params: unknown, context: BehaviourContext): void {
  context.cancelTimer((params as { id: string }).id)
}

/** A state value as a path: `active.running`, parallel regions side by side. */
function showValue(value: unknown): string {
  if (typeof value === 'string') return value
  return Object.entries(value as object)
    .map(([state, inner]) => (typeof inner === 'object' && Object.keys(inner as object).length === 0 ? state : `${state}.${showValue(inner)}`))
    .join(' & ')
}
