import { InvalidArgument } from '../kernel/errors.ts'
import type { Contents } from './channel.ts'
import { type EventNames, kindOf } from './event-names.ts'
import type { Numbered } from './numbered.ts'
import { mayFire } from './pending.ts'
import { forbidden, type Layout } from './product-layout.ts'
import { clockOf } from './product-view.ts'
import type { Command } from './space.ts'
import type { Move, Tabulated } from './tabulated.ts'

const none: readonly Command[] = []
const lost: Move = { kind: 'ignored' }
const [act, timer, crash, deliver, duplicate, lose, tick] = (['act', 'timer', 'crash', 'deliver', 'duplicate', 'lose', 'tick'] as const).map(kindOf) as [number, number, number, number, number, number, number]
/** More timers at once than any part has. */
const mostTimers = 64
const exact = [1]
const drifting = [1, 0, 2]

/** Takes what can happen, by the number of the event. */
export interface Sink {
  /** `to` holds the next vector. */
  moved(event: number, commands: readonly Command[]): void
  ignored(event: number): void
  fault(event: number, kind: 'throw' | 'nondeterministic', message: string): void
}

/** All that can happen next in a product: parts act, timers fire, messages arrive or do not, parts crash, time goes on. */
export class ProductMoves {
  readonly from: Int32Array
  readonly to: Int32Array
  readonly #layout: Layout

  constructor(readonly isTimed: boolean, layout: Layout, readonly parts: readonly Tabulated<any, any, any>[], readonly contents: readonly Contents[],
    readonly messages: Numbered<unknown>, readonly names: EventNames, readonly sink: Sink) {
    this.#layout = layout
    this.from = new Int32Array(layout.width)
    this.to = new Int32Array(layout.width)
  }

  /** Tells the sink of everything that can happen in `from`. */
  takeAll(): void {
    for (let index = 0; index < this.parts.length; index++) this.#act(index)
    for (let index = 0; index < this.contents.length; index++) this.#carry(index)
    if (this.isTimed) this.#tick()
  }

