import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SearchRequest } from '../../src/vectors/types.ts'
import { MemoryFile, unit } from './memory-file.ts'
import type { Memory } from './memory-file.ts'
import { bm25, similarity, visible } from './oracle.ts'
import { build, searchIn, stateOf } from './state.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const model = 'm@1'
const words = ['retry', 'retries', 'queue', 'worker', 'thread', 'the', 'of', 'index', 'src/store/keys.ts', 'getUserById', 'v1.2.3', '検索する', 'vector', 'cache', 'lease']
const names = ['', 'a', 'b']

const memory = fc.record({
  id: fc.integer({ min: 0, max: 40 }).map(String),
  text: fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((some) => some.join(' ')),
  project: fc.constantFrom(...names), agent: fc.constantFrom(...names), session: fc.constantFrom(...names),
  kind: fc.constantFrom('episodic', 'semantic'),
  state: fc.constantFrom('live', 'live', 'live', 'superseded', 'forgotten', 'gone'),
  at: fc.integer({ min: 0, max: 20 }),
  trust: fc.constantFrom(0.2, 0.3, 0.7, 1),
  vector: fc.option(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 5, maxLength: 5 }).filter((values) => values.some((value) => value !== 0)).map(unit), { nil: undefined }),
})

const request: fc.Arbitrary<SearchRequest> = fc.record({
  scope: fc.record({ project: fc.constantFrom(...names), agent: fc.constantFrom(...names), session: fc.constantFrom(...names) }, { requiredKeys: [] }),
  limit: fc.constantFrom(1, 3, 50),
  text: fc.array(fc.constantFrom(...words, 'unheard'), { minLength: 1, maxLength: 6 }).map((some) => some.join(' ')),
  vector: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 5, maxLength: 5 }).filter((values) => values.some((value) => value !== 0)).map(unit),
  kinds: fc.option(fc.subarray(['episodic', 'semantic'] as const, { minLength: 1 }), { nil: undefined }),
  since: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  until: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  minTrust: fc.option(fc.constantFrom(0.3, 0.7), { nil: undefined }),
  includeStates: fc.option(fc.subarray(['live', 'superseded', 'forgotten'] as const, { minLength: 1 }), { nil: undefined }),
}).map((asked) => ({ ...asked, model }))

/** Batches of writes; a base is built after those that say so. */
const history = fc.array(fc.record({ writes: fc.array(memory, { maxLength: 25 }), build: fc.boolean() }), { minLength: 1, maxLength: 5 })

test(`whatever was written, and whenever a base was built, what is found is what the long way finds (seed ${seed})`, async () => {
  await fc.assert(fc.asyncProperty(history, fc.array(request, { minLength: 1, maxLength: 6 }), async (batches, requests) => {
    const file = new MemoryFile()
    const state = stateOf(file)
    try {
      const known = new Map<string, Memory>()
      for (const { writes, build: now } of batches) {
        for (const write of writes) {
          const { vector, ...rest } = write
          const put: Memory = { ...rest, ...(vector === undefined ? {} : { model, vector }) }
          if (rest.state === 'gone') {
            if (known.has(rest.id)) file.bury(rest.id)
            if (known.has(rest.id)) known.set(rest.id, { ...known.get(rest.id)!, state: 'gone', text: '', vector: undefined })
          } else {
            file.put(put)
            known.set(rest.id, put)
          }
        }
        if (now) expect(await build(file)).toBe('built')
        for (const asked of requests) compare([...known.values()], asked, state)
      }
    } finally {
      state.close()
      file.close()
    }
  }), { seed, numRuns: Number(process.env.RUNS ?? 60) })
})

function compare(memories: readonly Memory[], asked: SearchRequest, state: ReturnType<typeof stateOf>): void {
  const allowed = new Map(visible(memories, asked).map((one) => [one.id, one]))
  const result = searchIn(state, asked)
  for (const { id } of result.hits) expect(allowed.has(id), `${id} is outside of what may be seen`).toBe(true)

  const scores = bm25(memories, asked.text!)
  const expected = [...allowed.keys()].filter((id) => scores.has(id)).map((id) => scores.get(id)!).sort((a, b) => b - a)
  const keyword = searchIn(state, { ...asked, vector: undefined, limit: 50 })
  for (const { id, parts } of keyword.hits) {
    if (parts.keyword !== undefined) expect(parts.keyword.score).toBeCloseTo(scores.get(id)!, 4)
    else expect(scores.has(id)).toBe(false)
  }
  expect(keyword.hits.filter(({ parts }) => parts.keyword !== undefined)).toHaveLength(expected.length)
  for (const { parts } of keyword.hits) if (parts.keyword !== undefined) expect(expected[parts.keyword.rank - 1]).toBeCloseTo(parts.keyword.score, 4)

  const near = searchIn(state, { ...asked, text: undefined, limit: 50 })
  const similarities = [...allowed.values()].filter(({ vector }) => vector !== undefined).map((one) => similarity(one, asked.vector!)).sort((a, b) => b - a)
  const found = near.hits.filter(({ parts }) => parts.vector !== undefined)
  if (near.mode === 'vector') expect(found).toHaveLength(similarities.length)
  for (const { id, parts } of found) {
    expect(parts.vector!.similarity).toBeCloseTo(similarity(allowed.get(id)!, asked.vector!), 3)
    expect(similarities[parts.vector!.rank - 1]).toBeCloseTo(parts.vector!.similarity, 3)
  }
}
