import { expect, onTestFinished, test } from 'vitest'
import type { SearchRequest } from '../../src/vectors/types.ts'
import { corpusOf, numbers, word } from './corpus.ts'
import { MemoryFile, unit } from './memory-file.ts'
import { build, searchIn, stateOf } from './state.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

function questions(count: number, next: () => number): SearchRequest[] {
  return Array.from({ length: count }, (_, index) => ({
    text: Array.from({ length: 1 + Math.floor(next() * 8) }, () => word(next)).join(' '),
    ...(index % 3 === 0 ? {} : { vector: unit(Array.from({ length: 8 }, () => next() - 0.5)), model: 'm@1' }),
    scope: [{}, { project: 'p1' }, { agent: 'claude' }, { project: 'p2', session: `s${Math.floor(next() * 60)}` }, { session: 's3' }][index % 5]!,
    limit: [1, 10, 40][index % 3]!,
    at: 1_000,
    ...(index % 7 === 0 ? { minTrust: 0.5 } : {}),
    ...(index % 4 === 0 ? { since: 300 } : {}),
    ...(index % 11 === 0 ? { includeStates: ['live', 'forgotten'] as const } : {}),
  }))
}

test(`a base with a delta, a delta alone and a fresh base give the same answers to the last digit (seed ${seed})`, async () => {
  const next = numbers(seed)
  const file = new MemoryFile()
  onTestFinished(() => file.close())
  const memories = corpusOf(9_000, next)
  file.put(...memories.slice(0, 7_000))
  await build(file)
  const overOldBase = stateOf(file)
  searchIn(overOldBase, { text: 'anything', scope: {}, limit: 1 })

  // After the base: new rows, other states, other texts, other vectors, erased ones.
  file.put(...memories.slice(7_000))
  for (let change = 0; change < 700; change++) {
    const memory = memories[Math.floor(next() * memories.length)]!
    const kind = next()
    if (kind < 0.3) file.put({ ...memory, state: 'forgotten' })
    else if (kind < 0.5) file.put({ ...memory, text: `${memory.text} ${word(next)}` })
    else if (kind < 0.7) file.put({ ...memory, model: 'm@1', vector: memory.vector ?? unit([1, 2, 3, 4, 5, 6, 7, 8]) })
    else if (kind < 0.8) file.put({ ...memory, session: 's3', project: 'p2' })
    else file.bury(memory.id)
  }
  expect(overOldBase.rows.baseRows).toBe(7_000)
  const asked = questions(120, next)
  const first = asked.map((question) => searchIn(overOldBase, question))

  const fresh = new MemoryFile(file)
  onTestFinished(() => fresh.close())
  const overNothing = stateOf(fresh)
  expect(asked.map((question) => searchIn(overNothing, question).hits)).toEqual(first.map(({ hits }) => hits))
  expect(overNothing.rows.baseRows).toBe(0)

  await build(file)
  const overNewBase = stateOf(file)
  const third = asked.map((question) => searchIn(overNewBase, question))
  expect(overNewBase.rows.baseRows).toBe(overNewBase.rows.columns.count)
  expect(third.map(({ hits }) => hits)).toEqual(first.map(({ hits }) => hits))
  expect(first.filter(({ hits }) => hits.length > 0).length).toBeGreaterThan(100)
  expect(file.problems).toEqual([])
})
