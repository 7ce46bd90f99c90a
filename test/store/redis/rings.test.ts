import { afterEach, describe, expect, test } from 'vitest'
import { createKeys, slotGroupOf } from '../../../src/store/keys.ts'
import type { LogConfig } from '../../../src/store/ports.ts'
import { openRedisStore, type RedisStoreOptions } from '../../../src/store/redis/open.ts'
import { startRedisCluster } from '../../redis-cluster.ts'
import { startRedisProxy } from '../../redis-proxy.ts'
import { startRedisServer } from '../../redis-server.ts'
import { handClock } from './hand-clock.ts'

const config: LogConfig = { cap: 1_000, quotaBytes: 1 << 20, dedupeMs: 3_600_000, meta: null }
const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

async function server() {
  const started = await startRedisServer({ appendonly: false })
  cleanUp.push(() => started.stop())
  return started
}
async function open(options: RedisStoreOptions) {
  const store = await openRedisStore(options)
  cleanUp.push(() => store.close())
  return store
}
/** Rooms rung so far, and a wait for the next one. */
async function ears(store: Awaited<ReturnType<typeof open>>) {
  const rung = new Map<string, string>()
  const calls: string[][] = []
  await store.log.listen((rooms) => {
    calls.push([...rooms.keys()])
    for (const [room, entry] of rooms) rung.set(room, entry)
  })
  return { rung, calls, heard: (room: string) => expect.poll(() => rung.get(room), { interval: 2, timeout: 5_000 }).toBeDefined() }
}
const post = (room: string, messageId = 'm') => ({ room, messageId, body: '"x"' })

describe('trap 11: nobody blocks on a room', () => {
  test('a ring comes by itself, without any sweep, to every listener of every process', async () => {
    const { url } = await server()
    const [here, there] = await Promise.all([open({ url, clock: handClock() }), open({ url, clock: handClock() })])
    const [ours, theirs] = await Promise.all([ears(here), ears(there)])
    await here.log.open('hall', config)
    const [result] = await here.log.append([post('hall')])
    await ours.heard('hall')
    await theirs.heard('hall')
    expect(theirs.rung.get('hall')).toBe((result as { entry: string }).entry)
  })

  test('in a cluster the ring is published in the shard of the room', async () => {
    const cluster = await startRedisCluster()
    cleanUp.push(() => cluster.stop())
    const [here, there] = await Promise.all([open({ url: cluster.url, cluster: true, clock: handClock() }), open({ url: cluster.url, cluster: true, clock: handClock() })])
    const theirs = await ears(there)
    const rooms = Array.from({ length: 20 }, (_, index) => `room${index}`)
    for (const room of rooms) await here.log.open(room, config)
    await here.log.append(rooms.map((room) => post(room)))
    for (const room of rooms) await theirs.heard(room)
  })

  test('a lost ring is found by the sweep', async () => {
    const redis = await server()
    const clock = handClock()
    const store = await open({ url: redis.url, clock })
    await store.log.open('hall', config)
    const { rung, heard } = await ears(store)
    const last = createKeys().roomsLast(slotGroupOf('hall'))
    await redis.command('HSET', last, 'hall', '1700000000000-1')
    await redis.command('HINCRBY', last, '', '1')
    expect(rung.size).toBe(0)
    clock.tick()
    await heard('hall')
  })

  test('rings lost with the subscription are found when it is back', async () => {
    const redis = await server()
    const proxy = await startRedisProxy(redis.port)
    cleanUp.push(() => proxy.stop())
    const [here, there] = await Promise.all([open({ url: redis.url, clock: handClock() }), open({ url: proxy.url, clock: handClock() })])
    await here.log.open('hall', config)
    const { rung, heard } = await ears(there)
    proxy.loseReplies()
    const lost = proxy.lost()
    await here.log.append([post('hall')])
    await lost
    expect(rung.size).toBe(0)
    proxy.heal()
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await heard('hall')
    expect(there.link.state).toBe('up')
  })

  test('idle, a sweep is sixteen small reads; hashes are read only where a ring was missed', async () => {
    const redis = await server()
    const clock = handClock()
    const store = await open({ url: redis.url, clock })
    for (let room = 0; room < 100; room++) await store.log.open(`room${room}`, config)
    const { heard } = await ears(store)
    const calls = async (command: string): Promise<number> => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(String(await redis.command('INFO', 'commandstats')))?.[1] ?? 0)
    await store.log.append([post('room7')])
    await heard('room7')
    const hgets = await calls('hget')
    clock.tick()
    await expect.poll(() => calls('hget'), { interval: 5 }).toBe(hgets + 16)
    clock.tick()
    await expect.poll(() => calls('hget'), { interval: 5 }).toBe(hgets + 32)
    expect(await calls('hgetall')).toBe(0)
  })

  test('2,000 rooms ring in a handful of calls over five connections', async () => {
    const redis = await server()
    const [here, there] = await Promise.all([open({ url: redis.url, clock: handClock() }), open({ url: redis.url, clock: handClock() })])
    const { calls, heard } = await ears(there)
    const rooms = Array.from({ length: 2_000 }, (_, index) => `room${index}`)
    await Promise.all(rooms.map((room) => here.log.open(room, config)))
    await here.log.append(rooms.map((room) => post(room)))
    await heard('room1999')
    expect(new Set(calls.flat()).size).toBe(2_000)
    expect(calls.length).toBeLessThan(200)
    const clients = String(await redis.command('CLIENT', 'LIST')).split('\n').filter((line) => line.includes('name=hivemind-'))
    expect(clients).toHaveLength(5)
  })
})