  /** All combinations of the parts' initial states, with what they send at once. */
  initial(): Int32Array[] {
    let open = [this.#layout.first]
    this.parts.forEach((part, index) => {
      open = open.flatMap((vector) => part.initial(0).map((move) => {
        const next = Int32Array.from(vector)
        if (!this.#apply(next, index, move)) throw new InvalidArgument('capacity', `a channel is full before anything has happened: "${part.name}" sends too much when it begins`)
        return next
      }))
    })
    return open
  }

  #act(index: number): void {
    const part = this.parts[index]!
    const local = this.from[index]!
    const now = this.#now(index)
    for (const event of part.eventsOf(local, now)) {
      let number = this.names.known(act, index, event)
      if (number < 0) number = this.names.name(act, index, event, part.name, { event: part.events.values[event] })
      this.#step(number, index, part.move(local, event, now))
    }
    const { timers } = part.locals[local]!
    for (let position = 0; position < timers.length; position++) {
      if (!mayFire(timers[position]!)) continue
      const { id, nonce } = timers[position]!
      let number = this.names.known(timer, index, local * mostTimers + position)
      if (number < 0) number = this.names.name(timer, index, local * mostTimers + position, part.name, { id, nonce })
      this.#step(number, index, part.fire(local, position, now))
    }
    const budget = this.#layout.crashes[index]!
    if (!this.#mayStill(budget)) return
    for (const move of part.initial(now)) {
      this.#begin()
      this.#spend(budget)
      if (this.#apply(this.to, index, move)) this.sink.moved(this.names.name(crash, index, 0, part.name), move.commands)
    }
  }

  /** Delivers, keeps or loses what may come next out of a channel. */
  #carry(index: number): void {
    const { channels, loses, duplicates, targets } = this.#layout
    const slot = channels + index
    const content = this.from[slot]!
    const target = targets[index]!
    for (const { message, rest } of this.contents[index]!.choices(content)) {
      const move = this.parts[target]!.receive(this.from[target]!, message, this.#now(target))
      this.#arrive(deliver, index, message, rest, forbidden, move)
      if (this.#mayStill(duplicates[index]!)) this.#arrive(duplicate, index, message, content, duplicates[index]!, move)
      if (this.#mayStill(loses[index]!)) this.#arrive(lose, index, message, rest, loses[index]!, lost)
    }
  }

  /** A message comes to its part, or is lost, and leaves `content` behind it. */
  #arrive(kind: number, index: number, message: number, content: number, budget: number, move: Move): void {
    let number = this.names.known(kind, index, message)
    if (number < 0) number = this.names.name(kind, index, message, this.#layout.channelNames[index], { message: this.messages.values[message] })
    if ('message' in move) {
      this.sink.fault(number, move.kind, move.message)
      return
    }
    this.#begin()
    this.to[this.#layout.channels + index] = content
    this.#spend(budget)
    if (move.kind === 'ignored') this.sink.moved(number, none)
    else if (this.#apply(this.to, this.#layout.targets[index]!, move)) this.sink.moved(number, move.commands)
  }

  /** Time goes on by one tick, for each clock within its drift, unless some timer has to fire first. */
  #tick(): void {
    const { time, horizon, late } = this.#layout
    if (time >= 0 && this.from[time]! >= horizon) return
    for (let index = 0; index < this.parts.length; index++) if (this.parts[index]!.isUrgent(this.from[index]!, late)) return
    this.#begin()
    if (time >= 0) this.to[time] = this.from[time]! + 1
    this.#advance(0, 0)
  }

  /** Lets the clocks of the parts from `index` on go by a tick, in every way their drift allows. */
  #advance(index: number, pace: number): void {
    const { offsets, drifts } = this.#layout
    if (index === this.parts.length) {
      const number = this.names.known(tick, 0, pace)
      this.sink.moved(number < 0 ? this.names.name(tick, 0, pace, undefined, this.#paces(pace)) : number, none)
      return
    }
    const slot = offsets[index]!
    for (const ticks of slot < 0 ? exact : drifting) {
      if (slot >= 0) {
        const offset = this.from[slot]! + ticks - 1
        if (offset < 0 || offset > 2 * drifts[index]!) continue
        this.to[slot] = offset
      }
      this.to[index] = this.parts[index]!.tick(this.from[index]!, ticks)
      this.#advance(index + 1, pace * 3 + ticks)
    }
  }

  /** The clocks that do not go by one, out of a number with a digit to the base 3 for each part. */
  #paces(pace: number): { clocks?: Record<string, number> } {
    const digits = this.parts.map((part, index) => [part.name, Math.floor(pace / 3 ** (this.parts.length - 1 - index)) % 3] as const)
    const uneven = digits.filter(([, ticks]) => ticks !== 1)
    return uneven.length === 0 ? {} : { clocks: Object.fromEntries(uneven) }
  }

  #step(event: number, index: number, move: Move): void {
    if ('message' in move) this.sink.fault(event, move.kind, move.message)
    else if (move.kind === 'ignored') this.sink.ignored(event)
    else {
      this.#begin()
      if (this.#apply(this.to, index, move)) this.sink.moved(event, move.commands)
    }
  }

  #begin(): void {
    for (let field = 0; field < this.from.length; field++) this.to[field] = this.from[field]!
  }

  /** Puts a part into its next local state and its messages into channels; false when one of them has to wait. */
  #apply(vector: Int32Array, index: number, { local, sends }: Extract<Move, { kind: 'next' }>): boolean {
    vector[index] = local
    for (let position = 0; position < sends.length; position += 2) {
      const channel = sends[position]!
      const slot = this.#layout.channels + channel
      const content = this.contents[channel]!.put(vector[slot]!, sends[position + 1]!)
      if (content < 0) return false
      vector[slot] = content
    }
    return true
  }

  #mayStill(budget: number): boolean {
    return budget >= 0 ? this.from[budget]! > 0 : budget !== forbidden
  }

  #spend(budget: number): void {
    if (budget >= 0) this.to[budget]!--
  }

  #now(index: number): number {
    return clockOf(this.#layout, this.from, index)
  }
}
