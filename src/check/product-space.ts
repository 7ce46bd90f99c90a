import { HivemindError, messageOf } from '../kernel/errors.ts'
import { Contents } from './channel.ts'
import { EventNames } from './event-names.ts'
import { Numbered } from './numbered.ts'
import { PackedVectors } from './packed.ts'
import { productName, type ProductEvent, type ProductOptions, type ProductView } from './product.ts'
import { layoutOf, type Layout } from './product-layout.ts'
import { ProductMoves } from './product-moves.ts'
import { assumptionsOf, coverageOf } from './product-report.ts'
import { VectorView } from './product-view.ts'
import type { Command, PathStep, Space, Visitor } from './space.ts'
import { Symmetry } from './symmetry.ts'
import { Tabulated } from './tabulated.ts'
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
  readonly #names = new EventNames()
  readonly #symmetry: Symmetry | undefined
  /** States are not exchanged for those they are merged with, while a path is followed. */
  #asItIs = false
  readonly #moves: ProductMoves
  readonly #from: Int32Array
  readonly #settled: Int32Array
  #expanded = -1
  #visitor!: Visitor
  #afterIs: Int32Array
  commands: readonly Command[] = none
  taken = -1

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
    this.#moves = new ProductMoves(options.time !== undefined, this.#layout, this.#parts, this.#contents, this.#messages, this.#names, {
      moved: (event, commands) => this.#moved(event, commands),
      ignored: (event) => {
        this.#stay(event)
        this.#visitor.successor(this.#expanded, false, false)
      },
      fault: (event, kind, message) => {
        this.#stay(event)
        this.#visitor.fault(kind, message)
      },
    })
    this.#from = this.#moves.from
    this.#settled = new Int32Array(this.#layout.width)
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
      vectors = this.#moves.initial()
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

  expand(number: number, visitor: Visitor): void {
    this.#vectors.read(number, this.#from)
    this.#expanded = number
    this.#visitor = visitor
    this.#moves.takeAll()
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
    let current = this.#vectors.add(this.#moves.initial()[root]!)
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
        successor: (target) => {
          if (this.taken !== wanted) return
          next = target
          commands = this.commands
        },
        fault: (_, message) => {
          if (this.taken === wanted) error = message
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

  #moved(event: number, commands: readonly Command[]): void {
    const { to } = this.#moves
    let vector = to
    if (this.#symmetry && !this.#asItIs) {
      vector = this.#settled
      vector.set(to)
      this.#symmetry.settle(vector)
    }
    const target = this.#vectors.add(vector)
    const { fresh } = this.#vectors
    // As it was reached, not as it was merged: a step property compares it with `before`.
    this.#afterIs = to
    this.commands = commands
    this.taken = event
    this.#visitor.successor(target, fresh, target !== this.#expanded || commands.length > 0)
  }

  #stay(event: number): void {
    this.taken = event
    this.#afterIs = this.#from
    this.commands = none
  }
}
