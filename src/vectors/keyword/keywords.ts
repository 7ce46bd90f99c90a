import { gone } from '../rows/columns.ts'
import type { Columns } from '../rows/columns.ts'
import type { Filter } from '../rows/filter.ts'
import type { Range } from '../rows/ranges.ts'
import type { Scored } from '../rank/smooth.ts'
import { Top } from '../top.ts'
import type { BaseKeywords } from './base.ts'
import type { Corpus } from './bm25.ts'
import { DeltaKeywords } from './delta.ts'
import type { QueryTerm } from './query.ts'
import { fromParts, Scoring } from './score.ts'
import { searchBase } from './search-base.ts'

export interface KeywordResult {
  /** Best first, with their BM25 scores. */
  list: Scored[]
  /** The terms of the query that a row of the list has, as bits. */
  matched: Map<number, number>
}

/** The inverted index of all rows: the base, less what was removed from it, and the delta. Scores are those of one index over all of them. */
export class Keywords {
  readonly #base: BaseKeywords | undefined
  readonly #baseRows: number
  readonly #columns: Columns
  readonly #delta: DeltaKeywords
  /** Ordinals of the base that were removed, rising once sorted. */
  #removed: number[] = []
  #sorted = true
  /** How many of them have a term. */
  readonly #removedWith = new Map<string, number>()

  constructor(base: BaseKeywords | undefined, columns: Columns, baseRows: number) {
    this.#base = base
    this.#baseRows = baseRows
    this.#columns = columns
    this.#delta = new DeltaKeywords(baseRows)
  }

  /** Returns how many terms the text has. Ordinals come in rising order, after those of the base. */
  add(ordinal: number, text: string): number {
    return this.#delta.add(ordinal, text)
  }

  remove(ordinal: number): void {
    if (ordinal >= this.#baseRows) {
      this.#delta.remove(ordinal)
      return
    }
    this.#removed.push(ordinal)
    this.#sorted = false
    this.#removedWith.clear()
  }

  rowsWith(term: string): number {
    const inBase = this.#base?.rowsWith(term) ?? 0
    return inBase + this.#delta.rowsWith(term) - (inBase === 0 ? 0 : this.#countRemoved(term, inBase))
  }

  search(terms: readonly QueryTerm[], corpus: Corpus, range: Range, filter: Filter, size: number): KeywordResult {
    const { length, num } = this.#columns
    const scoring = new Scoring(corpus)
    const weighed = terms.map((term, index) => ({ term: term.term, weight: scoring.weight(term), bit: 1 << index }))
    const top = new Top(size)
    const matched = new Map<number, number>()
    const found = (ordinal: number, sum: number, bits: number): void => {
      if (sum < top.threshold) return
      top.add(sum, num[ordinal]!, ordinal)
      matched.set(ordinal, bits)
    }
    // The delta first: it raises the bar for the base.
    this.#delta.search(weighed, scoring, length, filter, found)
    const cursors = weighed.flatMap(({ term, weight, bit }) => {
      const cursor = this.#base?.cursor(term)
      return cursor === undefined ? [] : [{ cursor, weight, bit }]
    })
    searchBase(cursors, scoring, length, range.from, range.to, filter, { least: () => top.threshold, found })
    return { list: top.sorted().map(({ item, score }) => ({ item, score: fromParts(score) })), matched }
  }

  #countRemoved(term: string, inBase: number): number {
    if (this.#removed.length === 0) return 0
    let count = this.#removedWith.get(term)
    if (count === undefined) {
      count = this.#lookRemoved(term, inBase)
      this.#removedWith.set(term, count)
    }
    return count
  }

  #lookRemoved(term: string, inBase: number): number {
    if (!this.#sorted) this.#removed.sort((one, other) => one - other)
    this.#sorted = true
    const cursor = this.#base!.cursor(term)!
    // Removed rows are gone, and no other row of the base is: whichever is less is gone through.
    if (this.#removed.length < inBase / 8) return this.#removed.reduce((count, ordinal) => count + (cursor.frequencyIn(ordinal) > 0 ? 1 : 0), 0)
    let count = 0
    for (let block = 0; block < cursor.blocks; block++) {
      cursor.load(block)
      for (let row = 0; row < cursor.rowsInBlock; row++) if (this.#columns.state[cursor.ordinals[row]!] === gone) count++
    }
    return count
  }
}
