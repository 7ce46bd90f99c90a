import { firstValueFrom, filter, map, merge, startWith, timeout } from 'rxjs'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { openRedisStore, type RedisStore } from '../../src/store/redis/open.ts'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import { sharedRedis } from '../shared-redis.ts'
import { happen, numbers, startNode, tick, type NodeOptions, type TestNode } from './nodes.ts'

const open: { node: TestNode; store: RedisStore }[] = []
let server: RedisServer | undefined

afterEach(async () => {
  for (const { node } of open) await node.mirror.stop({ drainMs: 100 })
  for (const { store } of open.splice(0)) await store.close()
  await server?.stop()
  server = undefined
})

async function join(id: string, target: { url: string; prefix?: string }, options?: NodeOptions): Promise<TestNode> {
  const store = await openRedisStore({ ...target, watchdogMs: 1_000 })
  const node = await startNode(id, store.signals, systemClock, options)
  open.push({ node, store })
  return node
}

/** Resolves when the node has seen enough; a message arriving is what makes it look again. */
async function until(node: TestNode, done: () => boolean): Promise<void> {
  const looks = merge(node.bus.all()).pipe(map(() => undefined), startWith(undefined), filter(done), timeout(15_000))
  await firstValueFrom(looks)
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)

describe('over Redis', () => {
  it('messages of both classes arrive once and in order, and not back at their sender', async () => {
    const redis = sharedRedis()
    const [a, b] = [await join('a', redis), await join('b', redis)]
    for (const n of range(1, 300)) {
      happen(a, n)
      tick(a, n)
    }
    happen(b, 1)
    await until(b, () => b.happened.length >= 300 && b.ticked.length >= 300)
    await until(a, () => a.happened.length > 0)
    expect(numbers(b.happened)).toEqual(range(1, 300))
    expect(numbers(b.ticked)).toEqual(range(1, 300))
    expect(numbers(a.happened)).toEqual([1])
    expect([...a.resyncs, ...b.resyncs]).toEqual([])
  })

  it('hives with different prefixes do not hear each other', async () => {
    const [one, other] = [sharedRedis(), sharedRedis()]
    const [a, b, c] = [await join('a', one), await join('b', one), await join('c', other)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    expect(c.mirror.stats()).toMatchObject({ delivered: 0, ownEchoes: 0 })
  })

  it('what was published while the subscriber was cut off is caught up from the ring', async () => {
    server = await startRedisServer()
    const [a, b] = [await join('a', server), await join('b', server)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    happen(a, ...range(2, 50))
    await until(b, () => b.happened.length === 50)
    expect(numbers(b.happened)).toEqual(range(1, 50))
    expect(b.resyncs).toEqual([])
  })

  it('what the ring dropped before a subscriber came back is told', async () => {
    server = await startRedisServer()
    const options = { ringCap: 3, sweepMs: 3_600_000 }
    const [a, b] = [await join('a', server, options), await join('b', server, options)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    // Published where b does not listen: whatever reaches it comes from the ring.
    for (let n = 2; n <= 12; n++) {
      await open[0]!.store.signals.ring('events', 3, 'elsewhere', JSON.stringify({ origin: 'a', epoch: 1, delivery: 'must-arrive', seq: n, events: [{ id: `m${n}`, type: 'test.happened', source: 'a', time: 1, data: { n } }] }))
    }
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(b, () => b.happened.length === 4)
    expect(numbers(b.happened)).toEqual([1, 10, 11, 12])
    expect(b.resyncs).toEqual([{ reason: 'truncated' }, { reason: 'missing', origin: 'a', epoch: 1, from: 2, to: 9, count: 8 }])
  })

  it('a server that is killed and comes back costs nothing that must arrive', async () => {
    server = await startRedisServer({ appendfsync: 'always' })
    const [a, b] = [await join('a', server), await join('b', server)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    await server.kill()
    happen(a, 2, 3)
    tick(a, 1)
    await server.restart()
    happen(a, 4)
    await until(b, () => b.happened.length === 4)
    expect(numbers(b.happened)).toEqual([1, 2, 3, 4])
    expect(b.resyncs).toEqual([])
  })

  it('a server that freezes and thaws costs nothing that must arrive', async () => {
    server = await startRedisServer()
    const [a, b] = [await join('a', server), await join('b', server)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    server.freeze()
    happen(a, 2)
    await new Promise((resolve) => setImmediate(resolve))
    happen(a, 3)
    server.thaw()
    await until(b, () => b.happened.length === 3)
    expect(numbers(b.happened)).toEqual([1, 2, 3])
  })

  it('a server that lost its data goes on where it was', async () => {
    server = await startRedisServer()
    const [a, b] = [await join('a', server), await join('b', server)]
    happen(a, 1)
    await until(b, () => b.happened.length === 1)
    await server.flush()
    happen(a, 2)
    await until(b, () => b.happened.length === 2)
    expect(numbers(b.happened)).toEqual([1, 2])
    expect(b.resyncs).toEqual([])
  })
})
