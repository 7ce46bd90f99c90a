import { analyse } from '../text/analyse.ts'
import type { Filter } from '../rows/filter.ts'
import type { Scoring } from './score.ts'

interface Posting {
  ordinals: number[]
  frequencies: number[]
  /** Rows of it that were not removed. */
  rows: number
}

/** Longest text that the length column can tell. */
const maxLength = 65_535

/** The inverted index of the rows that are not in the base, in memory. */
export class DeltaKeywords {
  readonly #postings = new Map<string, Posting>()
  readonly #rows = new Map<number, Posting[]>()
  /** The first ordinal of the delta. */
  readonly #first: number
  #sums = new Int32Array(0)
  #matched = new Uint32Array(0)

  constructor(first: number) {
    this.#first = first
  }

  /** Returns how many terms the text has. Ordinals must come in rising order. */
  add(ordinal: number, text: string): number {
    const counts = new Map<string, number>()
    let length = 0
    analyse(text, (term) => {
      length++
      counts.set(term, (counts.get(term) ?? 0) + 1)
    })
    const postings: Posting[] = []
    for (const [term, count] of counts) {
      let posting = this.#postings.get(term)
      if (posting === undefined) {
        posting = { ordinals: [], frequencies: [], rows: 0 }
        this.#postings.set(term, posting)
      }
      posting.ordinals.push(ordinal)
      posting.frequencies.push(Math.min(count, maxLength))
      posting.rows++
      postings.push(posting)
    }
    this.#rows.set(ordinal, postings)
    return Math.min(length, maxLength)
  }

  /** Its postings stay: the filter knows that it is gone. */
  remove(ordinal: number): void {
    for (const posting of this.#rows.get(ordinal) ?? []) posting.rows--
    this.#rows.delete(ordinal)
  }

  rowsWith(term: string): number {
    return this.#postings.get(term)?.rows ?? 0
  }

  /** Calls `found` for every row that has a term of the query and passes the filter. `sum`: in parts; `matched`: a bit for each term. */
  search(terms: readonly { term: string; weight: number; bit: number }[], scoring: Scoring, lengths: Uint16Array, filter: Filter, found: (ordinal: number, sum: number, matched: number) => void): void {
    const touched = this.#accumulate(terms, scoring, lengths)
    for (const row of touched) {
      const ordinal = row + this.#first
      if (filter(ordinal)) found(ordinal, this.#sums[row]!, this.#matched[row]!)
      this.#sums[row] = 0
      this.#matched[row] = 0
    }
  }

  #accumulate(terms: readonly { term: string; weight: number; bit: number }[], scoring: Scoring, lengths: Uint16Array): number[] {
    const touched: number[] = []
    if (this.#sums.length < lengths.length - this.#first) {
      this.#sums = new Int32Array(lengths.length - this.#first)
      this.#matched = new Uint32Array(lengths.length - this.#first)
    }
    for (const { term, weight, bit } of terms) {
      const posting = this.#postings.get(term)
      if (posting === undefined) continue
      const { ordinals, frequencies } = posting
      for (let at = 0; at < ordinals.length; at++) {
        const ordinal = ordinals[at]!
        const row = ordinal - this.#first
        if (this.#matched[row] === 0) touched.push(row)
        this.#matched[row]! |= bit
        this.#sums[row]! += scoring.add(weight, frequencies[at]!, lengths[ordinal]!)
      }
    }
    return touched
  }
}
