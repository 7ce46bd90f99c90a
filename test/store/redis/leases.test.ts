import { afterEach, describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/kernel/clock.ts'
import { openRedisStore } from '../../../src/store/redis/open.ts'
import { startRedisServer } from '../../redis-server.ts'
import { sharedRedis } from '../../shared-redis.ts'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

/** A clock on which every look costs a second: the reply comes later than the ask. */
function slowClock(): Clock {
  let now = 0
  return { ...systemClock, monotonic: () => (now += 1_000) }
}

describe('trap 6: leases', () => {
  test("the holder's deadline runs from the ask, less a margin for drift", async () => {
    const clock = slowClock()
    const store = await openRedisStore({ ...sharedRedis(), clock, watchdogMs: 1e9 })
    cleanUp.push(() => store.close())
    const before = clock.monotonic()
    const granted = await store.leases.acquire('leader', 'a', 10_000)
    expect(granted!.heldUntil).toBe(before + 1_000 + 10_000 - 102)
    const asked = clock.monotonic()
    const renewed = await store.leases.renew('leader', 'a', granted!.fence, 10_000)
    expect(renewed!.heldUntil).toBe(asked + 1_000 + 10_000 - 102)
  })

  test('fences grow over a server that went back to an older state', async () => {
    const server = await startRedisServer()
    cleanUp.push(() => server.stop())
    const store = await openRedisStore({ url: server.url, watchdogMs: 200 })
    cleanUp.push(() => store.close())
    const fences: number[] = []
    for (const holder of ['a', 'a', 'a']) fences.push((await store.leases.acquire('leader', holder, 60_000))!.fence)
    await server.command('SET', 'lease:{leader}:fence', '1')
    await server.command('DEL', 'lease:{leader}')
    fences.push((await store.leases.acquire('leader', 'b', 60_000))!.fence)
    await server.flush()
    fences.push((await store.leases.acquire('leader', 'c', 60_000))!.fence)
    expect([...new Set(fences)].sort((a, b) => a - b)).toEqual(fences)
  })

  test('a counter ahead of the time still grows', async () => {
    const { url, prefix } = sharedRedis()
    const store = await openRedisStore({ url, prefix })
    cleanUp.push(() => store.close())
    const far = 8_000_000_000_000_000
    const { Redis } = await import('ioredis')
    const raw = new Redis(url)
    await raw.set(`${prefix}lease:{x}:fence`, String(far))
    raw.disconnect()
    expect((await store.leases.acquire('x', 'a', 1_000))!.fence).toBe(far + 1)
  })
})
