const k1 = 1.2
const b = 0.75

/** Of all rows that are not gone, whatever their scope: a scope of its own statistics would need an index of its own. */
export interface Corpus {
  rows: number
  /** Terms of all rows. */
  terms: number
}

/** How much a term tells: the rarer, the more. */
export function idf(corpus: Corpus, rowsWithTerm: number): number {
  return Math.log(1 + (corpus.rows - rowsWithTerm + 0.5) / (rowsWithTerm + 0.5))
}

/** `frequency / (frequency + lengthNorm)` times this and the idf is what a term adds to the score of a row. */
export const gain = k1 + 1

/** `flat + slope * length` is the norm of a row of that many terms. */
export function lengthNorm(corpus: Corpus): { flat: number; slope: number } {
  const average = corpus.rows === 0 ? 1 : Math.max(1, corpus.terms / corpus.rows)
  return { flat: k1 * (1 - b), slope: (k1 * b) / average }
}
