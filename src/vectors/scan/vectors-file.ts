import type { Input } from '../base/input.ts'
import type { Filter } from '../rows/filter.ts'
import { Kernel, rowsAtOnce, strideOf } from './kernel.ts'
import { openGraph } from './graph.ts'
import type { Graph } from './graph.ts'

/** Rows that are read with each that the graph finds. */
const rowsAround = 16

/**
 * The vectors of one model in the base, in the order of their rows:
 *
 *     u32 ordinal of each, f32 scale of each, then the vectors, each padded to a multiple of 16 bytes
 *
 * Ordinals and scales are kept in memory, the vectors are read when they are compared.
 */
export class BaseVectors {
  readonly dimension: number
  readonly count: number
  readonly ordinals: Uint32Array
  readonly #scales: Float32Array
  readonly #stride: number
  readonly #input: Input
  readonly #graph: Graph | undefined
  readonly #kernel = new Kernel()

  constructor(input: Input, dimension: number, count: number, graphPath: string | undefined) {
    this.dimension = dimension
    this.count = count
    this.#input = input
    this.#stride = strideOf(dimension)
    this.ordinals = new Uint32Array(input.read(0, 4 * count).buffer)
    this.#scales = new Float32Array(input.read(4 * count, 4 * count).buffer)
    this.#kernel.reserve(Math.min(count, rowsAtOnce) * this.#stride)
    this.#graph = graphPath === undefined ? undefined : openGraph(graphPath, dimension)
  }

  /** The vectors of the rows from `from` to `to` (not included), as a range of their places in the file. */
  range(from: number, to: number): { first: number; end: number } {
    return { first: this.#firstFrom(from), end: this.#firstFrom(to) }
  }

  get hasGraph(): boolean {
    return this.#graph !== undefined
  }

  /** Compares with all of a range. `found` returns how similar the next must be. */
  scan(query: Float32Array, first: number, end: number, filter: Filter, least: number, found: (ordinal: number, similarity: number) => number): void {
    this.#kernel.setQuery(query)
    this.#compare(first, end, filter, least, found)
  }

  /**
   * Compares with the nearest by the graph and with what lies around them: the rows of a session lie together, reading a few more costs
   * next to nothing, and they may be rows that no edge of the graph leads to. False, and nothing is compared, when fewer than `enough`
   * of the nearest pass the filter. Needs `hasGraph`.
   */
  near(query: Float32Array, count: number, enough: number, filter: Filter, least: number, found: (ordinal: number, similarity: number) => number): boolean {
    const places = this.#graph!.search(query, Math.min(count, this.count)).filter((place) => filter(this.ordinals[place]!))
    if (places.length < enough) return false
    this.#kernel.setQuery(query)
    let bound = least
    const blocks = [...new Set(places.map((place) => Math.floor(place / rowsAround)))].sort((one, other) => one - other)
    for (let first = 0, next = 1; first < blocks.length; first = next++) {
      while (next < blocks.length && blocks[next] === blocks[next - 1]! + 1) next++
      bound = this.#compare(blocks[first]! * rowsAround, Math.min(this.count, (blocks[next - 1]! + 1) * rowsAround), filter, bound, found)
    }
    return true
  }

  #compare(first: number, end: number, filter: Filter, least: number, found: (ordinal: number, similarity: number) => number): number {
    let bound = least
    for (let start = first; start < end; start += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, end - start)
      this.#input.readInto(this.#kernel.rows().subarray(0, count * this.#stride), this.#offset(start))
      const dots = this.#kernel.dots(0, count)
      for (let row = 0; row < count; row++) {
        const similarity = dots[row]! * this.#kernel.step * this.#scales[start + row]!
        if (similarity < bound) continue
        const ordinal = this.ordinals[start + row]!
        if (filter(ordinal)) bound = found(ordinal, similarity)
      }
    }
    return bound
  }

  #offset(place: number): number {
    return 8 * this.count + place * this.#stride
  }

  #firstFrom(ordinal: number): number {
    let [low, high] = [0, this.count]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ordinals[middle]! < ordinal) low = middle + 1
      else high = middle
    }
    return low
  }
}
