import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cache } from '../../src/store/ports.ts'

/** What `src/store/ports.ts` promises of `Cache`. Times to live run on the real clock. */
export function cacheContract(name: string, make: () => Promise<{ cache: Cache; close(): Promise<void> }>): void {
  describe(`${name}: cache`, () => {
    let fixture: Awaited<ReturnType<typeof make>>
    let cache: Cache

    beforeAll(async () => {
      fixture = await make()
      cache = fixture.cache
    })
    afterAll(async () => {
      await fixture?.close()
    })

    it('gives back bytes as they were, in the order they are asked for', async () => {
      const values = [0, 1, 1000, 1 << 20].map((size) => new Uint8Array(randomBytes(size)))
      await cache.set(values.map((value, index) => ({ key: `cache:order ${index}`, value, ttlMs: 60_000 })))
      const found = await cache.get(['cache:order 3', 'cache:none', 'cache:order 0', 'cache:order 1', 'cache:order 2', 'cache:order 3'])
      expect(found.map((value) => value && Buffer.from(value).toString('base64'))).toEqual(
        [values[3], undefined, values[0], values[1], values[2], values[3]].map((value) => value && Buffer.from(value).toString('base64')),
      )
    })

    it('stores a view by its own bytes, not those around it', async () => {
      await cache.set([{ key: 'cache:view', value: new Uint8Array(randomBytes(100)).subarray(10, 20), ttlMs: 60_000 }])
      expect((await cache.get(['cache:view']))[0]?.byteLength).toBe(10)
    })

    it('replaces, deletes, and takes no offence at nothing', async () => {
      await cache.set([])
      await cache.delete([])
      expect(await cache.get([])).toEqual([])
      await cache.set([{ key: 'cache:twice', value: Buffer.from('one'), ttlMs: 60_000 }])
      await cache.set([{ key: 'cache:twice', value: Buffer.from('two'), ttlMs: 60_000 }])
      expect(Buffer.from((await cache.get(['cache:twice']))[0]!).toString()).toBe('two')
      await cache.delete(['cache:twice', 'cache:never'])
      expect(await cache.get(['cache:twice'])).toEqual([undefined])
    })

    it('reads and writes many at once', async () => {
      const keys = Array.from({ length: 1_500 }, (_, index) => `cache:many ${index}`)
      await cache.set(keys.map((key) => ({ key, value: Buffer.from(key), ttlMs: 60_000 })))
      expect((await cache.get(keys)).map((value) => Buffer.from(value!).toString())).toEqual(keys)
      await cache.delete(keys)
      expect((await cache.get(keys)).every((value) => value === undefined)).toBe(true)
    })

    it('forgets what has expired', async () => {
      await cache.set([{ key: 'cache:brief', value: Buffer.from('x'), ttlMs: 1 }])
      await expect.poll(async () => (await cache.get(['cache:brief']))[0], { interval: 5 }).toBeUndefined()
    })
  })
}
