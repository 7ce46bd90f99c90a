import type { Columns } from '../rows/columns.ts'
import type { Smoothed } from './smooth.ts'

/** Reciprocal rank fusion: rank r is worth 1 / (flat + r). The larger, the less the first ranks stand out. */
const flat = 20
/** What the freshest memory gets above the same one from long ago; two lists agreeing on their first is worth 1. */
const recencyWeight = 0.05
const halfLifeMs = 30 * 24 * 3_600_000

export interface Fused {
  ordinal: number
  score: number
  recency: number
  neighbours: number
  vector?: Smoothed
  keyword?: Smoothed
}

/** Joins the lists by rank, since their scores cannot be compared, adds recency, and orders; of equals the one stored first is first. */
export function fuse(lists: { vector?: readonly Smoothed[]; keyword?: readonly Smoothed[] }, columns: Columns, now: number, limit: number): Fused[] {
  const rows = new Map<number, Fused>()
  const present = [lists.vector, lists.keyword].filter((list) => list !== undefined).length
  for (const name of ['vector', 'keyword'] as const) {
    for (const entry of lists[name] ?? []) {
      const share = (flat + 1) / (flat + entry.rank) / present
      let row = rows.get(entry.ordinal)
      if (row === undefined) {
        const recency = recencyWeight * 2 ** (-Math.max(0, now - columns.at[entry.ordinal]!) / halfLifeMs)
        row = { ordinal: entry.ordinal, score: recency, recency, neighbours: 0 }
        rows.set(entry.ordinal, row)
      }
      row[name] = entry
      row.score += share
      row.neighbours += share * entry.lent
    }
  }
  return [...rows.values()].sort((one, other) => other.score - one.score || columns.num[one.ordinal]! - columns.num[other.ordinal]!).slice(0, limit)
}
