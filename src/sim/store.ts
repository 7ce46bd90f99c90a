import { createBatcher } from '../store/batcher.ts'
import { heldUntil } from '../store/lease-margin.ts'
import type { Append, AppendResult, Blobs, Cache, Commit, CommitResult, EntryId, Leases, Log, Presence, Records, Signals } from '../store/ports.ts'
import { compareEntryIds } from '../store/ports.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import type { RedisStore } from '../store/redis/open.ts'
import type { Connection } from './connection.ts'
import { ringChannel } from './server/server.ts'

/** How late a lost ring may be noticed, ms. */
const sweepMs = 1_000

/** The ports over a connection to the simulated server: what the Redis adapter is to Redis. */
export function createSimStore(connection: Connection): RedisStore {
  const stopRings = new Set<() => void>()
  return {
    kind: 'redis',
    log: createLog(connection, stopRings),
    records: createRecords(connection),
    leases: createLeases(connection),
    blobs: noBlobs,
    cache: noCache,
    documents: noDocuments,
    signals: createSignals(connection),
    presence: createPresence(connection),
    link: connection,
    features: { waitaof: false, vectorSets: false, xackdel: false, readGroupClaim: false, idempotentAdd: false },
    async close() {
      for (const stop of stopRings) stop()
      connection.close()
    },
  }
}

function createLog(connection: Connection, stopRings: Set<() => void>): Log {
  const appends = createBatcher<readonly Append[], AppendResult[]>({
    what: 'appends to rooms', maxItems: 256, maxBytes: 1024 ** 2, maxQueued: 20_000, sizeOf: () => 1,
    async flush(calls) {
      const posts = calls.flat()
      const results = await connection.call('log.append', [posts])
      // Also those that were there: the answer that told so first may have been lost.
      const stored = posts.flatMap((post, index) => {
        const result = results[index] as AppendResult
        return result.ok && !(connection.defects.repeatsFirstOnly && result.duplicate) ? [{ ...post, wanted: result.entry }] : []
      })
      if (stored.length > 0) connection.recent.keep(stored.length * 200, async () => void (await connection.callUnchecked('log.append', [stored])))
      return split(calls, results)
    },
  })
  const commits = createBatcher<readonly Commit[], CommitResult[]>({
    what: 'commits', maxItems: 256, maxBytes: 1024 ** 2, maxQueued: 20_000, sizeOf: () => 1,
    async flush(calls) {
      const all = calls.flat()
      const results = await connection.call('log.commit', [all])
      const applied = all.filter((_, index) => results[index]!.ok)
      if (applied.length > 0) connection.recent.keep(applied.length * 200, async () => void (await connection.callUnchecked('log.commit', [applied])))
      return split(calls, results)
    },
  })
  const pass = <Name extends 'configure' | 'info' | 'list' | 'remove' | 'range' | 'openGroup' | 'take' | 'owned' | 'takeOver' | 'retry' | 'extend' | 'bury' | 'pending' | 'deadLetters' | 'replay' | 'openCursor' | 'record'>(name: Name): Log[Name] =>
    ((...args: never) => connection.call(`log.${name}`, args)) as unknown as Log[Name]

  return {
    append: (posts) => (posts.length === 0 ? Promise.resolve([]) : appends.add(posts)),
    commit: (all) => (all.length === 0 ? Promise.resolve([]) : commits.add(all)),
    async open(room, config) {
      const opened = await connection.call('log.open', [room, config])
      if (opened.created) connection.recent.keep(500, async () => void (await connection.callUnchecked('log.open', [room, config])))
      return opened
    },
    configure: pass('configure'),
    info: pass('info'),
    list: pass('list'),
    remove: pass('remove'),
    range: pass('range'),
    openGroup: pass('openGroup'),
    take: pass('take'),
    owned: pass('owned'),
    takeOver: pass('takeOver'),
    retry: pass('retry'),
    extend: pass('extend'),
    bury: pass('bury'),
    pending: pass('pending'),
    deadLetters: pass('deadLetters'),
    replay: pass('replay'),
    openCursor: pass('openCursor'),
    record: pass('record'),
    async listen(onRing, onReset) {
      const rung = new Map<string, EntryId>()
      let stopped = false
      const take = (rooms: Iterable<readonly [string, EntryId]>): void => {
        const fresh = new Map<string, EntryId>()
        for (const [room, entry] of rooms) {
          const known = rung.get(room)
          if (known !== undefined && compareEntryIds(entry, known) <= 0) continue
          rung.set(room, entry)
          fresh.set(room, entry)
        }
        if (fresh.size > 0 && !stopped) onRing(fresh)
      }
      const sweep = (): void => {
        connection.call('rings', []).then(take, () => undefined)
      }
      const off = connection.on(({ type }) => {
        if (type !== 'restarted') return
        rung.clear()
        if (!connection.defects.noReset) onReset?.()
      })
      const unsubscribe = connection.subscribe({ channel: ringChannel, onPayload: (payload) => take(JSON.parse(payload) as [string, EntryId][]), onGap: sweep })
      const again = (): void => {
        if (stopped) return
        sweep()
        connection.process.timer(sweepMs, again)
      }
      connection.process.timer(sweepMs, again)
      await connection.call('ringEnd', [''])
      const stop = (): void => {
        stopped = true
        off()
        unsubscribe()
      }
      stopRings.add(stop)
      return { stop: async () => stop() }
    },
  }
}

