// Figures of the built-in embedding model on the evaluation sets: `npm run eval:embedding`.
import { readFileSync } from 'node:fs'
import { openBuiltinModel } from '../../../src/embedding/builtin-model.ts'
import { bm25 } from './bm25.ts'
import { cosines, figures } from './figures.ts'
import type { Figures } from './figures.ts'
import { groups, judgedSets } from './sets.ts'

type Column = 'teacher' | 'plain' | 'keywords' | 'ours'
const names = ['recall@1', 'recall@10', 'mrr'] as const

const model = await openBuiltinModel()
// The teacher cannot run here; judge.py wrote its figures, and those of plain distillation, down.
const reference = JSON.parse(readFileSync(new URL('./reference.json', import.meta.url), 'utf8')) as Record<'teacher' | 'plain', Record<string, Figures>>
const sets = judgedSets()
const judged = new Map<string, Record<Column, Figures>>()
for (const [name, set] of sets) {
  const candidates = await model.embed(set.candidates, 'passage')
  const queries = await model.embed(set.queries, 'query')
  const search = bm25(set.candidates)
  judged.set(name, {
    teacher: reference.teacher[name]!,
    plain: reference.plain[name]!,
    keywords: figures(set, (query) => search(set.queries[query]!)),
    ours: figures(set, (query) => cosines(queries[query]!, candidates)),
  })
}

console.log(`${model.key}\n`)
console.log('| set | queries | candidates | figure | teacher | plain distillation | BM25 | this model | of the teacher |')
console.log('|---|---|---|---|---|---|---|---|---|')
for (const [group, members] of Object.entries(groups)) {
  const sizes = members.map((name) => sets.get(name)!.queries.length)
  const all = sizes.reduce((sum, size) => sum + size, 0)
  const rows: [string, number, string, (column: Column, figure: typeof names[number]) => number][] = members.map((name, index) =>
    [name, sizes[index]!, `${sets.get(name)!.candidates.length}`, (column, figure) => judged.get(name)![column][figure]])
  if (members.length > 1) {
    rows.push([`**${group}, all**`, all, '', (column, figure) =>
      members.reduce((sum, name, index) => sum + judged.get(name)![column][figure] * sizes[index]!, 0) / all])
  }
  for (const [name, size, candidates, value] of rows) {
    for (const figure of names) {
      const cells = (['teacher', 'plain', 'keywords', 'ours'] as const).map((column) => value(column, figure).toFixed(3))
      const share = `${(100 * value('ours', figure) / value('teacher', figure)).toFixed(0)}%`
      console.log(`| ${[name, size, candidates, figure, ...cells, share].join(' | ')} |`)
    }
  }
}
await model.close()
