import { afterAll, beforeAll, expect, it } from 'vitest'
import { InvalidArgument } from '../../src/index.ts'
import { createWorkingMemory } from '../../actors/session/working-memory.ts'
import { temporaryHive } from '../memory/fixture.ts'

let hive: Awaited<ReturnType<typeof temporaryHive>>
beforeAll(async () => {
  hive = await temporaryHive()
})
afterAll(() => hive.close())

it('holds remarks in order, without their secrets, until they are flushed into episodes', async () => {
  const mind = hive.workingMemory('coder', { project: 'p', session: 's' })
  await mind.add('the failing test is in retry.test.ts')
  await mind.add(`the key is ${['AKIA', 'QYLPMN5HFIQR7XYA'].join('')}`)
  expect((await hive.workingMemory('coder').list()).map(({ text }) => text)).toEqual(['the failing test is in retry.test.ts', 'the key is [redacted:aws-access-key]'])
  expect(await hive.workingMemory('tester').list()).toEqual([])
  const ids = await mind.flush()
  expect(ids).toHaveLength(2)
  expect(await hive.memory.get(ids[0]!)).toMatchObject({ text: 'the failing test is in retry.test.ts', kind: 'episodic', scope: { project: 'p', session: 's' }, source: 'agent:coder', trust: 0.7 })
  expect(await mind.list()).toEqual([])
})

it('makes episodes of the oldest when it is full', async () => {
  const mind = hive.workingMemory('busy', { session: 'full' })
  for (let index = 0; index < 40; index++) await mind.add(`remark number ${index} about file${index}.ts`)
  expect((await mind.list()).map(({ text }) => text)).toEqual(Array.from({ length: 32 }, (_, index) => `remark number ${index + 8} about file${index + 8}.ts`))
  expect(await hive.memory.recent({ scope: { session: 'full' } })).toHaveLength(8)
  await mind.add('x '.repeat(8_000))
  expect((await mind.list()).length).toBeLessThan(32)
  await mind.clear()
  expect(await mind.list()).toEqual([])
})

it('makes episodes of what is older than its time', async () => {
  let now = 1_800_000_000_000
  const clock = { ...hive.clock, now: () => now }
  const mind = createWorkingMemory('slow', { session: 'aged' }, { records: hive.store.records, memory: hive.memory, clock })
  await mind.add('said long ago about alpha.ts')
  now += 5 * 3_600_000
  await mind.add('said just now about beta.ts')
  expect((await mind.list()).map(({ text }) => text)).toEqual(['said just now about beta.ts'])
  expect((await hive.memory.recent({ scope: { session: 'aged' } })).map(({ text, at }) => [text, at])).toEqual([['said long ago about alpha.ts', 1_800_000_000_000]])
})

it('loses nothing when two write at once', async () => {
  const [one, two] = [hive.workingMemory('twin'), hive.workingMemory('twin')]
  await Promise.all(Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? one : two).add(`at once ${index}`)))
  expect((await one.list()).map(({ text }) => text).sort()).toEqual(Array.from({ length: 6 }, (_, index) => `at once ${index}`))
})

it.each([['', /empty/], ['x'.repeat(20_000), /limit/]])('refuses %.10j', async (text, message) => {
  await expect(hive.workingMemory('a').add(text)).rejects.toThrow(message)
  expect(() => hive.workingMemory('')).toThrow(InvalidArgument)
})
