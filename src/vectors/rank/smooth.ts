import type { Columns } from '../rows/columns.ts'
import type { Filter } from '../rows/filter.ts'

/** The share of its lead over the end of the list that a row lends to the one before and the one after it in its session. */
const lend = 0.3

export interface Scored {
  item: number
  score: number
}

export interface Smoothed {
  ordinal: number
  /** From 1, after smoothing. */
  rank: number
  /** In the list before smoothing; missing when only its neighbours matched. */
  own?: { rank: number; score: number }
  /** 0 to 1: how much of what it is ranked by came from its neighbours. */
  lent: number
}

export type NeighboursOf = (ordinal: number) => readonly number[]

/**
 * What stands next to a match often holds the answer (a question and its reply), so that each row of a list lends a part of its
 * score to its neighbours. Scores count from `floor`: what every row of the list has says nothing.
 */
export function smooth(list: readonly Scored[], floor: number, columns: Columns, neighboursOf: NeighboursOf, filter: Filter): Smoothed[] {
  const lent = new Map<number, number>()
  for (const { item, score } of list) {
    for (const neighbour of neighboursOf(item)) lent.set(neighbour, (lent.get(neighbour) ?? 0) + lend * (score - floor))
  }
  const rows = list.map(({ item, score }, index) => ({ ordinal: item, own: { rank: index + 1, score }, sum: score - floor + (lent.get(item) ?? 0), lent: lent.get(item) ?? 0 }))
  const listed = new Set(list.map(({ item }) => item))
  const only = [...lent].flatMap(([ordinal, sum]) => (listed.has(ordinal) || !filter(ordinal) ? [] : [{ ordinal, own: undefined, sum, lent: sum }]))
  return [...rows, ...only]
    .sort((one, other) => other.sum - one.sum || columns.num[one.ordinal]! - columns.num[other.ordinal]!)
    .map((row, index) => ({ ordinal: row.ordinal, rank: index + 1, own: row.own, lent: row.sum === 0 ? 0 : row.lent / row.sum }))
}
