import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/kernel/clock.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { createPresence } from '../../src/store/sqlite/presence.ts'
import { presenceContract } from '../contract/presence.ts'
import { sharedRedis } from '../shared-redis.ts'

presenceContract('redis', async () => {
  const store = await openRedisStore(sharedRedis())
  return { presence: store.presence, close: () => store.close() }
})

presenceContract('sqlite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-presence-'))
  const store = await openSqliteStore({ dataDir })
  return {
    presence: await createPresence(store.database, systemClock),
    async close() {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
})
