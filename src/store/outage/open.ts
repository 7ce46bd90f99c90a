import type { Clock, Randomness } from '../../kernel/clock.ts'
import { HivemindError, StoreUnavailable } from '../../kernel/errors.ts'
import type { Blobs, Cache, Leases, Presence, Signals, Store } from '../ports.ts'
import type { RedisStore } from '../redis/open.ts'
import type { SqliteStore } from '../sqlite/open.ts'
import type { Follower, ReplicaSource } from '../replica/follower.ts'
import type { Replica } from '../sqlite/replica.ts'
import { createOutageDocuments } from './documents.ts'
import { createConflicts, type Conflicts, type KeptConflict, type Resolution } from './conflicts.ts'
import { createGate, type Gate } from './gate.ts'
import { loadHanded } from './handed.ts'
import { createJournal, type JournalTotals } from './journal.ts'
import { createOutageLink, type LinkState, type OutageLink } from './link.ts'
import { createLocalRecords } from './local-records.ts'
import { createOutageLog } from './log.ts'
import { createOutageRecords } from './records.ts'
import { documentSides, noDocuments } from './document-sides.ts'
import { createSubscriptions } from './subscriptions.ts'
import { drain, type SyncOptions } from './sync.ts'
import { createTables } from './tables.ts'

export interface OutageOptions {
  /** The store of the data folder: journal, copies and conflicts live in it. */
  local: Pick<SqliteStore, 'database' | 'blobs' | 'cache' | 'leases'> & Partial<Pick<SqliteStore, 'replica'>>
  /** Connects to the shared store. Called at once, and again after a failure until it succeeds once; then the store reconnects by itself. */
  connect(): Promise<RedisStore>
  /** Name of this node, the same after a restart: the journal it left behind is its own again. */
  origin: string
  clock: Clock
  randomness: Randomness
  /** Default 256 MB. */
  journalBytes?: number
  /** Age of the oldest item in the journal from which on nothing more is accepted, ms; at most as long as message ids are remembered. Default 24 h. */
  journalAgeMs?: number
  /** Wait between two looks for the shared store. Default 100 ms to 5 s. */
  backoff?: { minMs: number; maxMs: number }
  /** Told of failures that are retried or kept as conflicts. */
  onProblem?(error: unknown): void
}

export interface DrainStep {
  replayed: number
  duplicates: number
  conflicts: KeptConflict[]
}

/** The shared store with an outage journal in front of it. Works while the store is away; see `link.state`. */
export interface OutageStore extends Store {
  readonly kind: 'redis'
  readonly signals: Signals
  readonly presence: Presence
  readonly conflicts: Conflicts
  /** Absent when the data folder keeps no documents. */
  readonly replication?: Replication
  /** State of the link and of the journal. Without a carrier attached nothing reconnects or drains. */
  readonly link: OutageLink
  /** Looks for the shared store; the link is told. */
  probe(): Promise<void>
  /** Sends the journal; the link is told. Rejects only for a defect of ours. */
  drain(run: number, signal: AbortSignal): Promise<void>
  onDrained(listener: (step: DrainStep) => void): () => void
  onResolved(listener: (conflict: KeptConflict, choice: Resolution) => void): () => void
}

/** What fills the data folder: see the actor `replica`. */
export interface Replication extends ReplicaSource {
  readonly replica: Replica
  /** Of the data folder. */
  readonly leases: Leases
  /** The follower of this process, for what it knows of its lag. */
  setFollower(follower: Follower | undefined): void
}

export type { Conflicts, JournalTotals, KeptConflict, LinkState, OutageLink, Resolution }

/** Longer than any journal may last, so that every message comes back within it. */
const handedFactor = 7

