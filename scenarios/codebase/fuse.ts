import type { Hit } from './search-index.ts'

/** Dampens the lead of the first places (reciprocal rank fusion). */
const damping = 60

export interface Ranking {
  hits: readonly Hit[]
  /** How much it counts beside the others. */
  weight: number
}

/** One ranking out of several: what stands high in more than one of them comes first. Scores of different rankings are not compared. */
export function fused(rankings: readonly Ranking[]): Hit[] {
  const scores = new Map<number, number>()
  for (const { hits, weight } of rankings) for (const [rank, { passage }] of hits.entries()) scores.set(passage, (scores.get(passage) ?? 0) + weight / (damping + rank + 1))
  return [...scores].map(([passage, score]) => ({ passage, score })).sort((a, b) => b.score - a.score || a.passage - b.passage)
}
