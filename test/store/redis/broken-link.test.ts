import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { RedisStoreOptions } from '../../../src/store/redis/open.ts'
import { openRedisStore } from '../../../src/store/redis/open.ts'
import type { AppendResult, LogConfig } from '../../../src/store/ports.ts'
import { startRedisProxy } from '../../redis-proxy.ts'
import { startRedisServer, type RedisServer, type RedisServerOptions } from '../../redis-server.ts'
import { nextEvent } from './link-events.ts'

const config: LogConfig = { cap: 1_000, quotaBytes: 1 << 20, dedupeMs: 3_600_000, meta: null }
const owner = { name: 'n1', fence: 1 }
const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

async function server(options?: RedisServerOptions): Promise<RedisServer> {
  const started = await startRedisServer(options)
  cleanUp.push(() => started.stop())
  return started
}
async function open(options: RedisStoreOptions) {
  const store = await openRedisStore(options)
  cleanUp.push(() => store.close())
  return store
}
async function proxied() {
  const redis = await server()
  const proxy = await startRedisProxy(redis.port)
  cleanUp.push(() => proxy.stop())
  return { redis, proxy, store: await open({ url: proxy.url }) }
}
const posts = (count: number, prefix = 'm') => Array.from({ length: count }, (_, index) => ({ room: 'hall', messageId: `${prefix}${index}`, body: `"${index}"` }))
const entriesOf = (results: readonly AppendResult[]) => results.map((result) => (result as { entry: string }).entry)

describe('trap 1: a call that was on its way when the link broke', () => {
  test('fails at once, is not sent again, and calls while the link is down fail at once', async () => {
    const { redis, proxy, store } = await proxied()
    proxy.loseReplies()
    const inFlight = store.signals.ring('r', 100, 'channel:events', 'once')
    await proxy.lost()
    const down = nextEvent(store.link, 'down')
    const up = nextEvent(store.link, 'up')
    proxy.cut()
    await expect(inFlight).rejects.toMatchObject({ code: 'store_unavailable', retryable: true })
    expect((await down).error).toMatchObject({ code: 'store_unavailable' })
    await expect(store.records.get('x')).rejects.toMatchObject({ code: 'store_unavailable' })
    proxy.heal()
    await up
    expect(await redis.command('XLEN', 'ring:r')).toBe(1)
  })

  test('can be repeated by its message id, whether it had arrived or not', async () => {
    const { proxy, store } = await proxied()
    await store.log.open('hall', config)
    proxy.loseReplies()
    const inFlight = store.log.append(posts(1))
    await proxy.lost()
    const up = nextEvent(store.link, 'up')
    proxy.cut()
    await expect(inFlight).rejects.toMatchObject({ code: 'store_unavailable' })
    proxy.heal()
    await up
    expect(await store.log.append(posts(1))).toMatchObject([{ ok: true, duplicate: true }])
    expect(await store.log.range('hall', { limit: 9 })).toHaveLength(1)
  })
})

test('trap 2: entries of a lost take are found in what one owns', async () => {
  const { proxy, store } = await proxied()
  await store.log.open('hall', config)
  await store.log.openGroup('hall', 'g', '0-0')
  await store.log.append(posts(3))
  proxy.loseReplies()
  const inFlight = store.log.take('hall', 'g', owner, 10)
  await proxy.lost()
  const up = nextEvent(store.link, 'up')
  proxy.cut()
  await expect(inFlight).rejects.toMatchObject({ code: 'store_unavailable' })
  proxy.heal()
  await up
  expect(await store.log.take('hall', 'g', owner, 10)).toEqual([])
  expect(await store.log.owned('hall', 'g', { ...owner, fence: 2 }, { count: 10 })).toMatchObject([{ messageId: 'm0', attempt: 1 }, { messageId: 'm1' }, { messageId: 'm2' }])
})

test('trap 3: a commit whose reply was lost was applied once: its repeat is stale', async () => {
  const { proxy, store } = await proxied()
  await store.log.open('hall', config)
  await store.log.openGroup('hall', 'g', '0-0')
  await store.log.append(posts(1))
  const [delivery] = await store.log.take('hall', 'g', owner, 1)
  const commit = { kind: 'work' as const, room: 'hall', group: 'g', owner, entry: delivery!.entry, effects: { posts: [{ room: 'hall', messageId: 'effect', body: '"e"' }], records: [{ key: 'k', value: 1 }] } }
  proxy.loseReplies()
  const inFlight = store.log.commit([commit])
  await proxy.lost()
  const up = nextEvent(store.link, 'up')
  proxy.cut()
  await expect(inFlight).rejects.toMatchObject({ code: 'store_unavailable' })
  proxy.heal()
  await up
  expect(await store.log.commit([commit])).toEqual([{ ok: false, reason: 'stale' }])
  expect((await store.log.range('hall', { limit: 9 })).map(({ messageId }) => messageId)).toEqual(['m0', 'effect'])
  expect(await store.log.pending('hall', 'g')).toEqual([])
})

