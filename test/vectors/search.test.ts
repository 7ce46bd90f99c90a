import { expect, test } from 'vitest'
import { fixture, unit } from './memory-file.ts'

const model = 'm@1'
const ids = (result: { hits: { id: string }[] }): string[] => result.hits.map(({ id }) => id)

test('a folder without a table has no memories', async () => {
  const { file, index } = fixture({ database: '/nowhere/hive.db' })
  expect(await index.search({ text: 'anything', scope: {}, limit: 5 })).toMatchObject({ hits: [], mode: 'keyword', seq: 0, behind: 0 })
  expect(file.problems).toEqual([])
})

test('keywords and vectors are fused, and every part is told', async () => {
  const { file, index } = fixture()
  file.put(
    { id: 'a', text: 'The retry queue lives in src/store/batcher.ts', model, vector: unit([1, 0, 0]) },
    { id: 'b', text: 'Lunch is at noon', model, vector: unit([0.9, 0.1, 0]) },
    { id: 'c', text: 'Retrying twice is enough', model, vector: unit([0, 0, 1]) },
  )
  const result = await index.search({ text: 'where are the retries queued?', vector: unit([1, 0, 0]), model, scope: {}, limit: 2, at: 0 })
  expect(result).toMatchObject({ mode: 'hybrid', seq: 3, behind: 0, scanned: 3 })
  expect(ids(result)).toEqual(['a', 'c'])
  expect(result.hits[0]).toMatchObject({ num: 1, text: 'The retry queue lives in src/store/batcher.ts', data: { id: 'a' }, parts: { vector: { rank: 1 }, keyword: { rank: 1, terms: ['queued', 'retries'] }, recency: 0.05 } })
  expect(result.hits[0]!.parts.vector!.similarity).toBeCloseTo(1, 2)
})

test('without a vector it goes by keywords, and without a text by vector', async () => {
  const { file, index } = fixture()
  file.put({ id: 'a', text: 'alpha', model, vector: unit([1, 0]) }, { id: 'b', text: 'beta', model, vector: unit([0, 1]) })
  expect(await index.search({ text: 'beta', scope: {}, limit: 5 })).toMatchObject({ mode: 'keyword', hits: [{ id: 'b' }] })
  expect(await index.search({ vector: unit([1, 0]), model, scope: {}, limit: 1 })).toMatchObject({ mode: 'vector', hits: [{ id: 'a' }] })
})

test('an answer has what any process wrote before it was asked for', async () => {
  const { file, index } = fixture()
  file.put({ id: 'a', text: 'first' })
  expect(ids(await index.search({ text: 'first', scope: {}, limit: 5 }))).toEqual(['a'])
  file.put({ id: 'a', text: 'first', state: 'forgotten' }, { id: 'b', text: 'first again' })
  expect(ids(await index.search({ text: 'first', scope: {}, limit: 5, minSeq: 3 }))).toEqual(['b'])
  expect(ids(await index.search({ text: 'first', scope: {}, limit: 5, includeStates: ['forgotten'] }))).toEqual(['a'])
  file.bury('b')
  expect(ids(await index.search({ text: 'first', scope: {}, limit: 5 }))).toEqual([])
  await expect(index.search({ text: 'first', scope: {}, limit: 5, minSeq: 99 })).rejects.toMatchObject({ code: 'recall_behind', wanted: 99, reached: 4 })
})

test('a vector of another dimension is refused, one of a model without memories falls back to keywords', async () => {
  const { file, index } = fixture()
  file.put({ id: 'a', text: 'alpha', model, vector: unit([1, 0]) })
  await expect(index.search({ text: 'alpha', vector: unit([1, 0, 0]), model, scope: {}, limit: 5 })).rejects.toMatchObject({ code: 'invalid_argument', field: 'vector' })
  await expect(index.search({ text: 'alpha', vector: unit([1, 0]), scope: {}, limit: 5 })).rejects.toMatchObject({ code: 'invalid_argument', field: 'model' })
  expect(await index.search({ text: 'alpha', vector: unit([1, 0, 0]), model: 'other@1', scope: {}, limit: 5 })).toMatchObject({ mode: 'keyword', hits: [{ id: 'a' }] })
  file.put({ id: 'b', text: 'beta', model, vector: unit([1, 0, 0]) })
  expect(ids(await index.search({ vector: unit([1, 0]), model, scope: {}, limit: 5 }))).toEqual(['a'])
  expect(ids(await index.search({ text: 'beta', scope: {}, limit: 5 }))).toEqual(['b'])
  expect(file.problems).toMatchObject([{ kind: 'row-refused', message: expect.stringContaining('memory 2: a vector of 3 dimensions where model "m@1" has 2') }])
})

test('the reply next to a question is found with it', async () => {
  const { file, index } = fixture()
  file.put(
    { id: 'q', text: 'Which port does the gateway listen on?', session: 's', at: 1 },
    { id: 'r', text: 'Seven thousand and seventy.', session: 's', at: 2 },
    { id: 'other', text: 'Nothing to see', session: 's', at: 3 },
    { id: 'elsewhere', text: 'Never mind', session: 't', at: 2 },
  )
  const result = await index.search({ text: 'port of the gateway', scope: {}, limit: 5, at: 3 })
  expect(ids(result)).toEqual(['q', 'r'])
  expect(result.hits[1]!.parts.neighbours).toBeGreaterThan(0)
  expect(result.hits[1]!.parts.keyword).toBeUndefined()
})

test('near-duplicates', async () => {
  const { file, index } = fixture()
  file.put({ id: 'a', text: 'x', project: 'p', model, vector: unit([1, 0.01]) }, { id: 'b', text: 'x', project: 'q', model, vector: unit([1, 0]) }, { id: 'c', text: 'x', project: 'p', model, vector: unit([0, 1]) })
  const found = await index.similar({ vector: unit([1, 0]), model, scope: { project: 'p' }, threshold: 0.9, limit: 5 })
  expect(found).toMatchObject([{ id: 'a', text: 'x', data: { id: 'a' } }])
  expect(found[0]!.similarity).toBeGreaterThan(0.99)
})
