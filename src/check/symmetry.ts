import { InvalidArgument } from '../kernel/errors.ts'
import type { Contents } from './channel.ts'
import type { ProductEvent, ProductOptions } from './product.ts'
import type { Layout } from './product-layout.ts'
import { permutations, rename, type Renaming } from './rename.ts'
import type { Tabulated } from './tabulated.ts'

/** One way to exchange parts that are alike. */
interface Exchange {
  names: Renaming
  back: Renaming
  /** Field that takes over each field of a vector. */
  fields: number[]
  /** Values after the exchange, by field and value: local states and contents get the others' names. */
  renamed: Map<number, number>[]
}

/** Merges states of a product that differ only in which of the parts that are alike is which: each stands for itself and its exchanges. */
export class Symmetry {
  readonly #exchanges: Exchange[]
  readonly #turned: Int32Array
  readonly #least: Int32Array

  constructor(readonly options: ProductOptions<any>, readonly layout: Layout, readonly parts: readonly Tabulated<any, any, any>[], readonly contents: readonly Contents[]) {
    const orders = (options.symmetry ?? []).map((group) => permutations(group).map((order) => new Map(group.map((name, index) => [name, order[index]!]))))
    const combined = orders.reduce<Map<string, string>[]>((all, next) => all.flatMap((left) => next.map((right) => new Map([...left, ...right]))), [new Map()])
    this.#exchanges = combined.map((names) => this.#exchange(names))
    this.#turned = new Int32Array(layout.width)
    this.#least = new Int32Array(layout.width)
  }

  /** Replaces a vector by the least of its exchanges; gives the number of the exchange. */
  settle(vector: Int32Array): number {
    let best = 0
    this.#least.set(vector)
    for (let index = 1; index < this.#exchanges.length; index++) {
      this.#turn(vector, this.#exchanges[index]!)
      if (!isLess(this.#turned, this.#least)) continue
      this.#least.set(this.#turned)
      best = index
    }
    vector.set(this.#least)
    return best
  }

  /** What happens in reality when `event` happens after the exchange. */
  before(exchange: number, event: ProductEvent): ProductEvent {
    const { back } = this.#exchanges[exchange]!
    const [kind, place] = event.type.split(/:(.*)/s)
    return { ...(rename(event, back) as ProductEvent), type: place === undefined ? kind! : `${kind}:${back.get(place) ?? place}` }
  }

  /** Throws when parts that should be alike are not even so at the start. */
  assertAlike(initial: Int32Array): void {
    for (const exchange of this.#exchanges) {
      this.#turn(initial, exchange)
      if (isLess(this.#turned, initial) || isLess(initial, this.#turned)) {
        throw new InvalidArgument('symmetry', 'the parts of a group are not alike: exchanging their names changes the initial state')
      }
    }
  }

  #turn(vector: Int32Array, { fields, renamed, names }: Exchange): void {
    for (let field = 0; field < vector.length; field++) {
      const value = vector[field]!
      const known = renamed[field]!.get(value)
      if (known !== undefined) {
        this.#turned[fields[field]!] = known
        continue
      }
      const next = this.#renamed(field, fields[field]!, value, names)
      renamed[field]!.set(value, next)
      this.#turned[fields[field]!] = next
    }
  }

  #renamed(field: number, to: number, value: number, names: Renaming): number {
    const { channels, channelNames } = this.layout
    if (field < channels) return this.parts[to]!.adopt(this.parts[field]!.locals[value]!, names)
    if (field < channels + channelNames.length) return this.contents[to - channels]!.adopt(this.contents[field - channels]!.read(value), names)
    return value
  }

  #exchange(parts: ReadonlyMap<string, string>): Exchange {
    const { partNames, channelNames, channels, crashes, loses, duplicates, offsets, width, targets } = this.layout
    const names = new Map(parts)
    const channelTo = channelNames.map((name, index) => {
      const target = partNames[targets[index]!]!
      const rank = channelNames.filter((_, other) => other < index && targets[other] === targets[index]).length
      const counterpart = channelNames.filter((_, other) => partNames[targets[other]!] === (parts.get(target) ?? target))[rank]
      if (counterpart === undefined) throw new InvalidArgument('symmetry', `"${parts.get(target)}" has no channel that matches "${name}" of "${target}"`)
      if (counterpart !== name) names.set(name, counterpart)
      return channelNames.indexOf(counterpart)
    })
    const partTo = partNames.map((name) => partNames.indexOf(parts.get(name) ?? name))
    const fields = Array.from({ length: width }, (_, field) => field)
    const follow = (of: readonly number[], to: readonly number[]): void => of.forEach((field, index) => {
      if (field >= 0) fields[field] = of[to[index]!]!
    })
    partTo.forEach((to, index) => { fields[index] = to })
    channelTo.forEach((to, index) => { fields[channels + index] = channels + to })
    follow(crashes, partTo)
    follow(offsets, partTo)
    follow(loses, channelTo)
    follow(duplicates, channelTo)
    if (fields.some((field) => field < 0)) throw new InvalidArgument('symmetry', 'the parts of a group differ in their channels, budgets or clocks')
    return { names, back: new Map([...names].map(([from, to]) => [to, from])), fields, renamed: fields.map(() => new Map()) }
  }
}

function isLess(left: Int32Array, right: Int32Array): boolean {
  for (let field = 0; field < left.length; field++) if (left[field] !== right[field]) return left[field]! < right[field]!
  return false
}