export async function openOutageStore(options: OutageOptions): Promise<OutageStore> {
  const { local, origin, clock, randomness } = options
  const { database } = local
  const journalAgeMs = options.journalAgeMs ?? 24 * 3_600_000
  const onProblem = options.onProblem ?? (() => undefined)
  await createTables(database)
  const journal = createJournal(database, origin, clock)
  const link = createOutageLink(clock, {
    journalBytes: options.journalBytes ?? 256 * 2 ** 20, journalAgeMs, backoff: options.backoff ?? { minMs: 100, maxMs: 5_000 },
  }, await journal.totals())
  const records = createLocalRecords(database, clock, onProblem)
  const handed = await loadHanded(database, clock, handedFactor * journalAgeMs)
  const subscriptions = createSubscriptions(onProblem)
  const exclusive = createMutex()
  const drainedListeners = new Set<(step: DrainStep) => void>()
  const resolvedListeners = new Set<(conflict: KeptConflict, choice: Resolution) => void>()
  const resetListeners = new Set<() => void>()
  let follower: Follower | undefined
  let store: RedisStore | undefined
  let connecting: Promise<void> | undefined
  let closed = false

  const gate = createGate({ link, journal, store: () => store })
  link.on((state) => {
    if (state === 'degraded') subscriptions.away()
    else if (store !== undefined) subscriptions.reached(store)
  })

  async function connect(): Promise<void> {
    const opened = await options.connect()
    if (closed) {
      await opened.close()
      return
    }
    store = opened
    opened.link.on((event) => {
      if (event.type === 'up') link.send({ type: 'up' })
      else if (event.type === 'down') link.down(event.error)
      else if (event.type === 'restarted') for (const listener of resetListeners) listener()
    })
  }

  async function probe(): Promise<void> {
    try {
      if (store === undefined) {
        connecting ??= connect().finally(() => {
          connecting = undefined
        })
        await connecting
      } else await store.link.ping()
      link.send({ type: 'up' })
    } catch (error) {
      link.down(error)
      if (!(error instanceof HivemindError)) throw error
      if (!(error instanceof StoreUnavailable)) onProblem(error)
    }
  }

  /** Items of nodes whose name nobody holds any more. */
  async function adoptOrphans(): Promise<void> {
    for (const keeper of await journal.otherKeepers()) {
      const lease = await local.leases.acquire(nameLease(keeper), origin, 5_000)
      if (lease === undefined) continue
      try {
        const found = await journal.adopt(keeper)
        if (found.items > 0) link.send({ type: 'adopted', ...found })
      } finally {
        await local.leases.release(nameLease(keeper), origin, lease.fence)
      }
    }
  }

  async function drainOnce(run: number, signal: AbortSignal): Promise<void> {
    try {
      await adoptOrphans()
      const sync: SyncOptions = {
        shared: gate.shared(), local: { database, blobs: local.blobs, records, replica: local.replica }, journal, clock, randomness, exclusive,
        onDrained({ items, bytes, oldestAt, ...step }) {
          link.send({ type: 'drained', items, bytes, oldestAt })
          for (const listener of drainedListeners) listener(step)
        },
      }
      await drain(sync, signal)
      await gate.kept()
      const left = await journal.totals()
      if (signal.aborted) return
      // Another process took our items for orphans, and sent them, while this one was held up.
      const { items, bytes } = link.journal
      if (left.items === 0 && items > 0 && gate.keeping === 0) link.send({ type: 'drained', items, bytes, oldestAt: 0 })
      link.send({ type: 'swept', run })
    } catch (error) {
      if (signal.aborted) return
      link.down(error)
      if (!(error instanceof HivemindError)) throw error
      onProblem(error)
    }
  }

  const documents = local.replica === undefined ? undefined
    : createOutageDocuments({ gate, replica: local.replica, origin, clock, onProblem, lag: () => follower?.lag() })
  const replication = local.replica === undefined ? undefined : {
    replica: local.replica, leases: local.leases,
    call: <Result>(work: (shared: RedisStore['documents']) => Promise<Result>) => gate.call(({ documents: shared }) => work(shared)),
    listen: (onRing: (stream: number | 'all') => void) => subscriptions.add(({ documents: shared }) => shared.listen(onRing)),
    onReset(listener: () => void) {
      resetListeners.add(listener)
      return () => void resetListeners.delete(listener)
    },
    setFollower(next: Follower | undefined) {
      follower = next
    },
  }

  const conflicts = createConflicts({
    database,
    clock,
    records: sharedRecords(gate, records),
    log: { append: (appends) => gate.call(({ log }) => log.append(appends)) },
    documents: documentSides(documents),
    onResolved(conflict, choice) {
      for (const listener of resolvedListeners) listener(conflict, choice)
    },
  })

  return {
    kind: 'redis',
    log: createOutageLog({ gate, database, handed, listen: (onRing, onReset) => subscriptions.add(({ log }) => log.listen(onRing, onReset)) }),
    records: createOutageRecords({ gate, local: records, clock, exclusive }),
    leases: sharedLeases(gate),
    blobs: outageBlobs(gate, local.blobs),
    cache: outageCache(() => store?.cache, local.cache),
    documents: documents ?? noDocuments,
    ...(replication !== undefined && { replication }),
    signals: {
      publish: (channel, payload) => gate.call(({ signals }) => signals.publish(channel, payload)),
      subscribe: (channel, onPayload, onGap) => subscriptions.add(({ signals }) => signals.subscribe(channel, onPayload, onGap)),
      ring: (ring, cap, channel, payload) => gate.call(({ signals }) => signals.ring(ring, cap, channel, payload)),
      readRing: (ring, after, limit) => gate.call(({ signals }) => signals.readRing(ring, after, limit)),
      ringEnd: (ring) => gate.call(({ signals }) => signals.ringEnd(ring)),
    },
    presence: {
      announce: (node, summary, ttlMs) => gate.call(({ presence }) => presence.announce(node, summary, ttlMs)),
      withdraw: (node) => gate.call(({ presence }) => presence.withdraw(node)),
      list: () => gate.call(({ presence }) => presence.list()),
    },
    conflicts,
    link,
    probe,
    drain: drainOnce,
    onDrained(listener) {
      drainedListeners.add(listener)
      return () => void drainedListeners.delete(listener)
    },
    onResolved(listener) {
      resolvedListeners.add(listener)
      return () => void resolvedListeners.delete(listener)
    },
    async close() {
      if (closed) return
      closed = true
      link.stop()
      await subscriptions.stop()
      await connecting?.catch(() => undefined)
      await gate.kept()
      await records.flush()
      await store?.close()
    },
  }
}

