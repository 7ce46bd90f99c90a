import type { EntryId, StoredRecord, WriteResult } from '../../store/ports.ts'
import { compareEntryIds, firstEntryId } from '../../store/ports.ts'
import type { Defects } from '../defects.ts'

/** Records, leases, presence and rings, as plain functions of the server's state and clock. */
export type KeyedCalls = ReturnType<typeof createKeyedCalls>

interface Lease {
  holder: string
  fence: number
  until: number
}

export function createKeyedCalls(now: () => number, publish: (channel: string, payload: string) => void, defects: Defects) {
  const records = new Map<string, { json: string; version: number; until: number }>()
  const leases = new Map<string, Lease>()
  const fences = new Map<string, number>()
  const nodes = new Map<string, { summary: unknown; until: number }>()
  const rings = new Map<string, { entries: { entry: EntryId; payload: string }[]; number: number; dropped: EntryId }>()

  const recordOf = (key: string): { json: string; version: number; until: number } | undefined => {
    const record = records.get(key)
    if (record === undefined || record.until > now()) return record
    records.delete(key)
    return undefined
  }
  const stored = (key: string): StoredRecord | undefined => {
    const record = recordOf(key)
    return record && { value: JSON.parse(record.json), version: record.version }
  }
  const leaseOf = (name: string): Lease | undefined => {
    const lease = leases.get(name)
    return lease !== undefined && lease.until > now() ? lease : undefined
  }
  const refused = (key: string, expect: number | undefined): boolean => !defects.noCompare && expect !== undefined && expect !== (recordOf(key)?.version ?? 0)

  return {
    get: stored,
    getMany: (keys: readonly string[]) => keys.map(stored),
    put(key: string, json: string, { expect, ttlMs }: { expect?: number; ttlMs?: number } = {}): WriteResult {
      if (refused(key, expect)) return { ok: false, reason: 'conflict', current: stored(key) }
      const version = (recordOf(key)?.version ?? 0) + 1
      records.set(key, { json, version, until: ttlMs === undefined ? Infinity : now() + ttlMs })
      return { ok: true, version }
    },
    delete(key: string, { expect }: { expect?: number } = {}): WriteResult {
      if (refused(key, expect)) return { ok: false, reason: 'conflict', current: stored(key) }
      const version = recordOf(key)?.version ?? 0
      records.delete(key)
      return { ok: true, version }
    },
    expire(key: string, ttlMs: number): boolean {
      const record = recordOf(key)
      if (record !== undefined) record.until = now() + ttlMs
      return record !== undefined
    },
    keys: (prefix: string): string[] => [...records.keys()].filter((key) => key.startsWith(prefix) && recordOf(key) !== undefined).sort(),

    acquire(name: string, holder: string, ttlMs: number): number | undefined {
      const held = leaseOf(name)
      if (held !== undefined && held.holder !== holder && !defects.leaseForAll) return undefined
      const last = fences.get(name) ?? 0
      const fence = defects.sameFence && last > 0 ? last : Math.max(last + 1, defects.fenceFromCounter ? 0 : Math.floor(now() * 1_000))
      fences.set(name, fence)
      leases.set(name, { holder, fence, until: now() + ttlMs })
      return fence
    },
    renew(name: string, holder: string, fence: number, ttlMs: number): boolean {
      const held = leaseOf(name)
      if (held === undefined || held.holder !== holder || held.fence !== fence) return false
      held.until = now() + ttlMs
      return true
    },
    release(name: string, holder: string, fence: number): boolean {
      const held = leaseOf(name)
      if (held === undefined || held.holder !== holder || held.fence !== fence) return false
      leases.delete(name)
      return true
    },
    inspect(name: string): { holder: string; fence: number; remainingMs: number } | undefined {
      const held = leaseOf(name)
      return held && { holder: held.holder, fence: held.fence, remainingMs: held.until - now() }
    },

    announce: (node: string, summary: unknown, ttlMs: number): void => void nodes.set(node, { summary, until: now() + ttlMs }),
    withdraw(node: string): boolean {
      const there = (nodes.get(node)?.until ?? 0) > now()
      nodes.delete(node)
      return there
    },
    nodes: () => [...nodes].filter(([, { until }]) => until > now()).map(([node, { summary, until }]) => ({ node, summary, remainingMs: until - now() })).sort((a, b) => (a.node < b.node ? -1 : 1)),

    publish,
    ring(name: string, cap: number, channel: string, payload: string): EntryId {
      const ring = rings.get(name) ?? { entries: [], number: 0, dropped: firstEntryId }
      rings.set(name, ring)
      const entry = `${Math.floor(now())}-${++ring.number}`
      ring.entries.push({ entry, payload })
      if (ring.entries.length > cap) ring.dropped = ring.entries.shift()!.entry
      publish(channel, payload)
      return entry
    },
    readRing(name: string, after: EntryId, limit: number): { entries: { entry: EntryId; payload: string }[]; truncated: boolean } {
      const ring = rings.get(name)
      if (ring === undefined || defects.ringForgets) return { entries: [], truncated: false }
      const from = ring.entries.findIndex(({ entry }) => compareEntryIds(entry, after) > 0)
      return { entries: from < 0 ? [] : ring.entries.slice(from, from + limit), truncated: compareEntryIds(ring.dropped, after) > 0 }
    },
    ringEnd: (name: string): EntryId => rings.get(name)?.entries.at(-1)?.entry ?? firstEntryId,
  }
}
