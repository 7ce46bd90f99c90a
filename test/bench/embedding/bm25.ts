import { analyse } from '../../../src/vectors/text/analyse.ts'
import { stopWords } from '../../../src/vectors/text/stop-words.ts'

/** Textbook BM25 (k1 1.2, b 0.75) over all candidates, with the stemming and the stop words of the product. */
export function bm25(candidates: readonly string[]): (query: string) => Float64Array {
  const frequencies = candidates.map((text) => count(text))
  const lengths = frequencies.map((terms) => [...terms.values()].reduce((sum, times) => sum + times, 0))
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
  const rows = new Map<string, number[]>()
  frequencies.forEach((terms, row) => {
    for (const term of terms.keys()) {
      const list = rows.get(term)
      if (list === undefined) rows.set(term, [row])
      else list.push(row)
    }
  })
  return (query) => {
    const scores = new Float64Array(candidates.length)
    for (const term of count(query).keys()) {
      const having = rows.get(term) ?? []
      const idf = Math.log(1 + (candidates.length - having.length + 0.5) / (having.length + 0.5))
      for (const row of having) {
        const times = frequencies[row]!.get(term)!
        scores[row]! += (idf * times * 2.2) / (times + 1.2 * (0.25 + 0.75 * (lengths[row]! / mean)))
      }
    }
    return scores
  }
}

function count(text: string): Map<string, number> {
  const terms = new Map<string, number>()
  analyse(text, (term, word) => {
    if (!stopWords.has(word.toLowerCase())) terms.set(term, (terms.get(term) ?? 0) + 1)
  })
  return terms
}
