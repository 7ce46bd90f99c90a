import type { Randomness } from '../kernel/clock.ts'

/** Mulberry32: 32 bits of state, a few operations a number, good enough to pick faults with. */
export class Prng implements Randomness {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  id(): string {
    let hex = ''
    while (hex.length < 32) hex += Math.floor(this.next() * 0x1_0000_0000).toString(16).padStart(8, '0')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)] as Item
  }

  /** A source of its own, so that drawing more numbers in one place changes none in another. */
  fork(): Prng {
    return new Prng(Math.floor(this.next() * 0x1_0000_0000))
  }
}
