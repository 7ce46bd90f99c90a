// Figures of the built-in embedding model on the evaluation sets: `npm run eval:embedding`.
import { readFileSync } from 'node:fs'
import { openBuiltinModel } from '../../../src/embedding/builtin-model.ts'
import { bm25 } from './bm25.ts'
import { judgedSets } from './sets.ts'
import type { JudgedSet } from './sets.ts'

interface Figures {
  'recall@1': number
  'recall@10': number
  mrr: number
}

/** Ranks count ties against the right candidate, so that equal scores are never luck. */
function figures({ queries, right }: JudgedSet, score: (query: number) => ArrayLike<number>): Figures {
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

const model = await openBuiltinModel()
// The teacher cannot run here; judge.py wrote its figures, and those of plain distillation, down.
const reference = JSON.parse(readFileSync(new URL('./reference.json', import.meta.url), 'utf8')) as Record<'teacher' | 'plain', Record<string, Figures>>

console.log(`${model.key}\n`)
console.log('| set | queries | candidates | figure | teacher | plain distillation | BM25 | this model | of the teacher |')
console.log('|---|---|---|---|---|---|---|---|---|')
for (const [name, set] of judgedSets()) {
  const candidates = await model.embed(set.candidates, 'passage')
  const queries = await model.embed(set.queries, 'query')
  const ours = figures(set, (query) => candidates.map((candidate) => candidate.reduce((sum, value, index) => sum + value * queries[query]![index]!, 0)))
  const search = bm25(set.candidates)
  const keywords = figures(set, (query) => search(set.queries[query]!))
  for (const figure of ['recall@1', 'recall@10', 'mrr'] as const) {
    const columns = [reference.teacher[name]![figure], reference.plain[name]![figure], keywords[figure], ours[figure]].map((value) => value.toFixed(3))
    const share = `${(100 * ours[figure] / reference.teacher[name]![figure]).toFixed(0)}%`
    console.log(`| ${[name, set.queries.length, set.candidates.length, figure, ...columns, share].join(' | ')} |`)
  }
}
await model.close()
