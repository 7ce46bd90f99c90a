import { resolve } from 'node:path'
import type { StoreNotice } from '../bus/store-notices.ts'
import type { Config } from '../config.ts'
import type { Clock, Randomness } from '../kernel/clock.ts'
import { HivemindError, messageOf, StoreMisconfigured, StoreUnavailable } from '../kernel/errors.ts'
import type { Logger } from '../kernel/logger.ts'
import { startNodeEpoch } from './node-epoch.ts'
import type { NodeEpoch } from './node-epoch.ts'
import { claimNodeName } from './node-name.ts'
import { createConflicts } from './outage/conflicts.ts'
import type { Conflicts } from './outage/conflicts.ts'
import type { OutageStore } from './outage/open.ts'
import { createTables } from './outage/tables.ts'
import type { Presence, Store } from './ports.ts'
import type { LinkEvent } from './redis/open.ts'
import { createPresence } from './sqlite/presence.ts'
import { openSqliteStore } from './sqlite/open.ts'
import type { SqliteStore } from './sqlite/open.ts'
import type { Database } from './sqlite/database.ts'
import { databaseFile } from './sqlite/files.ts'

/** What a node stands on: its stores, its name, its epoch. */
export interface NodeStore {
  /** The backplane: the data folder, or the shared store with the outage journal in front of it. */
  readonly store: Store
  readonly presence: Presence
  readonly conflicts: Conflicts
  /** The SQLite file of the data folder, which holds every memory. Absent in the simulator. */
  readonly folder?: { database: Database; path: string }
  /** Present with Redis. */
  readonly outage?: OutageStore
  readonly name: string
  readonly epoch: NodeEpoch
  close(): Promise<void>
}

export interface NodeStoreOptions {
  config: Config
  clock: Clock
  randomness: Randomness
  logger: Logger
  onNotice(notice: StoreNotice): void
  onSuperseded(): void
}

/**
 * Opens the data folder and, when one is configured, the shared store. A shared store that is away is no failure: the node
 * begins degraded. One that is set up wrongly is: rejects with `StoreMisconfigured`. Nothing stays open after a rejection.
 */
export async function openNodeStore(options: NodeStoreOptions): Promise<NodeStore> {
  const { config, clock, randomness, logger } = options
  const opened: { close(): Promise<unknown> }[] = []
  const close = async (): Promise<void> => {
    for (const part of opened.splice(0).reverse()) await part.close()
  }
  const onFailure = (error: unknown): void => logger.debug({ problem: messageOf(error) }, 'a lease was not renewed: tried again')
  try {
    const local = await openSqliteStore({
      dataDir: config.dataDir, clock, randomness, durability: config.durability,
      onNotice: ({ kind, file, message }) => options.onNotice(
        file === undefined ? { type: 'store.warned', data: { code: kind, message } } : { type: 'store.quarantined', data: { file, message } },
      ),
    })
    opened.push(local)
    const claimed = await claimNodeName({ leases: local.leases, dataDir: config.dataDir, wanted: config.node.id, clock, randomness, onFailure })
    opened.push({ close: () => claimed.stop() })
    const { name } = claimed
    const outage = config.redis === undefined ? undefined : await openShared(options, config.redis, local, name)
    if (outage !== undefined) opened.push(outage)
    const { leases } = outage ?? local
    const epoch = startNodeEpoch({
      leases, name, clock, onSuperseded: options.onSuperseded, onFailure,
      ...(outage !== undefined && { ready: reached(outage.link) }),
    })
    opened.push({ close: () => epoch.stop() })
    if (outage === undefined) await epoch.begun()
    return {
      store: outage ?? local, outage, name, epoch, close,
      folder: { database: local.database, path: databaseFile(resolve(config.dataDir)) },
      presence: outage?.presence ?? await createPresence(local.database, clock),
      conflicts: outage?.conflicts ?? await keptConflicts(local, clock),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openShared({ config, clock, randomness, onNotice }: NodeStoreOptions, urls: string, local: SqliteStore, origin: string): Promise<OutageStore> {
  const { openRedisStore } = await import('./redis/open.ts')
  let refused: StoreMisconfigured | undefined
  let opening = true
  const nodes = urls.split(',').map((url) => url.trim())
  // Loaded when it is needed: an embedded node starts sooner without the Redis client.
  const { openOutageStore } = await import('./outage/open.ts')
  const outage = await openOutageStore({
    local, origin, clock, randomness,
    journalBytes: config.limits.journalBytes,
    journalAgeMs: config.limits.journalAgeMs,
    onProblem(error) {
      // A store that is away is told as the state of the link, and one that is refused by the rejection.
      if (error instanceof StoreUnavailable || (opening && error === refused)) return
      onNotice({ type: 'store.warned', data: { code: error instanceof HivemindError ? error.code : 'unexpected', message: messageOf(error) } })
    },
    async connect() {
      try {
        return await openRedisStore({
          url: nodes[0], cluster: nodes.length > 1, prefix: config.prefix, clock, randomness,
          ...(config.cache !== undefined && { cache: config.cache }),
          durability: config.durability === 'fsync' ? 'fsync' : 'everysec',
          onLink: (event) => lossOf(event).forEach((message) => onNotice({ type: 'store.warned', data: { code: 'redis_lost_data', message } })),
          onNotice: (message) => onNotice({ type: 'store.warned', data: { code: 'redis_setup', message } }),
        })
      } catch (error) {
        if (error instanceof StoreMisconfigured) refused = error
        throw error
      }
    },
  })
  await outage.probe()
  opening = false
  if (refused === undefined) return outage
  await outage.close()
  throw refused
}

/** What a server that comes back without its data is told as. */
function lossOf(event: LinkEvent): string[] {
  if (event.type !== 'restarted') return []
  if (event.reason === 'flushed') return ['Redis was emptied while this node was running: rooms, records and leases are gone; hive.room() makes a room anew, leases are taken again']
  if (event.refused === 0) return []
  return [`Redis was restarted and did not take back ${event.refused} of the writes it had acknowledged in its last seconds: a room was removed or is full`]
}

/** Settles when the shared store can be asked for the first time. */
async function reached(link: OutageStore['link']): Promise<void> {
  while (link.state === 'degraded') await link.changed()
}

/** Conflicts of an earlier life with a shared store: they can be looked at and dropped without it. */
async function keptConflicts({ database }: SqliteStore, clock: Clock): Promise<Conflicts> {
  await createTables(database)
  const away = (): Promise<never> => Promise.reject(new StoreUnavailable('this hive is embedded: give it the shared store (REDIS_URL) to write this version there'))
  return createConflicts({ database, clock, records: { get: away, put: away, delete: away }, log: { append: away } })
}
