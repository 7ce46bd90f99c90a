import { HivemindError, InvalidArgument, messageOf } from '../kernel/errors.ts'
import { Contents } from './channel.ts'
import { EventNames, kindOf } from './event-names.ts'
import { Numbered } from './numbered.ts'
import { PackedVectors } from './packed.ts'
import { mayFire } from './pending.ts'
import { productName, type ProductEvent, type ProductOptions, type ProductView } from './product.ts'
import { forbidden, layoutOf, type Layout } from './product-layout.ts'
import { assumptionsOf, coverageOf } from './product-report.ts'
import { clockOf, VectorView } from './product-view.ts'
import type { Command, PathStep, Space, Visitor } from './space.ts'
import { Symmetry } from './symmetry.ts'
import { Tabulated, type Move } from './tabulated.ts'
import type { Traps } from './traps.ts'

const none: readonly Command[] = []
const lost: Move = { kind: 'ignored' }
const [act, timer, crash, deliver, duplicate, lose, tick] = (['act', 'timer', 'crash', 'deliver', 'duplicate', 'lose', 'tick'] as const).map(kindOf) as [number, number, number, number, number, number, number]
/** More timers at once than any part has. */
const mostTimers = 64
const exact = [1]
const drifting = [1, 0, 2]

/** The states of a product, as vectors of numbers: local states of the parts, contents of the channels, what is left of the adversary's budgets, clocks. */
export class ProductSpace implements Space<ProductView<any>, ProductEvent> {
  readonly name: string
  readonly #layout: Layout
  readonly #parts: Tabulated<any, any, any>[]
  readonly #contents: Contents[]
  readonly #messages = new Numbered<unknown>()
  readonly #vectors: PackedVectors
  readonly #names = new EventNames()
  readonly #symmetry: Symmetry | undefined
  /** States are not exchanged for those they are merged with, while a path is followed. */
  #asItIs = false
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
    this.#symmetry = options.symmetry === undefined ? undefined : new Symmetry(options, this.#layout, this.#parts, this.#contents)
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
    return this.#names.size
  }

  event(number: number): ProductEvent {
    return this.#names.at(number)
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
      this.#symmetry?.assertAlike(vector)
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
    for (const event of part.eventsOf(local, now)) {
      let number = this.#names.known(act, index, event)
      if (number < 0) number = this.#names.name(act, index, event, part.name, { event: part.events.values[event] })
      this.#step(number, index, part.move(local, event, now))
    }
    const { timers } = part.locals[local]!
    for (let position = 0; position < timers.length; position++) {
      if (!mayFire(timers[position]!)) continue
      const { id, nonce } = timers[position]!
      let number = this.#names.known(timer, index, local * mostTimers + position)
      if (number < 0) number = this.#names.name(timer, index, local * mostTimers + position, part.name, { id, nonce })
      this.#step(number, index, part.fire(local, position, now))
    }
    const budget = this.#layout.crashes[index]!
    if (!this.#mayStill(budget)) return
    for (const move of part.initial(now)) {
      this.#begin()
      this.#spend(budget)
      if (this.#apply(this.#to, index, move)) this.#visit(this.#names.name(crash, index, 0, part.name), move.commands)
    }
  }

  /** Delivers, keeps or loses what may come next out of a channel. */
  #carry(index: number): void {
    const { channels, loses, duplicates, targets } = this.#layout
    const slot = channels + index
    const content = this.#from[slot]!
    const target = targets[index]!
    for (const { message, rest } of this.#contents[index]!.choices(content)) {
      const move = this.#parts[target]!.receive(this.#from[target]!, message, this.#now(target))
      this.#arrive(deliver, index, message, rest, forbidden, move)
      if (this.#mayStill(duplicates[index]!)) this.#arrive(duplicate, index, message, content, duplicates[index]!, move)
      if (this.#mayStill(loses[index]!)) this.#arrive(lose, index, message, rest, loses[index]!, lost)
    }
  }

  /** A message comes to its part, or is lost, and leaves `content` behind it. */
  #arrive(kind: number, index: number, message: number, content: number, budget: number, move: Move): void {
    let number = this.#names.known(kind, index, message)
    if (number < 0) number = this.#names.name(kind, index, message, this.#layout.channelNames[index], { message: this.#messages.values[message] })
    if ('message' in move) {
      this.#fault(number, move.kind, move.message)
      return
    }
    this.#begin()
    this.#to[this.#layout.channels + index] = content
    this.#spend(budget)
    if (move.kind === 'ignored') this.#visit(number, none)
    else if (this.#apply(this.#to, this.#layout.targets[index]!, move)) this.#visit(number, move.commands)
  }

  /** Time goes on by one tick, for each clock within its drift, unless some timer has to fire first. */
  #tick(): void {
    const { time, horizon, late } = this.#layout
    if (time >= 0 && this.#from[time]! >= horizon) return
    for (let index = 0; index < this.#parts.length; index++) if (this.#parts[index]!.isUrgent(this.#from[index]!, late)) return
    this.#begin()
    if (time >= 0) this.#to[time] = this.#from[time]! + 1
    this.#advance(0, 0)
  }

  /** Lets the clocks of the parts from `index` on go by a tick, in every way their drift allows. */
  #advance(index: number, pace: number): void {
    const { offsets, drifts } = this.#layout
    if (index === this.#parts.length) {
      const number = this.#names.known(tick, 0, pace)
      this.#visit(number < 0 ? this.#names.name(tick, 0, pace, undefined, this.#paces(pace)) : number, none)
      return
    }
    const slot = offsets[index]!
    for (const ticks of slot < 0 ? exact : drifting) {
      if (slot >= 0) {
        const offset = this.#from[slot]! + ticks - 1
        if (offset < 0 || offset > 2 * drifts[index]!) continue
        this.#to[slot] = offset
      }
      this.#to[index] = this.#parts[index]!.tick(this.#from[index]!, ticks)
      this.#advance(index + 1, pace * 3 + ticks)
    }
  }

  /** The clocks that do not go by one, out of a number with a digit to the base 3 for each part. */
  #paces(pace: number): { clocks?: Record<string, number> } {
    const digits = this.#parts.map((part, index) => [part.name, Math.floor(pace / 3 ** (this.#parts.length - 1 - index)) % 3] as const)
    const uneven = digits.filter(([, ticks]) => ticks !== 1)
    return uneven.length === 0 ? {} : { clocks: Object.fromEntries(uneven) }
  }

  #step(event: number, index: number, move: Move): void {
    if ('message' in move) this.#fault(event, move.kind, move.message)
    else if (move.kind === 'ignored') {
      this.#afterIs = this.#from
      this.commands = none
      this.#visitor.successor(event, this.#expanded, false, false)
    } else {
      this.#begin()
      if (this.#apply(this.#to, index, move)) this.#visit(event, move.commands)
    }
  }

  #begin(): void {
    for (let field = 0; field < this.#from.length; field++) this.#to[field] = this.#from[field]!
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
    let exchange = 0
    return this.#follow(root, (step) => {
      const event = events[step]
      return event && (this.#symmetry?.before(exchange, event) ?? event)
    }, (vector) => { exchange = this.#symmetry?.settle(vector) ?? 0 })
  }

  /** Runs events as they are, e.g. those of a path that was saved. */
  run(root: number, events: readonly ProductEvent[]): PathStep<ProductEvent>[] {
    return this.#follow(root, (step) => events[step], () => undefined)
  }

  #follow(root: number, eventAt: (step: number) => ProductEvent | undefined, settled: (vector: Int32Array) => void): PathStep<ProductEvent>[] {
    this.#asItIs = true
    let current = this.#vectors.add(this.#initial()[root]!)
    const picture = (): unknown => {
      this.#vectors.read(current, this.#from)
      const shown = this.#view(this.#from).picture()
      settled(this.#from)
      return shown
    }
    const steps: PathStep<ProductEvent>[] = [{ event: null, state: picture() }]
    for (let event = eventAt(0); event !== undefined; event = eventAt(steps.length - 1)) {
      const wanted = this.#names.of(event)
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
    this.#asItIs = false
    return steps
  }

  coverage(): { neverTaken: string[]; neverEntered: string[] } {
    return coverageOf(this.#parts)
  }

  get assumptions(): string[] {
    return assumptionsOf(this.options, this.#layout, this.#parts, this.#contents)
  }

  #view(vector: Int32Array): VectorView {
    return new VectorView(this.#layout, this.#parts, this.#contents, vector)
  }

  #visit(event: number, commands: readonly Command[]): void {
    if (!this.#asItIs) this.#symmetry?.settle(this.#to)
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
}
