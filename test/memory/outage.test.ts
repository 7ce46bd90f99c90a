import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRedisServer } from '../redis-server.ts'
import type { RedisServer } from '../redis-server.ts'
import { temporaryHive } from './fixture.ts'

let server: RedisServer
let a: Awaited<ReturnType<typeof temporaryHive>>
let b: Awaited<ReturnType<typeof temporaryHive>>
beforeAll(async () => {
  server = await startRedisServer()
  a = await temporaryHive({ redis: server.url, node: { id: 'a' } })
  b = await temporaryHive({ redis: server.url, node: { id: 'b' } })
}, 30_000)
afterAll(async () => {
  await a?.close()
  await b?.close()
  await server?.stop()
})

const scope = { project: 'outage' }
const until = async (what: () => Promise<boolean> | boolean): Promise<void> => expect.poll(what, { timeout: 20_000, interval: 30 }).toBe(true)
const found = async (hive: typeof a, query: string): Promise<string[]> => (await hive.memory.recall({ query, scope, limit: 50 })).hits.map(({ text }) => text).sort()

it('what one node stores the other recalls, without a round trip', async () => {
  await a.memory.store({ text: 'The ledger is rebuilt each night from the event log.', scope })
  await until(async () => (await found(b, 'how is the ledger rebuilt')).length === 1)
  expect(await b.memory.stats()).toMatchObject({ source: 'connected', memories: 1 })
})

it('goes on without the shared store; on return what was written on both sides unites, and edits that collide are told', async () => {
  const { id } = await a.memory.store({ text: 'The billing service owner is team Heron.', scope })
  await until(async () => (await b.memory.get(id)) !== undefined)
  await server.kill()
  await until(() => a.health().state === 'degraded' && b.health().state === 'degraded')

  // The same thing on both sides is one memory; different things are two.
  const [onA] = await a.memory.store([{ text: 'During the outage we moved billing to port 7443.', scope }, { text: 'Only node a knows of the heron.', scope }])
  const [onB] = await b.memory.store([{ text: 'During the outage we moved billing to port 7443.', scope }, { text: 'Only node b knows of the stork.', scope }])
  expect(onA?.id).toBe(onB?.id)
  expect(await a.memory.recall({ query: 'billing port', scope, limit: 1 })).toMatchObject({ mode: 'hybrid', hits: [{ text: 'During the outage we moved billing to port 7443.' }] })
  expect((await a.memory.stats()).source).toBe('outage')
  // One side forgets what the other replaces.
  await a.memory.forget({ ids: [id] })
  await b.memory.store({ text: 'The billing service owner is team Stork.', scope, supersedes: id })

  await server.restart()
  await until(async () => (await a.conflicts.list()).length + (await b.conflicts.list()).length === 1)
  await until(async () => {
    const [one, two] = [await found(a, 'billing outage heron stork owner'), await found(b, 'billing outage heron stork owner')]
    return one.length === 5 && JSON.stringify(one) === JSON.stringify(two)
  })
  expect(await found(a, 'stork')).toContain('Only node b knows of the stork.')
  const loser = (await a.conflicts.list()).length === 1 ? a : b
  const [conflict] = await loser.conflicts.list()
  expect(conflict?.subject).toContain(id)
  await loser.conflicts.resolve(conflict!.id, 'theirs')
  expect(await loser.conflicts.list()).toEqual([])
  const states = loser === a ? 'superseded' : 'forgotten'
  await until(async () => (await a.memory.get(id))?.state === states && (await b.memory.get(id))?.state === states)
}, 60_000)

it('purges on every node, also what a node stored while it was cut off', async () => {
  const word = 'Qwertzuiop'
  const { id } = await a.memory.store({ text: `The password hint is ${word} as ever.`, scope })
  await until(async () => (await b.memory.get(id)) !== undefined)
  await a.memory.purge({ ids: [id] })
  await until(async () => (await b.memory.get(id)) === undefined)
  expect((await found(b, word)).filter((text) => text.includes(word))).toEqual([])
  const keys = (await server.command('KEYS', `*${id}*`)) as string[]
  for (const key of keys) expect(String(await server.command('GET', key))).not.toContain(word)
}, 30_000)

it('a node that comes later knows what was stored before', async () => {
  const late = await temporaryHive({ redis: server.url, node: { id: 'late' } })
  await until(async () => (await late.memory.stats()).memories === (await a.memory.stats()).memories)
  expect(await found(late, 'ledger event log')).toContain('The ledger is rebuilt each night from the event log.')
  await late.close()
}, 30_000)