test('trap 7: a frozen server is noticed, calls fail, and the link comes back when it thaws', async () => {
  const redis = await server()
  const store = await open({ url: redis.url, watchdogMs: 300 })
  await store.log.open('hall', config)
  const rung: string[] = []
  await store.log.listen((rooms) => rung.push(...rooms.keys()))
  const frozen = nextEvent(store.link, 'frozen')
  const down = nextEvent(store.link, 'down')
  redis.freeze()
  cleanUp.push(async () => redis.thaw())
  await expect(store.log.append(posts(1))).rejects.toMatchObject({ code: 'store_unavailable' })
  expect((await frozen).silentMs).toBeGreaterThanOrEqual(300)
  await down
  const up = nextEvent(store.link, 'up')
  redis.thaw()
  await up
  expect(await store.log.append(posts(1))).toMatchObject([{ ok: true }])
  await expect.poll(() => rung, { interval: 5, timeout: 5_000 }).toContain('hall')
})

describe('trap 10: a server that lost its last seconds', () => {
  /** Kills the server and cuts its append-only file back to `size`, as a power failure within the last second does. */
  async function loseSince(redis: RedisServer, size: number): Promise<void> {
    await redis.kill()
    truncateSync(appendOnlyFile(redis), size)
    await redis.restart()
  }
  const appendOnlyFile = (redis: RedisServer): string => {
    const folder = join(redis.dir, 'appendonlydir')
    return join(folder, readdirSync(folder).find((file) => file.endsWith('.incr.aof')) as string)
  }

  test('gets acknowledged posts and commits again, under the same ids', async () => {
    const redis = await server()
    const store = await open({ url: redis.url })
    await store.log.open('hall', config)
    await store.log.openGroup('hall', 'g', '0-0')
    await store.log.append(posts(3, 'early'))
    const taken = await store.log.take('hall', 'g', owner, 3)
    const size = statSync(appendOnlyFile(redis)).size
    const late = entriesOf(await store.log.append(posts(5, 'late')))
    const [committed] = await store.log.commit([{ kind: 'work', room: 'hall', group: 'g', owner, entry: taken[0]!.entry, effects: { posts: [{ room: 'hall', messageId: 'effect', body: '"e"' }], records: [{ key: 'k', value: 7 }] } }])
    const restarted = nextEvent(store.link, 'restarted')
    const up = nextEvent(store.link, 'up')
    await loseSince(redis, size)
    expect(await restarted).toMatchObject({ reason: 'run-id', refused: 0 })
    await up
    const entries = await store.log.range('hall', { limit: 99 })
    expect(entries.map(({ messageId }) => messageId)).toEqual(['early0', 'early1', 'early2', 'late0', 'late1', 'late2', 'late3', 'late4', 'effect'])
    expect(entries.slice(3, 8).map(({ entry }) => entry)).toEqual(late)
    expect(committed).toMatchObject({ ok: true })
    expect(await store.log.record('hall', 'k')).toBe(7)
    expect((await store.log.pending('hall', 'g')).map(({ entry }) => entry)).toEqual(taken.slice(1).map(({ entry }) => entry))
    expect(await store.log.append(posts(5, 'late'))).toEqual(late.map((entry) => ({ ok: true, duplicate: true, entry })))
  })

  test('that lost nothing is sent nothing twice', async () => {
    const redis = await server()
    const store = await open({ url: redis.url })
    await store.log.open('hall', config)
    await store.log.append(posts(4))
    const restarted = nextEvent(store.link, 'restarted')
    const up = nextEvent(store.link, 'up')
    await redis.kill()
    await redis.restart()
    await restarted
    await up
    expect(await store.log.info('hall')).toMatchObject({ entries: 4, bytes: 12 })
  })

  test('comes back with rooms that were opened in those seconds', async () => {
    const redis = await server({ appendonly: false })
    const store = await open({ url: redis.url })
    await store.log.open('hall', config)
    const before = entriesOf(await store.log.append(posts(2)))
    const up = nextEvent(store.link, 'restarted')
    await redis.kill()
    await redis.restart()
    await up
    await expect.poll(() => store.link.state, { interval: 2 }).toBe('up')
    expect((await store.log.range('hall', { limit: 9 })).map(({ entry }) => entry)).toEqual(before)
  })
})

test('a flushed server is told: rooms are unknown, opening them again goes on, fences still grow', async () => {
  const redis = await server()
  const store = await open({ url: redis.url, watchdogMs: 200 })
  await store.log.open('hall', config)
  await store.log.openGroup('hall', 'g', '0-0')
  const before = await store.leases.acquire('leader', 'a', 60_000)
  const told = nextEvent(store.link, 'restarted')
  await redis.flush()
  expect(await told).toMatchObject({ reason: 'flushed' })
  expect(await store.log.append(posts(1))).toEqual([{ ok: false, reason: 'room_unknown' }])
  await expect(store.log.take('hall', 'g', owner, 1)).rejects.toMatchObject({ code: 'room_unknown' })
  expect(await store.log.open('hall', config)).toMatchObject({ created: true })
  expect(await store.log.append(posts(1))).toMatchObject([{ ok: true, duplicate: false }])
  expect((await store.leases.acquire('leader', 'b', 60_000))!.fence).toBeGreaterThan(before!.fence)
})

test('a store closes while its server is away, and twice', async () => {
  const redis = await server()
  const store = await open({ url: redis.url })
  await store.log.listen(() => undefined)
  const down = nextEvent(store.link, 'down')
  await redis.kill()
  await down
  await store.close()
  await store.close()
  await expect(store.log.list()).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('closed') })
})
