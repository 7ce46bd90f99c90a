import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock, systemRandomness as randomness } from '../../../src/kernel/clock.ts'
import { startCarrier } from '../../../src/store/outage/carrier.ts'
import { openOutageStore, type OutageOptions, type OutageStore } from '../../../src/store/outage/open.ts'
import type { Reconciled } from '../../../src/store/replica/reconcile.ts'
import { startFollower, type Follower } from '../../../src/store/replica/follower.ts'
import { openRedisStore, type RedisStore, type RedisStoreOptions } from '../../../src/store/redis/open.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/open.ts'

/** One folder with one process on it, which fills it from Redis. */
export interface Folder {
  dir: string
  local: SqliteStore
  store: OutageStore
  documents: OutageStore['documents']
  reconciled: Reconciled[]
  problems: unknown[]
  /** The shared side, as the last connection has it. */
  shared(): RedisStore
  until(state: OutageStore['link']['state']): Promise<void>
  /** Settles when the folder holds all that is in Redis now. */
  caughtUp(): Promise<void>
  stopFollowing(): Promise<void>
  follow(): void
  /** Ends the process. */
  stop(): Promise<void>
  remove(): Promise<void>
}

export async function openFolder(redis: RedisStoreOptions, options: Partial<OutageOptions> & { dir?: string; follow?: boolean } = {}): Promise<Folder> {
  const { dir = mkdtempSync(join(tmpdir(), 'hivemind-documents-')), follow = true, ...rest } = options
  const local = await openSqliteStore({ dataDir: dir })
  const problems: unknown[] = []
  const reconciled: Reconciled[] = []
  let redisStore: RedisStore | undefined
  const store = await openOutageStore({
    local, origin: 'n1', clock, randomness, backoff: { minMs: 10, maxMs: 100 }, onProblem: (error) => problems.push(error),
    connect: async () => (redisStore = await openRedisStore({ watchdogMs: 1_500, ...redis })), ...rest,
  })
  const carrier = startCarrier(store, {
    onDefect: (error) => {
      throw error
    },
  })
  let follower: Follower | undefined
  let stopped = false
  const begin = (): void => {
    follower = startFollower({
      source: store.replication!, replica: store.replication!.replica, clock, onProblem: (error) => problems.push(error),
      onReconciled: (result) => reconciled.push(result),
      onDefect: (error) => {
        throw error
      },
    })
    store.replication!.setFollower(follower)
  }
  const until = async (state: OutageStore['link']['state']): Promise<void> => {
    while (store.link.state !== state) await store.link.changed()
  }
  if (follow) begin()
  const folder: Folder = {
    dir, local, store, documents: store.documents, reconciled, problems, until,
    shared: () => redisStore!,
    async caughtUp() {
      const asked = clock.monotonic()
      for (;;) {
        const lag = follower?.lag()
        if (lag !== undefined && lag.behind === 0 && clock.monotonic() - lag.lagMs > asked) return
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async stopFollowing() {
      await follower?.stop()
      follower = undefined
    },
    follow: begin,
    async stop() {
      if (stopped) return
      stopped = true
      await follower?.stop()
      await carrier.stop()
      await store.close()
      await local.close()
    },
    async remove() {
      await folder.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  return folder
}
