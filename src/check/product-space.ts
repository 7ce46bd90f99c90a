import { HivemindError, InvalidArgument, messageOf } from '../kernel/errors.ts'
import { Contents } from './channel.ts'
import { Numbered } from './numbered.ts'
import { PackedVectors } from './packed.ts'
import { productName, type ProductEvent, type ProductOptions, type ProductView } from './product.ts'
import { forbidden, layoutOf, type Layout } from './product-layout.ts'
import { clockOf, VectorView } from './product-view.ts'
import type { Command, PathStep, Space, Visitor } from './space.ts'
import { Tabulated, type Move } from './tabulated.ts'
import type { Traps } from './traps.ts'

const none: readonly Command[] = []

/** The states of a product, as vectors of numbers: local states of the parts, contents of the channels, what is left of the adversary's budgets, clocks. */
export class ProductSpace implements Space<ProductView<any>, ProductEvent> {
  readonly name: string
  readonly #layout: Layout
  readonly #parts: Tabulated<any, any, any>[]
  readonly #contents: Contents[]
  readonly #messages = new Numbered<unknown>()
  readonly #vectors: PackedVectors
  readonly #events = new Numbered<ProductEvent>()
  readonly #labels = new Map<number, number>()
  readonly #from: Int32Array
  readonly #to: Int32Array
  #expanded = -1
  #visitor!: Visitor
  #afterIs: Int32Array
  commands: readonly Command[] = none