/** The lease in the data folder by which a process holds its name. */
export function nameLease(name: string): string {
  return `name:${name}`
}

/** Fail closed: nobody is told that it holds a lease which cannot be checked. */
function sharedLeases(gate: Gate): Leases {
  return {
    acquire: (name, holder, ttlMs) => gate.call(({ leases }) => leases.acquire(name, holder, ttlMs)),
    renew: (name, holder, fence, ttlMs) => gate.call(({ leases }) => leases.renew(name, holder, fence, ttlMs)),
    release: (name, holder, fence) => gate.call(({ leases }) => leases.release(name, holder, fence)),
    inspect: (name) => gate.call(({ leases }) => leases.inspect(name)),
  }
}

/** Bytes are named by their hash, so that the local store can hold them until the shared one is back. */
function outageBlobs(gate: Gate, local: Blobs): Blobs {
  return {
    async put(bytes, options) {
      const room = { kind: 'blob' as const, hash: ' '.repeat(64), bytes: bytes.byteLength, ttlMs: options?.ttlMs }
      return gate.write(room, ({ blobs }) => blobs.put(bytes, options), async (keep) => {
        const hash = await local.put(bytes, options)
        await keep({ ...room, hash }, [])
        return hash
      })
    },
    get: (hash) => gate.read(({ blobs }) => blobs.get(hash), async () => {
      const bytes = await local.get(hash)
      if (bytes === undefined) throw new StoreUnavailable(`the shared store is away and blob ${hash} is not in the data folder`)
      return bytes
    }),
    has: (hash) => gate.read(({ blobs }) => blobs.has(hash), async () => {
      if (await local.has(hash)) return true
      throw new StoreUnavailable(`the shared store is away and blob ${hash} is not in the data folder`)
    }),
    delete: (hash) => gate.call(({ blobs }) => blobs.delete(hash)),
  }
}

/** The cache of the hive, or that of the folder while it is away; it may be a server of its own, so that the link is not told. */
function outageCache(shared: () => Cache | undefined, local: Cache): Cache {
  async function either<Result>(work: (cache: Cache) => Promise<Result>): Promise<Result> {
    try {
      return await work(shared() ?? local)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      return work(local)
    }
  }
  return {
    get: (keys) => either((cache) => cache.get(keys)),
    set: (entries) => either((cache) => cache.set(entries)),
    delete: (keys) => either((cache) => cache.delete(keys)),
  }
}

/** Records of the shared store alone, for settling conflicts; the copy learns what is written. */
function sharedRecords(gate: Gate, local: ReturnType<typeof createLocalRecords>): Pick<Store['records'], 'get' | 'put' | 'delete'> {
  return {
    get: (key) => gate.call(({ records }) => records.get(key)),
    put: (key, value, options) => gate.call(async ({ records }) => {
      const result = await records.put(key, value, options)
      local.note(key, result.ok ? { value, version: result.version } : result.current)
      return result
    }),
    delete: (key, options) => gate.call(async ({ records }) => {
      const result = await records.delete(key, options)
      local.note(key, result.ok ? undefined : result.current)
      return result
    }),
  }
}

/** One at a time, in the order of the calls. */
function createMutex(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
}
