import { Postings } from './postings.ts'
import { scanTerms } from './terms.ts'

/** The usual constants of BM25: saturation of repeated words, and how much length counts. */
const k1 = 1.2
const b = 0.75

export interface Hit {
  /** Number of the passage, in the order it was added. */
  passage: number
  score: number
}

export interface QueryTerm {
  term: number
  idf: number
}

/**
 * An inverted index over passages, ranked by BM25. Memory stays under `budgetBytes`: at three quarters of it the words that occur in
 * more than 2% of the passages are no longer followed (they rank next to nothing), at all of it no passage is added any more.
 */
export class SearchIndex {
  #postings = new Postings()
  #lengths = new Uint16Array(1 << 10)
  #passages = 0
  #totalLength = 0
  #scores = new Float32Array(0)
  /** Per passage while a query is scored: sum of the weights of the query's words it holds. */
  #covered = new Float32Array(0)
  readonly #budget: number
  #occurrences = new Map<number, number>()

  constructor(options: { budgetBytes?: number } = {}) {
    this.#budget = options.budgetBytes ?? 512 * 1024 ** 2
  }

  get passages(): number {
    return this.#passages
  }

  get terms(): number {
    return this.#postings.terms
  }

  get bytes(): number {
    return this.#postings.bytes + this.#lengths.byteLength + this.#scores.byteLength * 2
  }

  /** Number of the new passage, or `undefined` when the index is full. `heading` (a path, say) counts like text but adds no length. */
  add(text: string, heading = ''): number | undefined {
    if (this.bytes >= this.#budget) return undefined
    const frugal = this.bytes >= this.#budget * 0.75
    const passage = this.#passages
    const counts = this.#occurrences
    counts.clear()
    let length = 0
    const count = (buffer: Uint16Array, signs: number): void => {
      const term = this.#postings.find(buffer, signs, true)
      counts.set(term, (counts.get(term) ?? 0) + 1)
      length++
    }
    scanTerms(text, count)
    const bodyLength = length
    if (heading !== '') scanTerms(heading, count)
    for (const [term, times] of counts) {
      if (frugal && this.#postings.count(term) > Math.max(1000, passage * 0.02)) continue
      this.#postings.append(term, passage, Math.min(times, 255))
    }
    if (passage >= this.#lengths.length) {
      const longer = new Uint16Array(this.#lengths.length * 2)
      longer.set(this.#lengths)
      this.#lengths = longer
    }
    this.#lengths[passage] = Math.min(bodyLength, 65535)
    this.#totalLength += Math.min(bodyLength, 65535)
    this.#passages++
    return passage
  }

  /** The terms of a query that occur at all, each once, with their weight. */
  weigh(query: string): QueryTerm[] {
    const seen = new Map<number, QueryTerm>()
    scanTerms(query, (buffer, length) => {
      const term = this.#postings.find(buffer, length, false)
      if (term < 0 || seen.has(term)) return
      const holding = this.#postings.count(term)
      if (holding > 0) seen.set(term, { term, idf: Math.log(1 + (this.#passages - holding + 0.5) / (holding + 0.5)) })
    })
    return [...seen.values()]
  }

  /** Sum of the weights of the query's terms that `text` holds, each counted once. */
  coverage(query: readonly QueryTerm[], text: string): number {
    const wanted = new Map(query.map(({ term, idf }) => [term, idf]))
    let sum = 0
    scanTerms(text, (buffer, length) => {
      const term = this.#postings.find(buffer, length, false)
      const idf = wanted.get(term)
      if (idf === undefined) return
      sum += idf
      wanted.delete(term)
    })
    return sum
  }

  /**
   * The best passages for a query, best first. A passage that holds more of the query's words is preferred to one that repeats a few,
   * and very short passages gain nothing by their brevity. `weightOf` multiplies the score of a passage.
   */
  search(query: string, limit: number, weightOf: (passage: number) => number = () => 1): Hit[] {
    const terms = this.weigh(query)
    if (terms.length === 0 || limit < 1) return []
    if (this.#scores.length < this.#passages) {
      this.#scores = new Float32Array(Math.ceil(this.#passages * 1.5))
      this.#covered = new Float32Array(this.#scores.length)
    }
    const [scores, covered] = [this.#scores, this.#covered]
    const touched: number[] = []
    const averageLength = Math.max(1, this.#totalLength / this.#passages)
    for (const { term, idf } of terms) {
      this.#postings.each(term, (passage, times) => {
        const length = Math.max(this.#lengths[passage] ?? 0, averageLength / 2)
        const norm = k1 * (1 - b + (b * length) / averageLength)
        if (scores[passage] === 0) touched.push(passage)
        scores[passage] = (scores[passage] ?? 0) + (idf * times * (k1 + 1)) / (times + norm)
        covered[passage] = (covered[passage] ?? 0) + idf
      })
    }
    const all = terms.reduce((sum, { idf }) => sum + idf, 0)
    const best = new Best(limit)
    for (const passage of touched) {
      best.offer({ passage, score: weightOf(passage) * (scores[passage] ?? 0) * (0.5 + (0.5 * (covered[passage] ?? 0)) / all) })
      scores[passage] = 0
      covered[passage] = 0
    }
    return best.sorted()
  }
}

/** Keeps the `limit` best of many, in a heap with the worst on top; ties go to the earlier passage. */
class Best {
  #heap: Hit[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  offer(hit: Hit): void {
    const heap = this.#heap
    if (heap.length < this.#limit) {
      heap.push(hit)
      let at = heap.length - 1
      while (at > 0 && worse(heap[at] as Hit, heap[(at - 1) >> 1] as Hit)) at = this.#swap(at, (at - 1) >> 1)
      return
    }
    if (!worse(heap[0] as Hit, hit)) return
    heap[0] = hit
    for (let at = 0; ;) {
      let next = at
      for (const child of [at * 2 + 1, at * 2 + 2]) if (child < heap.length && worse(heap[child] as Hit, heap[next] as Hit)) next = child
      if (next === at) return
      at = this.#swap(at, next)
    }
  }

  sorted(): Hit[] {
    return this.#heap.sort((a, c) => (worse(a, c) ? 1 : -1))
  }

  #swap(a: number, c: number): number {
    const kept = this.#heap[a] as Hit
    this.#heap[a] = this.#heap[c] as Hit
    this.#heap[c] = kept
    return c
  }
}

function worse(a: Hit, c: Hit): boolean {
  return a.score < c.score || (a.score === c.score && a.passage > c.passage)
}
