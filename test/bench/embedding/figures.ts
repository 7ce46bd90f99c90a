import type { JudgedSet } from './sets.ts'

export interface Figures {
  'recall@1': number
  'recall@10': number
  mrr: number
}

/** `score` gives every candidate's score for one query. Ties count against the right candidate, so that equal scores are never luck. */
export function figures({ queries, right }: JudgedSet, score: (query: number) => ArrayLike<number>): Figures {
  const sum = { 'recall@1': 0, 'recall@10': 0, mrr: 0 }
  right.forEach((answer, query) => {
    const scores = score(query)
    let rank = 1
    for (let row = 0; row < scores.length; row++) if (row !== answer && scores[row]! >= scores[answer]!) rank++
    if (rank === 1) sum['recall@1']++
    if (rank <= 10) sum['recall@10']++
    sum.mrr += 1 / rank
  })
  return { 'recall@1': sum['recall@1'] / queries.length, 'recall@10': sum['recall@10'] / queries.length, mrr: sum.mrr / queries.length }
}

/** Cosines of one unit vector with many. */
export function cosines(query: Float32Array, candidates: readonly Float32Array[]): Float64Array {
  return Float64Array.from(candidates, (candidate) => {
    let sum = 0
    for (let index = 0; index < query.length; index++) sum += query[index]! * candidate[index]!
    return sum
  })
}
