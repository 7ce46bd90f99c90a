import { Numbered } from './numbered.ts'
import type { ProductEvent } from './product.ts'

const kinds = ['act', 'timer', 'crash', 'deliver', 'duplicate', 'lose', 'tick'] as const
export type ProductEventKind = (typeof kinds)[number]

/** Numbers of the events of a product. What an event looks like is only made up when its kind, place and detail are met for the first time. */
export class EventNames {
  readonly #events = new Numbered<ProductEvent>()
  readonly #numbers = kinds.map(() => [] as Map<number, number>[])

  get size(): number {
    return this.#events.values.length
  }

  at(number: number): ProductEvent {
    return this.#events.values[number]!
  }

  of(event: ProductEvent): number {
    return this.#events.of(event)
  }

  /** The number of an event that was named before, -1 for a new one. */
  known(kind: number, index: number, detail: number): number {
    return this.#numbers[kind]![index]?.get(detail) ?? -1
  }

  /** Names an event; `place` is its part or channel. */
  name(kind: number, index: number, detail: number, place: string | undefined, rest: Omit<ProductEvent, 'type'> = {}): number {
    const number = this.#events.of({ type: place === undefined ? kinds[kind]! : `${kinds[kind]!}:${place}`, ...rest })
    const numbers = (this.#numbers[kind]![index] ??= new Map())
    numbers.set(detail, number)
    return number
  }
}

/** The position of a kind, as `known` and `name` take it. */
export function kindOf(kind: ProductEventKind): number {
  return kinds.indexOf(kind)
}
