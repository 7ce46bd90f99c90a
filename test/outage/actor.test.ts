import { afterEach, beforeEach, expect, it } from 'vitest'
import { redisLink } from '../../actors/redis-link/redis-link.ts'
import { createBus, type Bus } from '../../src/bus/bus.ts'
import { systemClock as clock, systemRandomness as randomness } from '../../src/kernel/clock.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import { openOutageStore, type OutageStore } from '../../src/store/outage/open.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import { post, removeFolder, roomConfig } from './bench.ts'

let server: RedisServer
let dir: string
let local: SqliteStore
let store: OutageStore
let bus: Bus
let system: ActorSystem
let story: Envelope[]

beforeEach(async () => {
  server = await startRedisServer()
  dir = mkdtempSync(join(tmpdir(), 'hivemind-link-'))
  local = await openSqliteStore({ dataDir: dir })
  store = await openOutageStore({ local, connect: () => openRedisStore({ url: server.url }), origin: 'n1', clock, randomness, backoff: { minMs: 10, maxMs: 200 } })
  bus = createBus({ catalogue: createCatalogue(), clock, randomness, source: 'n1' })
  story = []
  bus.all().subscribe((envelope) => {
    if (envelope.type.startsWith('link.') || envelope.type.startsWith('conflict.')) story.push(envelope)
  })
  system = createActorSystem({ clock, randomness, logger: { debug() {}, info() {}, warn() {}, error() {} } })
})
afterEach(async () => {
  await system.stop()
  bus.stop()
  await store.close()
  await local.close()
  removeFolder(dir)
  await server.stop()
})

async function told(type: string): Promise<Envelope> {
  for (;;) {
    const found = story.find((envelope) => envelope.type === type)
    if (found !== undefined) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('tells the bus what becomes of the link, of the journal and of conflicts', async () => {
  const link = await system.spawn(redisLink, { input: { store, bus } })
  await told('link.connected')
  await store.log.open('hall', roomConfig)
  await store.records.put('k', 'base')
  story.length = 0

  await server.kill()
  const { data } = await told('link.degraded')
  expect((data as { reason: string }).reason).not.toBe('')
  await store.log.append([post('hall', 'a'), post('hall', 'b')])
  await store.records.put('k', 'ours', { expect: 1 })
  expect(await link.ask({ type: 'report' })).toMatchObject({ state: 'degraded', items: 2, reason: expect.any(String), oldestAt: expect.any(Number) })
  await server.restart()
  await told('link.connected')
  const counts = (await told('link.connected')).data as { replayed: number; duplicates: number; conflicts: number }
  expect(counts.replayed + counts.duplicates + counts.conflicts).toBe(3)
  expect(story.map(({ type }) => type).filter((type) => type.startsWith('link.'))).toEqual(['link.degraded', 'link.restored', 'link.connected'])
  expect(await link.ask({ type: 'report' })).toEqual({ state: 'connected', reason: undefined, items: 0, bytes: 0, oldestAt: undefined })
})

it('is replaced when it fails, and its successor takes the link up where it is', async () => {
  const link = await system.spawn(redisLink, { input: { store, bus }, supervision: { backoff: { minMs: 1, maxMs: 5 } } })
  await told('link.connected')
  await store.log.open('hall', roomConfig)
  await server.kill()
  await told('link.degraded')
  await store.log.append([post('hall', 'kept')])
  link.tell({ type: 'defect', error: new Error('planted') })
  story.length = 0
  await server.restart()
  await told('link.connected')
  expect((await store.log.range('hall', { limit: 10 })).map(({ messageId }) => messageId)).toEqual(['kept'])
})
