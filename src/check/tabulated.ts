import { InvalidArgument } from '../kernel/errors.ts'
import { Numbered } from './numbered.ts'
import type { Moment, Part } from './part.ts'
import { afterCommands, afterFiring, afterTicks, type PendingTimer } from './pending.ts'
import { rename, type Renaming } from './rename.ts'
import type { Command } from './space.ts'
import { Taker } from './taker.ts'
import type { Traps } from './traps.ts'

/** What an event does to a part: its next local state and the messages that leave, as pairs of channel and message. */
export type Move =
  | { kind: 'next'; local: number; sends: readonly number[]; commands: readonly Command[] }
  | { kind: 'ignored' }
  | { kind: 'throw' | 'nondeterministic'; message: string }

export interface Local<S> {
  state: S
  key: number
  timers: readonly PendingTimer[]
}

/**
 * One part of a product as a table that is filled in as it is needed: its local states (state and timers) by number, and what each event does to them.
 * Every entry comes from a real transition, taken once (twice, for the comparison) however many states of the product it is part of.
 */
export class Tabulated<S, V, E> {
  readonly locals: Local<S>[] = []
  readonly #taker: Taker<S, V, E>
  readonly #localNumbers = new Map<number, number>()
  readonly #moves: Map<number, Move>[] = []
  readonly #received: Map<number, Move>[] = []
  readonly #events: Map<number, readonly number[]>[] = []
  readonly #ticks = new Map<number, number>()
  readonly events = new Numbered<E>()
  readonly #moments: number

  constructor(readonly name: string, readonly part: Part<V, E>, readonly wires: { channels: ReadonlyMap<string, number>; messages: Numbered<unknown> },
    readonly time: { ticksOf?: (ms: number) => number; moments: number }, traps: Traps) {
    this.#taker = new Taker(part.stepper(), traps)
    this.#moments = time.moments
  }

  get stepper(): Taker<S, V, E>['stepper'] {
    return this.#taker.stepper
  }

  /** The initial local states, with what they send. */
  initial(now: number): Extract<Move, { kind: 'next' }>[] {
    return this.#taker.initial().map(({ state, commands }) => this.#arrive(state, this.#taker.key(state), [], commands, { now }))
  }

  /** Events that may come by themselves. */
  eventsOf(local: number, now: number): readonly number[] {
    const known = this.#events[local]!.get(now)
    if (known !== undefined) return known
    const { state } = this.locals[local]!
    const events = this.stepper.ended(state) ? [] : this.part.events(this.stepper.view(state), { now }).map((event) => this.events.of(event))
    this.#events[local]!.set(now, events)
    return events
  }

  /** What a message, by its number, does to the part. */
  receive(local: number, message: number, now: number): Move {
    const key = message * this.#moments + now
    const known = this.#received[local]!.get(key)
    if (known !== undefined) return known
    const { state } = this.locals[local]!
    const event = this.stepper.ended(state) ? undefined : this.part.receive(this.wires.messages.values[message], this.stepper.view(state), { now })
    const move: Move = event === undefined ? { kind: 'ignored' } : this.move(local, this.events.of(event), now)
    this.#received[local]!.set(key, move)
    return move
  }

  move(local: number, event: number, now: number): Move {
    return this.#memo(local, event * this.#moments + now, () => {
      const { state, key, timers } = this.locals[local]!
      const outcome = this.#taker.take(state, key, this.events.values[event]!)
      this.#taker.assertUnchanged(state, key)
      return outcome.kind === 'next' ? this.#arrive(outcome.state, outcome.key, timers, outcome.commands, { now }) : outcome
    })
  }

  /** Fires a timer: it is off the list whether the part heeds its event or not. */
  fire(local: number, position: number, now: number): Move {
    return this.#memo(local, -1 - (position * this.#moments + now), () => {
      const { state, key, timers } = this.locals[local]!
      const timer = timers[position]!
      const left = afterFiring(timers, timer)
      const outcome = this.#taker.take(state, key, { type: 'timer', id: timer.id, nonce: timer.nonce } as E)
      this.#taker.assertUnchanged(state, key)
      if (outcome.kind === 'next') return this.#arrive(outcome.state, outcome.key, left, outcome.commands, { now })
      if (outcome.kind === 'ignored') return { kind: 'next', local: this.#number({ state, key, timers: left }), sends: [], commands: [] }
      return outcome
    })
  }

  /** The local state after so many ticks of its own clock. */
  tick(local: number, ticks: number): number {
    const key = local * 4 + ticks
    const known = this.#ticks.get(key)
    if (known !== undefined) return known
    const { timers, ...rest } = this.locals[local]!
    const next = timers.length === 0 || ticks === 0 ? local : this.#number({ ...rest, timers: afterTicks(timers, ticks) })
    this.#ticks.set(key, next)
    return next
  }

  /** Some timer has to fire before time goes on. */
  isUrgent(local: number, late: number): boolean {
    return this.locals[local]!.timers.some(({ left, stale }) => stale === undefined && left !== undefined && left <= -late)
  }

  /** The local state of a part that is alike, with names exchanged, as one of this part. */
  adopt({ state, timers }: Local<S>, names: Renaming): number {
    const renamed = this.stepper.rename(state, (value) => rename(value, names))
    return this.#number({ state: renamed, key: this.#taker.key(renamed), timers: timers.map((timer) => rename(timer, names) as PendingTimer) })
  }

  #memo(local: number, key: number, work: () => Move): Move {
    const known = this.#moves[local]!.get(key)
    if (known !== undefined) return known
    const move = work()
    this.#moves[local]!.set(key, move)
    return move
  }

  #arrive(state: S, key: number, timers: readonly PendingTimer[], commands: readonly Command[], at: Moment): Extract<Move, { kind: 'next' }> {
    const ended = this.stepper.ended(state)
    const local = this.#number({ state, key, timers: ended ? [] : afterCommands(timers, commands, this.time.ticksOf) })
    const sends = commands.flatMap((command) => this.part.send(command, this.stepper.view(state), at)).flatMap(({ channel, message }) => {
      const number = this.wires.channels.get(channel)
      if (number === undefined) throw new InvalidArgument(`parts.${this.name}.send`, `there is no channel "${channel}": there are ${[...this.wires.channels.keys()].join(', ') || 'none'}`)
      return [number, this.wires.messages.of(message)]
    })
    return { kind: 'next', local, sends, commands }
  }

  #number(local: Local<S>): number {
    const key = this.#taker.keyOf([local.key, local.timers])
    let number = this.#localNumbers.get(key)
    if (number === undefined) {
      number = this.locals.length
      this.locals.push(local)
      this.#localNumbers.set(key, number)
      this.#moves.push(new Map())
      this.#received.push(new Map())
      this.#events.push(new Map())
    }
    return number
  }
}
