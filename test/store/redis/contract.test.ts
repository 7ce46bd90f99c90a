import { systemClock } from '../../../src/kernel/clock.ts'
import { createKeys } from '../../../src/store/keys.ts'
import { openRedisStore } from '../../../src/store/redis/open.ts'
import { blobsContract } from '../../contract/blobs.ts'
import { cacheContract } from '../../contract/cache.ts'
import { leasesContract } from '../../contract/leases.ts'
import { recordsContract } from '../../contract/records.ts'
import { startRedisServer } from '../../redis-server.ts'
import { sharedRedis } from '../../shared-redis.ts'

recordsContract('redis', async () => {
  const store = await openRedisStore(sharedRedis())
  return { records: store.records, close: () => store.close() }
})

leasesContract('redis', async () => {
  const server = await startRedisServer()
  const store = await openRedisStore({ url: server.url })
  return {
    leases: store.leases,
    clock: systemClock,
    async lose() {
      await server.flush()
      return store.leases
    },
    async close() {
      await store.close()
      await server.stop()
    },
  }
})

blobsContract('redis, cache role', async () => {
  const cache = await startRedisServer({ appendonly: false, policy: 'allkeys-lfu' })
  const store = await openRedisStore({ ...sharedRedis(), cache: cache.url })
  const keys = createKeys()
  return {
    blobs: store.blobs,
    async damage(hash) {
      const [key] = (await cache.command('KEYS', `*${keys.blobChunk(hash, 0)}`)) as string[]
      await cache.command('SETRANGE', key as string, '0', '\x07')
    },
    async close() {
      await store.close()
      await cache.stop()
    },
  }
})

cacheContract('redis, cache role', async () => {
  const server = await startRedisServer({ appendonly: false, policy: 'allkeys-lfu' })
  const store = await openRedisStore({ ...sharedRedis(), cache: server.url })
  return {
    cache: store.cache,
    async close() {
      await store.close()
      await server.stop()
    },
  }
})
