import { Ints } from './ints.ts'

/** Lists of integers of any length, numbered in the order in which they are added; equal lists share a number. Exact: no hash stands for a list. */
export class Tuples {
  #cells = new Int32Array(64)
  readonly #starts = new Ints(16)
  #index = new Int32Array(32).fill(-1)
  size = 0

  constructor() {
    this.#starts.push(0)
  }

  /** Adds the integers of `list` from `from` up to `to`. */
  add(list: Int32Array, from: number, to: number): number {
    if ((this.size + 1) * 2 > this.#index.length) this.#rehash()
    const index = this.#index
    const mask = index.length - 1
    let slot = hashOf(list, from, to) & mask
    for (;;) {
      const number = index[slot]!
      if (number === -1) break
      if (this.#holds(number, list, from, to)) return number
      slot = (slot + 1) & mask
    }
    index[slot] = this.size
    return this.#append(list, from, to)
  }

  /** Where the integers of a list begin, for `cell`. */
  start(number: number): number {
    return this.#starts.at(number)
  }

  cell(position: number): number {
    return this.#cells[position]!
  }

  #holds(number: number, list: Int32Array, from: number, to: number): boolean {
    const cells = this.#cells
    const start = this.#starts.at(number)
    if (this.#starts.at(number + 1) - start !== to - from) return false
    for (let at = from, cell = start; at < to; at++, cell++) if (cells[cell] !== list[at]) return false
    return true
  }

  #append(list: Int32Array, from: number, to: number): number {
    const start = this.#starts.at(this.size)
    const end = start + to - from
    if (end > this.#cells.length) {
      const larger = new Int32Array(Math.max(end, this.#cells.length * 2))
      larger.set(this.#cells)
      this.#cells = larger
    }
    for (let at = from, cell = start; at < to; at++, cell++) this.#cells[cell] = list[at]!
    this.#starts.push(end)
    return this.size++
  }

  #rehash(): void {
    const index = new Int32Array(this.#index.length * 2).fill(-1)
    const mask = index.length - 1
    for (let number = 0; number < this.size; number++) {
      let slot = hashOf(this.#cells, this.#starts.at(number), this.#starts.at(number + 1)) & mask
      while (index[slot] !== -1) slot = (slot + 1) & mask
      index[slot] = number
    }
    this.#index = index
  }
}

function hashOf(list: Int32Array, from: number, to: number): number {
  let hash = 0x9e3779b9 | 0
  for (let at = from; at < to; at++) {
    hash = Math.imul(hash ^ list[at]!, 0x85ebca6b)
    hash ^= hash >>> 13
  }
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
