import { analyse } from '../text/analyse.ts'
import { stopWords } from '../text/stop-words.ts'
import { idf } from './bm25.ts'
import type { Corpus } from './bm25.ts'

/** Matches are kept as bits of one integer. */
export const maxTerms = 32

/** Rows that are gone through for one query, about: common terms are left out beyond it, rather than let one query hold up all others. */
const maxRows = 1_500_000

export interface QueryTerm {
  term: string
  /** As it was asked. */
  word: string
  /** Rows that have it. */
  rows: number
  idf: number
}

/**
 * The terms of a query that occur at all. Stop words count only when nothing else is left; of a long text the terms that tell most count.
 * The order is fixed by the terms alone, so that sums come out the same whatever index they are made from.
 */
export function queryTerms(text: string, corpus: Corpus, rowsWith: (term: string) => number): QueryTerm[] {
  const words = new Map<string, string>()
  analyse(text, (term, word) => {
    if (!words.has(term)) words.set(term, word)
  })
  const telling = [...words].filter(([, word]) => !stopWords.has(word.toLowerCase()))
  const found = weigh(telling, corpus, rowsWith)
  const terms = found.length > 0 ? found : weigh([...words], corpus, rowsWith)
  const ordered = terms.sort((one, other) => other.idf - one.idf || (one.term < other.term ? -1 : 1)).slice(0, maxTerms)
  let rows = 0
  return ordered.filter((term, index) => (rows += term.rows) <= maxRows || index === 0)
}

function weigh(words: readonly [string, string][], corpus: Corpus, rowsWith: (term: string) => number): QueryTerm[] {
  return words.flatMap(([term, word]) => {
    const rows = rowsWith(term)
    return rows > 0 ? [{ term, word, rows, idf: idf(corpus, rows) }] : []
  })
}
