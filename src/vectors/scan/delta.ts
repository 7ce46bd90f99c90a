import type { Filter } from '../rows/filter.ts'
import { Kernel, rowsAtOnce, strideOf } from './kernel.ts'

/** The vectors that are not in the base, in memory, searched one by one. */
export class DeltaVectors {
  readonly dimension: number
  readonly #stride: number
  readonly #kernel = new Kernel()
  readonly #rowOf = new Map<number, number>()
  #ordinals = new Uint32Array(64)
  #scales = new Float32Array(64)
  #count = 0

  constructor(dimension: number) {
    this.dimension = dimension
    this.#stride = strideOf(dimension)
  }

  get count(): number {
    return this.#count
  }

  /** `stored`: `dimension` signed bytes and the scale, a 32-bit little-endian float. Takes the place of an earlier one. */
  set(ordinal: number, stored: Uint8Array): void {
    let row = this.#rowOf.get(ordinal)
    if (row === undefined) {
      row = this.#append(ordinal)
      this.#rowOf.set(ordinal, row)
    }
    this.#kernel.rows().set(stored.subarray(0, this.dimension), row * this.#stride)
    this.#scales[row] = new DataView(stored.buffer, stored.byteOffset).getFloat32(this.dimension, true)
  }

  #append(ordinal: number): number {
    const row = this.#count++
    if (row >= this.#ordinals.length) {
      const [ordinals, scales] = [this.#ordinals, this.#scales]
      this.#ordinals = new Uint32Array(2 * row)
      this.#ordinals.set(ordinals)
      this.#scales = new Float32Array(2 * row)
      this.#scales.set(scales)
    }
    this.#kernel.reserve(this.#ordinals.length * this.#stride)
    this.#ordinals[row] = ordinal
    return row
  }

  /** Calls `found` for every row that is similar enough and passes the filter. `found` returns how similar the next must be. */
  search(query: Float32Array, filter: Filter, least: number, found: (ordinal: number, similarity: number) => number): void {
    this.#kernel.setQuery(query)
    let bound = least
    for (let first = 0; first < this.#count; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, this.#count - first)
      const dots = this.#kernel.dots(first, count)
      for (let row = 0; row < count; row++) {
        const similarity = dots[row]! * this.#kernel.step * this.#scales[first + row]!
        if (similarity < bound) continue
        const ordinal = this.#ordinals[first + row]!
        if (filter(ordinal)) bound = found(ordinal, similarity)
      }
    }
  }
}