  constructor(readonly options: ProductOptions<any>, traps: Traps) {
    this.name = productName(options)
    this.#layout = layoutOf(options)
    const { partNames, channelNames, horizon, msPerTick, maxDrift } = this.#layout
    const wires = { channels: new Map(channelNames.map((name, index) => [name, index])), messages: this.#messages }
    const ticksOf = options.time === undefined ? undefined : (ms: number): number => Math.ceil(ms / msPerTick)
    const time = { ticksOf, moments: horizon === Infinity ? 1 : horizon + maxDrift + 1 }
    this.#parts = partNames.map((name) => new Tabulated(name, options.parts[name]!, wires, time, traps))
    this.#contents = channelNames.map((name) => new Contents(options.channels![name]!, this.#messages))
    this.#vectors = new PackedVectors(this.#layout.width)
    this.#from = new Int32Array(this.#layout.width)
    this.#to = new Int32Array(this.#layout.width)
    this.#afterIs = this.#from
  }

  get size(): number {
    return this.#vectors.size
  }

  get bytes(): number {
    return this.#vectors.bytes
  }

  get eventCount(): number {
    return this.#events.values.length
  }

  event(number: number): ProductEvent {
    return this.#events.values[number]!
  }

  get before(): ProductView<any> {
    return this.#view(this.#from)
  }

  get after(): ProductView<any> {
    return this.#view(this.#afterIs)
  }

  /** At the horizon nothing more is asked; and a product has ended when all of its parts have. */
  get ended(): boolean {
    const { time, horizon } = this.#layout
    return (time >= 0 && this.#from[time] === horizon) || this.#parts.every((part, index) => part.stepper.ended(part.locals[this.#from[index]!]!.state))
  }

  roots(visit: (state: number, fresh: boolean) => void, fault: (message: string) => void): void {
    let vectors
    try {
      vectors = this.#initial()
    } catch (error) {
      if (error instanceof HivemindError) throw error
      fault(messageOf(error))
      return
    }
    for (const vector of vectors) {
      this.#afterIs = vector
      const number = this.#vectors.add(vector)
      visit(number, this.#vectors.fresh)
    }
  }

  /** All combinations of the parts' initial states, with what they send at once. */
  #initial(): Int32Array[] {
    let open = [this.#layout.first]
    this.#parts.forEach((part, index) => {
      open = open.flatMap((vector) => part.initial(0).map((move) => {
        const next = Int32Array.from(vector)
        if (!this.#apply(next, index, move)) throw new InvalidArgument('capacity', `a channel is full before anything has happened: "${part.name}" sends too much when it begins`)
        return next
      }))
    })
    return open
  }

  expand(number: number, visitor: Visitor): void {
    this.#vectors.read(number, this.#from)
    this.#expanded = number
    this.#visitor = visitor
    for (let index = 0; index < this.#parts.length; index++) this.#act(index)
    for (let index = 0; index < this.#contents.length; index++) this.#carry(index)
    if (this.options.time !== undefined) this.#tick()
  }

  #act(index: number): void {
    const part = this.#parts[index]!
    const local = this.#from[index]!
    const now = this.#now(index)
    for (const event of part.eventsOf(local, now)) this.#step(0, index, event, part.move(local, event, now), () => ({ type: `act:${part.name}`, event: part.events.values[event] }))
    for (const position of part.dueTimers(local)) {
      const { id, nonce } = part.locals[local]!.timers[position]!
      this.#step(1, index, local * 16 + position, part.fire(local, position, now), () => ({ type: `timer:${part.name}`, id, nonce }))
    }
    const budget = this.#layout.crashes[index]!
    if (!this.#mayStill(budget)) return
    for (const move of part.initial(now)) {
      this.#to.set(this.#from)
      this.#spend(budget)
      if (this.#apply(this.#to, index, move)) this.#visit(this.#label(2, index, 0, () => ({ type: `crash:${part.name}` })), move.commands)
    }
  }

  /** Delivers, keeps or loses what may come next out of a channel. */
  #carry(index: number): void {
    const contents = this.#contents[index]!
    const { channels, channelNames, loses, duplicates, targets } = this.#layout
    const slot = channels + index
    const content = this.#from[slot]!
    const target = targets[index]!
    const part = this.#parts[target]!
    const local = this.#from[target]!
    const now = this.#now(target)
    for (const position of contents.positions(content)) {
      const message = contents.list(content)[position]!
      const rest = contents.without(content, position)
      const label = (): Partial<ProductEvent> => ({ message: this.#messages.values[message] })
      const event = part.eventOf(local, this.#messages.values[message], now)
      const move: Move = event < 0 ? { kind: 'ignored' } : part.move(local, event, now)
      const arrive = (kind: number, name: string, left: number, budget: number): void => {
        this.#to.set(this.#from)
        this.#to[slot] = left
        this.#spend(budget)
        const number = this.#label(kind, index, message, () => ({ type: `${name}:${channelNames[index]}`, ...label() }))
        if ('message' in move) this.#fault(number, move.kind, move.message)
        else if (move.kind === 'ignored') this.#visit(number, none)
        else if (this.#apply(this.#to, target, move)) this.#visit(number, move.commands)
      }
      arrive(3, 'deliver', rest, forbidden)
      if (this.#mayStill(duplicates[index]!)) arrive(4, 'duplicate', content, duplicates[index]!)
      const lose = loses[index]!
      if (this.#mayStill(lose)) {
        this.#to.set(this.#from)
        this.#to[slot] = rest
        this.#spend(lose)
        this.#visit(this.#label(5, index, message, () => ({ type: `lose:${channelNames[index]}`, ...label() })), none)
      }
    }
  }

  /** Time goes on by one tick, for each clock within its drift, unless some timer has to fire first. */
  #tick(): void {
    const { time, horizon, late, partNames, offsets, drifts } = this.#layout
    if (time >= 0 && this.#from[time]! >= horizon) return
    for (let index = 0; index < this.#parts.length; index++) if (this.#parts[index]!.isUrgent(this.#from[index]!, late)) return
    const advance = (index: number, code: number, clocks: Record<string, number>): void => {
      if (index === this.#parts.length) {
        if (time >= 0) this.#to[time] = this.#from[time]! + 1
        this.#visit(this.#label(6, 0, code, () => (Object.keys(clocks).length === 0 ? { type: 'tick' } : { type: 'tick', clocks })), none)
        return
      }
      const part = this.#parts[index]!
      const slot = offsets[index]!
      for (const ticks of slot < 0 ? [1] : [1, 0, 2]) {
        if (slot >= 0) {
          const offset = this.#from[slot]! + ticks - 1
          if (offset < 0 || offset > 2 * drifts[index]!) continue
          this.#to[slot] = offset
        }
        this.#to[index] = part.tick(this.#from[index]!, ticks)
        advance(index + 1, code * 3 + ticks, ticks === 1 ? clocks : { ...clocks, [partNames[index]!]: ticks })
      }
    }
    this.#to.set(this.#from)
    advance(0, 0, {})
  }

  #step(kind: number, index: number, detail: number, move: Move, label: () => ProductEvent): void {
    const number = this.#label(kind, index, detail, label)
    if ('message' in move) this.#fault(number, move.kind, move.message)
    else if (move.kind === 'ignored') {
      this.#afterIs = this.#from
      this.commands = none
      this.#visitor.successor(number, this.#expanded, false, false)
    } else {
      this.#to.set(this.#from)
      if (this.#apply(this.#to, index, move)) this.#visit(number, move.commands)
    }
  }

  /** Puts a part into its next local state and its messages into channels; false when one of them has to wait. */
  #apply(vector: Int32Array, index: number, { local, sends }: Extract<Move, { kind: 'next' }>): boolean {
    vector[index] = local
    for (let position = 0; position < sends.length; position += 2) {
      const channel = sends[position]!
      const slot = this.#layout.channels + channel
      const content = this.#contents[channel]!.put(vector[slot]!, sends[position + 1]!)
      if (content < 0) return false
      vector[slot] = content
    }
    return true
  }

  path(root: number, events: readonly ProductEvent[]): PathStep<ProductEvent>[] {
    let current = this.#vectors.add(this.#initial()[root]!)
    const picture = (): unknown => {
      this.#vectors.read(current, this.#from)
      return this.#view(this.#from).picture()
    }
    const steps: PathStep<ProductEvent>[] = [{ event: null, state: picture() }]
    for (const event of events) {
      const wanted = this.#events.of(event)
      let next = current
      let commands = none
      let error: string | undefined
      this.expand(current, {
        successor: (number, target) => {
          if (number !== wanted) return
          next = target
          commands = this.commands
        },
        fault: (number, _, message) => {
          if (number === wanted) error = message
        },
      })
      current = next
      steps.push(error === undefined ? { event, state: picture(), commands } : { event, state: picture(), error })
    }
    return steps
  }

  coverage(): { neverTaken: string[]; neverEntered: string[] } {
    const all = this.#parts.map((part) => ({ name: part.name, ...part.stepper.coverage() }))
    const named = (key: 'neverTaken' | 'neverEntered'): string[] => all.flatMap((coverage) => coverage[key].map((entry) => `${coverage.name}: ${entry}`))
    return { neverTaken: named('neverTaken'), neverEntered: named('neverEntered') }
  }

  get assumptions(): string[] {
    const { horizon, channelNames } = this.#layout
    return [
      ...this.#parts.flatMap((part) => part.stepper.assumptions.map((assumption) => `${part.name}: ${assumption}`)),
      ...(horizon === Infinity ? [] : [`only the first ${horizon} ticks are looked at`]),
      ...channelNames.filter((_, index) => this.#contents[index]!.wasFull).map((name) => {
        const { capacity, lose } = this.options.channels![name]!
        return `channel "${name}" was full (${capacity}): ${lose > 0 ? 'what was sent then is lost' : 'senders wait for it'}`
      }),
    ]
  }

  #view(vector: Int32Array): VectorView {
    return new VectorView(this.#layout, this.#parts, this.#contents, vector)
  }

  #visit(event: number, commands: readonly Command[]): void {
    const target = this.#vectors.add(this.#to)
    const { fresh } = this.#vectors
    this.#afterIs = this.#to
    this.commands = commands
    this.#visitor.successor(event, target, fresh, target !== this.#expanded || commands.length > 0)
  }

  #fault(event: number, kind: 'throw' | 'nondeterministic', message: string): void {
    this.#afterIs = this.#from
    this.commands = none
    this.#visitor.fault(event, kind, message)
  }

  #mayStill(budget: number): boolean {
    return budget >= 0 ? this.#from[budget]! > 0 : budget !== forbidden
  }

  #spend(budget: number): void {
    if (budget >= 0) this.#to[budget]!--
  }

  #now(index: number): number {
    return clockOf(this.#layout, this.#from, index)
  }

  /** The number of an event; what it looks like is only worked out for the first of its kind. */
  #label(kind: number, index: number, detail: number, label: () => ProductEvent): number {
    const key = (detail * 64 + index) * 8 + kind
    let number = this.#labels.get(key)
    if (number === undefined) this.#labels.set(key, number = this.#events.of(label()))
    return number
  }
}
