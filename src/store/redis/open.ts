import { systemClock, systemRandomness, type Clock, type Randomness } from '../../kernel/clock.ts'
import { StoreMisconfigured, StoreUnavailable } from '../../kernel/errors.ts'
import { createKeys } from '../keys.ts'
import type { Log, Presence, Signals, Store } from '../ports.ts'
import { createBlobs } from './blobs.ts'
import { masters, type RedisTarget } from './clients.ts'
import { createCache } from './cache.ts'
import { createSharedDocuments, type SharedDocuments } from './documents.ts'
import { createLeases } from './leases.ts'
import { openLink, type Backend, type LinkEvent, type RedisLink } from './link.ts'
import { createAppender } from './log-append.ts'
import { createCommitter } from './log-commit.ts'
import { createDeadLetters } from './log-dead.ts'
import { createRings } from './log-rings.ts'
import { createRooms } from './log-rooms.ts'
import { createWork } from './log-work.ts'
import { createPresence } from './presence.ts'
import { createRecords } from './records.ts'
import { judgeServer, probeFeatures, type ServerFeatures } from './server-info.ts'
import { createSignals } from './signals.ts'
import { createSubscriptions } from './subscriptions.ts'

export type { RedisTarget } from './clients.ts'
export type { LinkEvent, RedisLink } from './link.ts'
export type { ServerFeatures } from './server-info.ts'

export interface RedisStoreOptions extends RedisTarget {
  /** A second server for what may be evicted (staged models, caches); without it the first one holds that too. */
  cache?: string | RedisTarget
  /** Put before every key and channel: separates hives on one server. */
  prefix?: string
  clock?: Clock
  randomness?: Randomness
  /** `everysec` (default): as durable as the server's append-only file. `fsync`: an append or commit is acknowledged once it is on disk. */
  durability?: 'everysec' | 'fsync'
  /** Silence after which a connection is thrown away, ms. Default 5,000. */
  watchdogMs?: number
  onLink?(event: LinkEvent): void
  /** What a person should know about how the servers are set up. */
  onNotice?(notice: string): void
}

export interface RedisStore extends Omit<Store, 'documents'> {
  readonly kind: 'redis'
  /** The shared side of the documents; what is read is in the data folder (see `OutageStore`). */
  readonly documents: SharedDocuments
  readonly signals: Signals
  readonly presence: Presence
  readonly link: RedisLink
  readonly features: ServerFeatures
}

/** An append-only file synced every second may lose two of them; one more for the way there. */
const keepMs = 3_000

/**
 * Connects to Redis 7.0 or newer, standalone or Cluster. Rejects with `StoreUnavailable` when nobody answers and with
 * `StoreMisconfigured` when the server is too old, refuses the password, or would throw durable data away.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const clock = options.clock ?? systemClock
  const randomness = options.randomness ?? systemRandomness
  const durability = options.durability ?? 'everysec'
  const watchdogMs = options.watchdogMs ?? 5_000
  const keys = createKeys(options.prefix)
  const cacheTarget = typeof options.cache === 'string' ? { url: options.cache } : options.cache
  const target: RedisTarget = { url: options.url, options: options.options, cluster: options.cluster }
  let features: ServerFeatures = { waitaof: false, vectorSets: false, xackdel: false, readGroupClaim: false, idempotentAdd: false }
  const opened: Backend[] = []

  const open = async (role: 'durable' | 'cache', roleTarget: RedisTarget): Promise<Backend> => {
    const backend = await openLink({
      target: roleTarget, role, keys, clock, randomness, watchdogMs, keepMs,
      async check(servers, client) {
        const where = servers.length === 0 ? '' : describe(roleTarget)
        for (const server of servers) {
          // Version first: an older server may not know what is asked next.
          const expected = { role, alsoCache: cacheTarget === undefined, durability, where }
          judgeServer(server, { ...features, waitaof: true }, { ...expected, durability: 'everysec' })
          if (role === 'durable') features = await probeFeatures(masters(client)[0]!, server.version)
          for (const notice of judgeServer(server, features, expected)) options.onNotice?.(notice)
          if (server.cluster && !roleTarget.cluster) throw new StoreMisconfigured(`Redis at ${where} is a cluster node: give two or more of the nodes in the setting redis (REDIS_URL), separated by commas`)
        }
      },
    })
    opened.push(backend)
    return backend
  }
  const describe = (roleTarget: RedisTarget): string => roleTarget.url?.replace(/\/\/[^@/]*@/, '//') ?? 'the given options'

  try {
    const durable = await open('durable', target)
    if (options.onLink !== undefined) durable.on(options.onLink)
    const cache = cacheTarget === undefined ? durable : await open('cache', cacheTarget)
    return assemble(durable, cache, features, durability)
  } catch (error) {
    await Promise.all(opened.map((backend) => backend.close()))
    throw error
  }
}

function assemble(durable: Backend, cache: Backend, features: ServerFeatures, durability: 'everysec' | 'fsync'): RedisStore {
  const alwaysSynced = durable.servers.every(({ aof, appendfsync }) => aof && appendfsync === 'always')
  const persist = durability === 'fsync' && !alwaysSynced ? () => waitForDisk(durable) : async () => undefined
  const appender = createAppender(durable, persist)
  const subscriptions = createSubscriptions(durable, false)
  const ringSubscriptions = durable.cluster ? createSubscriptions(durable, true) : subscriptions
  const rings = createRings(durable, ringSubscriptions)
  const log: Log = {
    ...createRooms(durable),
    ...createWork(durable),
    ...createDeadLetters(durable, appender),
    append: appender.append,
    commit: createCommitter(durable, appender, persist),
    listen: rings.listen,
  }
  return {
    kind: 'redis',
    log,
    records: createRecords(durable),
    leases: createLeases(durable),
    blobs: createBlobs(cache),
    cache: createCache(cache),
    documents: createSharedDocuments(durable, subscriptions, persist),
    signals: createSignals(durable, subscriptions),
    presence: createPresence(durable),
    link: durable,
    features,
    async close() {
      await rings.stop()
      await Promise.all([subscriptions.close(), ringSubscriptions.close()])
      await Promise.all([durable.close(), cache.close()])
    },
  }
}

/** WAITAOF answers for the writes of its connection before it. */
async function waitForDisk(backend: Backend): Promise<void> {
  const [local] = (await backend.write((client) => client.call('WAITAOF', 1, 0, 5_000))) as [number, number]
  if (local < 1) throw new StoreUnavailable(`Redis at ${backend.where} took the write but did not confirm within 5 s that it is on disk: repeat it`)
}

