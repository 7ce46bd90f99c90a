import { gain, lengthNorm } from './bm25.ts'
import type { Corpus } from './bm25.ts'
import type { QueryTerm } from './query.ts'

/** Scores are summed as whole multiples of this part, so that a sum does not depend on its order. */
const parts = 2 ** 20

/** Lengths up to this have their norm in a table. */
const tableLength = 1_024

/** What terms add to the score of a row, in parts: rises with the frequency, falls with the length. */
export class Scoring {
  readonly #flat: number
  readonly #slope: number
  readonly #norms: Float64Array

  constructor(corpus: Corpus) {
    const { flat, slope } = lengthNorm(corpus)
    this.#flat = flat
    this.#slope = slope
    this.#norms = Float64Array.from({ length: tableLength }, (_, length) => flat + slope * length)
  }

  weight({ idf }: QueryTerm): number {
    return idf * gain * parts
  }

  add(weight: number, frequency: number, length: number): number {
    const norm = length < tableLength ? this.#norms[length]! : this.#flat + this.#slope * length
    return ((weight * frequency) / (frequency + norm) + 0.5) | 0
  }
}

/** A sum of parts as a BM25 score. */
export const fromParts = (sum: number): number => sum / parts
