import type { Filter } from '../rows/filter.ts'
import type { Cursor } from './cursor.ts'
import type { Scoring } from './score.ts'

/** Rows that are scored together. */
const windowRows = 4_096

export interface TermCursor {
  cursor: Cursor
  weight: number
  /** The bit of its term. */
  bit: number
}

/** What a row must reach at least, in parts, to be of use; asked again whenever one was found. */
export interface Sink {
  least(): number
  found(ordinal: number, sum: number, matched: number): void
}

const sums = new Int32Array(windowRows)
const matches = new Uint32Array(windowRows)
/** A bit for each row of the window that has a term. */
const present = new Uint32Array(windowRows / 32)

interface List extends TermCursor {
  /** The most it can add to a row, window by window. */
  most: Int32Array
}

/**
 * The rows from `from` to `to` (not included) that could be among the best, by MaxScore over windows of rows: terms whose greatest
 * possible sum within a window stays below what is needed cannot bring in a row by themselves, and are looked up only for
 * rows that the others brought in; a window that can reach nothing is passed over.
 */
export function searchBase(terms: readonly TermCursor[], scoring: Scoring, lengths: Uint16Array, from: number, to: number, filter: Filter, sink: Sink): void {
  if (from >= to) return
  const firstWindow = Math.floor(from / windowRows)
  const lists: List[] = terms.map((term) => ({ ...term, most: windowBounds(term, scoring, lengths, firstWindow, Math.ceil(to / windowRows)) }))
  for (let window = firstWindow; window * windowRows < to; window++) {
    const bound = (list: List): number => list.most[window - firstWindow]!
    const inOrder = lists.filter((list) => bound(list) > 0).sort((one, other) => bound(one) - bound(other))
    const needed = sink.least()
    let [split, below] = [0, 0]
    while (split < inOrder.length && below + bound(inOrder[split]!) < needed) below += bound(inOrder[split++]!)
    if (split === inOrder.length) continue
    const start = Math.max(from, window * windowRows)
    const end = Math.min(to, (window + 1) * windowRows)
    for (let index = split; index < inOrder.length; index++) addRows(inOrder[index]!, scoring, lengths, start, end)
    const others = inOrder.slice(0, split).reverse().map((list) => ({ ...list, bound: bound(list) }))
    finish(others, below, start, scoring, lengths, filter, sink)
  }
}

/** Adds the rows of a term to the window. */
function addRows({ cursor, weight, bit }: TermCursor, scoring: Scoring, lengths: Uint16Array, start: number, end: number): void {
  for (let block = cursor.blockOf(start, 0); block < cursor.blocks; block++) {
    cursor.load(block)
    const { ordinals, frequencies, rowsInBlock } = cursor
    for (let row = 0; row < rowsInBlock; row++) {
      const ordinal = ordinals[row]!
      if (ordinal < start) continue
      if (ordinal >= end) return
      const place = ordinal - start
      present[place >>> 5]! |= 1 << (place & 31)
      matches[place]! |= bit
      sums[place]! += scoring.add(weight, frequencies[row]!, lengths[ordinal]!)
    }
  }
}

/** Empties the window; looks up the other terms, the weightiest first, for the rows that may still get there. */
function finish(others: readonly (TermCursor & { bound: number })[], below: number, start: number, scoring: Scoring, lengths: Uint16Array, filter: Filter, sink: Sink): void {
  for (let word = 0; word < present.length; word++) {
    for (let bits = present[word]!; bits !== 0; bits &= bits - 1) {
      const place = word * 32 + 31 - Math.clz32(bits & -bits)
      const ordinal = start + place
      let [sum, matched, rest] = [sums[place]!, matches[place]!, below]
      sums[place] = 0
      matches[place] = 0
      if (sum + rest < sink.least() || !filter(ordinal)) continue
      for (const { cursor, weight, bit, bound } of others) {
        if (sum + rest < sink.least()) break
        rest -= bound
        const frequency = cursor.frequencyIn(ordinal)
        if (frequency === 0) continue
        sum += scoring.add(weight, frequency, lengths[ordinal]!)
        matched |= bit
      }
      if (rest === 0 && sum >= sink.least()) sink.found(ordinal, sum, matched)
    }
    present[word] = 0
  }
}

/** The most that a term can add to a row of each window. */
function windowBounds({ cursor, weight }: TermCursor, scoring: Scoring, lengths: Uint16Array, firstWindow: number, endWindow: number): Int32Array {
  const most = new Int32Array(endWindow - firstWindow)
  let from = firstWindow * windowRows
  for (let block = cursor.blockOf(from, 0); block < cursor.blocks && from < endWindow * windowRows; block++) {
    const { frequency, length } = cursor.bounds(block, lengths)
    const bound = scoring.add(weight, frequency, length)
    const last = cursor.last(block)
    const end = Math.min(endWindow - 1, Math.floor(last / windowRows))
    for (let window = Math.floor(from / windowRows); window <= end; window++) most[window - firstWindow] = Math.max(most[window - firstWindow]!, bound)
    from = last + 1
  }
  return most
}
