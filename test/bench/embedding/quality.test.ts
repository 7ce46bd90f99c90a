import { afterAll, describe, expect, it } from 'vitest'
import { openBuiltinModel } from '../../../src/embedding/builtin-model.ts'
import { cosines, figures } from './figures.ts'
import { judgedSets } from './sets.ts'

const model = await openBuiltinModel()
afterAll(() => model.close())

// `npm run eval:embedding` reports all sets; these floors notice a table, a tokenizer or a pooling that went wrong.
describe('the built-in model finds by meaning', () => {
  it.each([['paraphrase-written', 0.7], ['question-code', 0.66]] as const)('%s: recall@10 of at least %d', async (name, floor) => {
    const set = judgedSets().get(name)!
    const candidates = await model.embed(set.candidates, 'passage')
    const queries = await model.embed(set.queries, 'query')
    expect(figures(set, (query) => cosines(queries[query]!, candidates))['recall@10']).toBeGreaterThan(floor)
  })
})