/** The results of each call out of those of all. */
function split<Item, Result>(calls: readonly (readonly Item[])[], results: readonly Result[]): Result[][] {
  let at = 0
  return calls.map(({ length }) => results.slice(at, at += length))
}

function createRecords(connection: Connection): Records {
  return {
    get: (key) => connection.call('get', [key]),
    getMany: (keys) => connection.call('getMany', [keys]),
    async put(key, value, options) {
      const json = JSON.stringify(value) as string | undefined
      if (json === undefined) throw new InvalidArgument('value', 'has no form in JSON: store a plain value')
      return connection.call('put', [key, json, options])
    },
    delete: (key, options) => connection.call('delete', [key, options]),
    expire: (key, ttlMs) => connection.call('expire', [key, ttlMs]),
    async scan(prefix, { cursor, limit = 100 } = {}) {
      const rest = (await connection.call('keys', [prefix])).filter((key) => cursor === undefined || key > cursor)
      return rest.length <= limit ? { keys: rest } : { keys: rest.slice(0, limit), cursor: rest[limit - 1] as string }
    },
  }
}

function createLeases(connection: Connection): Leases {
  const { process, defects } = connection
  const until = (askedAt: number, ttlMs: number): number => heldUntil(defects.deadlineFromReply ? process.monotonic() : askedAt, ttlMs)
  return {
    async acquire(name, holder, ttlMs) {
      const askedAt = process.monotonic()
      const fence = await connection.call('acquire', [name, holder, ttlMs])
      return fence === undefined ? undefined : { fence, heldUntil: until(askedAt, ttlMs) }
    },
    async renew(name, holder, fence, ttlMs) {
      const askedAt = process.monotonic()
      return (await connection.call('renew', [name, holder, fence, ttlMs])) ? { fence, heldUntil: until(askedAt, ttlMs) } : undefined
    },
    release: (name, holder, fence) => connection.call('release', [name, holder, fence]),
    inspect: (name) => connection.call('inspect', [name]),
  }
}

function createPresence(connection: Connection): Presence {
  return {
    announce: (node, summary, ttlMs) => connection.call('announce', [node, summary, ttlMs]),
    withdraw: (node) => connection.call('withdraw', [node]),
    list: () => connection.call('nodes', []),
  }
}

function createSignals(connection: Connection): Signals {
  return {
    publish: (channel, payload) => connection.call('publish', [channel, payload]),
    async subscribe(channel, onPayload, onGap) {
      const stop = connection.subscribe({ channel, onPayload, onGap })
      try {
        await connection.call('ringEnd', [''])
      } catch (error) {
        stop()
        throw error
      }
      return { stop: async () => stop() }
    },
    ring: (ring, cap, channel, payload) => connection.call('ring', [ring, cap, channel, payload]),
    readRing: (ring, after, limit) => connection.call('readRing', [ring, after, limit]),
    ringEnd: (ring) => connection.call('ringEnd', [ring]),
  }
}

const unused = (): Promise<never> => Promise.reject(new Error('the simulator has no blobs and no cache'))
export const noBlobs: Blobs = { put: unused, get: unused, has: unused, delete: unused }
const noDocuments: RedisStore['documents'] = { write: unused, read: unused, versions: unused, changes: unused, listen: unused, scan: () => { throw new Error('the simulator has no documents') } }
export const noCache: Cache = { get: unused, set: unused, delete: unused }
