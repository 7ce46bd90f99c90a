import type { DataIn, passagesStored } from './messages.ts'
import type { Quote } from './quote.ts'
import { quoteFrom } from './quote.ts'
import { kindWeights, pathKind } from './path-kind.ts'
import type { PathKind } from './path-kind.ts'
import { SearchIndex } from './search-index.ts'
import type { Hit } from './search-index.ts'

/** Fetches a message of the passages room by its entry. */
export type FetchStored = (entry: string) => Promise<DataIn<typeof passagesStored> | undefined>

export interface FoundQuote extends Quote {
  score: number
  stamp: string
}

const perFile = 2
const kinds: readonly PathKind[] = ['other', 'document', 'test']

/** What was stored, searchable. Texts stay in the store: kept here is the index, and for each passage where it stands. */
export class Corpus {
  readonly index: SearchIndex
  /** Passages that found no place in the index. */
  unindexed = 0
  #entries: string[] = []
  /** Per passage: number of its message, and its place in there. */
  #message = new Uint32Array(1 << 10)
  #place = new Uint32Array(1 << 10)
  /** Per passage: the kind of its file, an index into `kinds`. */
  #kind = new Uint32Array(1 << 10)

  constructor(options: { indexBytes: number }) {
    this.index = new SearchIndex({ budgetBytes: options.indexBytes })
  }

  /** The numbers of the passages, in their order; of those that found no place, none. */
  add(entry: string, stored: DataIn<typeof passagesStored>): (number | undefined)[] {
    const numbers: (number | undefined)[] = []
    this.#entries.push(entry)
    for (const [place, passage] of stored.passages.entries()) {
      const number = this.index.add(passage.text, stored.sources[passage.source]?.path)
      numbers.push(number)
      if (number === undefined) {
        this.unindexed++
        continue
      }
      if (number >= this.#message.length) this.#grow()
      this.#message[number] = this.#entries.length - 1
      this.#place[number] = place
      this.#kind[number] = kinds.indexOf(pathKind(stored.sources[passage.source]?.path ?? ''))
    }
    return numbers
  }

  /** The best passages by their words. */
  ranking(question: string, limit: number): Hit[] {
    return this.index.search(question, limit, this.#weightFor(question))
  }

  /** Files of the best passages of a ranking, each once. */
  async files(ranking: readonly Hit[], limit: number, fetch: FetchStored): Promise<string[]> {
    const files = new Set<string>()
    for (const { passage } of ranking) {
      if (files.size >= limit) break
      const stored = await fetch(this.#entries[this.#message[passage] ?? 0] ?? '')
      const found = stored?.passages[this.#place[passage] ?? 0]
      files.add(stored?.sources[found?.source ?? -1]?.path ?? '')
    }
    return [...files]
  }

  /** Passages in another order, by the weight of the kinds of their files for this question. */
  weighed(question: string, hits: readonly Hit[]): Hit[] {
    const weightOf = this.#weightFor(question)
    return hits.map((hit) => ({ ...hit, score: hit.score * weightOf(hit.passage) })).sort((a, b) => b.score - a.score)
  }

  #weightFor(question: string): (passage: number) => number {
    const weights = kindWeights(question)
    return (passage) => weights[kinds[this.#kind[passage] ?? 0] ?? 'other']
  }

  /** The best quotes for a question out of a ranking, at most two from one file. Where the question itself stands, it is no answer. */
  async find(question: string, ranking: readonly Hit[], limit: number, fetch: FetchStored): Promise<FoundQuote[]> {
    const query = this.index.weigh(question)
    const quotes: FoundQuote[] = []
    const taken = new Map<string, number>()
    for (const { passage, score } of ranking) {
      if (quotes.length >= limit) break
      const stored = await fetch(this.#entries[this.#message[passage] ?? 0] ?? '')
      const found = stored?.passages[this.#place[passage] ?? 0]
      const source = stored?.sources[found?.source ?? -1]
      if (found === undefined || source === undefined || found.text.includes(question)) continue
      if ((taken.get(source.path) ?? 0) >= perFile) continue
      const quote = quoteFrom(this.index, query, { path: source.path, ...(source.raw !== undefined && { raw: source.raw }), ...found })
      if (quotes.some((other) => other.path === quote.path && other.from <= quote.to && quote.from <= other.to && other.column === quote.column)) continue
      taken.set(source.path, (taken.get(source.path) ?? 0) + 1)
      quotes.push({ ...quote, score: Math.round(score * 1000) / 1000, stamp: source.stamp })
    }
    return quotes
  }

  #grow(): void {
    const longer = (table: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
      const next = new Uint32Array(table.length * 2)
      next.set(table)
      return next
    }
    this.#message = longer(this.#message)
    this.#kind = longer(this.#kind)
    this.#place = longer(this.#place)
  }
}
