import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../../src/kernel/clock.ts'
import { createCache } from '../../../src/store/sqlite/cache.ts'
import { blobsContract } from '../../contract/blobs.ts'
import { cacheContract } from '../../contract/cache.ts'
import { leasesContract } from '../../contract/leases.ts'
import { recordsContract } from '../../contract/records.ts'
import { temporaryFolder } from './store.ts'

recordsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { records } = await folder.open()
  return { records, close: () => folder.remove() }
})

leasesContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { leases, database } = await folder.open()
  const lose = async () => {
    await database.run('DELETE FROM leases')
    return leases
  }
  return { leases, clock: systemClock, lose, close: () => folder.remove() }
})

blobsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { blobs } = await folder.open()
  const damage = async (hash: string) => writeFileSync(join(folder.dataDir, 'blobs', hash.slice(0, 2), hash), 'damaged')
  return { blobs, damage, close: () => folder.remove() }
})

cacheContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { cache } = await folder.open()
  return { cache, close: () => folder.remove() }
})

it('keeps the cache of a folder near its bound, dropping first what would expire first', async () => {
  const folder = temporaryFolder()
  const { database } = await folder.open()
  const cache = createCache(database, systemClock, 100_000)
  for (let round = 0; round < 40; round++) await cache.set([{ key: `cache:${round}`, value: new Uint8Array(5_000), ttlMs: 60_000 + round * 1_000 }])
  const found = await cache.get(Array.from({ length: 40 }, (_, round) => `cache:${round}`))
  const kept = found.flatMap((value, round) => (value === undefined ? [] : [round]))
  expect(kept.length).toBeGreaterThanOrEqual(18)
  expect(kept.length).toBeLessThanOrEqual(21)
  expect(kept.at(-1)).toBe(39)
  expect(kept[0]).toBe(40 - kept.length)
  await cache.set([{ key: 'cache:huge', value: new Uint8Array(60_000), ttlMs: 60_000 }])
  expect(await cache.get(['cache:huge', 'cache:39'])).toEqual([undefined, new Uint8Array(5_000)])
  await folder.remove()
})
