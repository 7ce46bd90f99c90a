import { gain, lengthNorm } from './bm25.ts'
import type { Corpus } from './bm25.ts'
import type { QueryTerm } from './query.ts'

/** Scores are summed as whole multiples of this part, so that a sum does not depend on its order. */
const parts = 2 ** 20

/** What one term adds to the score of a row, in parts: rises with the frequency, falls with the length. */
export interface TermScore {
  (frequency: number, length: number): number
}

export function termScore({ idf }: QueryTerm, corpus: Corpus): TermScore {
  const { flat, slope } = lengthNorm(corpus)
  const weight = idf * gain * parts
  return (frequency, length) => ((weight * frequency) / (frequency + flat + slope * length) + 0.5) | 0
}

/** A sum of parts as a BM25 score. */
export const fromParts = (sum: number): number => sum / parts
