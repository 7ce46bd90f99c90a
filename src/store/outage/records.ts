import type { Clock } from '../../kernel/clock.ts'
import type { Records, StoredRecord, WriteResult } from '../ports.ts'
import type { Statement } from './tables.ts'
import { markOf, type JournalItem } from './journal.ts'
import { isPending, isProvisional, provisionalBase, toStored, type LocalRecord, type LocalRecords } from './local-records.ts'
import type { Gate } from './gate.ts'

export interface OutageRecordsOptions {
  gate: Gate
  local: LocalRecords
  clock: Clock
  exclusive<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * Records of the shared store while it is there, and the copy of those that this folder has touched while it is not. Written then,
 * they get provisional versions; a comparison with one of those is understood after the outage as well.
 */
export function createOutageRecords({ gate, local, clock, exclusive }: OutageRecordsOptions): Records {
  const wallMs = (): number => Math.trunc(clock.now())
  const expiryOf = (ttlMs: number | undefined): number | undefined => (ttlMs === undefined ? undefined : wallMs() + Math.ceil(ttlMs))

  async function get(key: string): Promise<StoredRecord | undefined> {
    if (gate.state === 'syncing') {
      const row = await local.read(key)
      if (row !== undefined && isPending(row)) return toStored(row, wallMs())
    }
    return gate.read(async ({ records }) => {
      const record = await records.get(key)
      local.note(key, record)
      return record
    }, async () => toStored(await local.read(key), wallMs()))
  }

  /** The version of the shared store that a caller means; undefined when a provisional one is not known any more. */
  async function meant(key: string, expect: number): Promise<number | undefined> {
    if (!isProvisional(expect)) return expect
    const row = await local.read(key)
    return row !== undefined && !isPending(row) && row.provisional === expect ? row.landed : undefined
  }

  async function write(key: string, value: unknown, options: { expect?: number; ttlMs?: number }): Promise<WriteResult> {
    const { expect, ttlMs } = options
    const item: Extract<JournalItem, { kind: 'record' }> = { kind: 'record', key, value, ttlMs, base: 0, provisional: provisionalBase * 2 }
    return gate.write<WriteResult>(
      item,
      async ({ records }) => {
        const version = expect === undefined ? undefined : await meant(key, expect)
        if (expect !== undefined && version === undefined) return { ok: false, reason: 'conflict', current: await records.get(key) }
        const result = value === undefined ? await records.delete(key, { expect: version }) : await records.put(key, value, { expect: version, ttlMs })
        if (result.ok) local.note(key, value === undefined ? undefined : { value, version: result.version }, expiryOf(ttlMs))
        else local.note(key, result.current)
        return result
      },
      (keep) => exclusive(() => keepWrite(item, expect, keep)),
    )
  }

  /** Decides on the copy, as the shared store would, and puts the write into the journal with the version it was made from. */
  async function keepWrite(
    item: Extract<JournalItem, { kind: 'record' }>, expect: number | undefined,
    keep: (item: JournalItem, also: Statement[]) => Promise<void>,
  ): Promise<WriteResult> {
    const row = await local.read(item.key)
    const current = toStored(row, wallMs())
    if (expect !== undefined && !agrees(row, current, expect)) return { ok: false, reason: 'conflict', current }
    if (row !== undefined && item.value === undefined && current === undefined) return { ok: true, version: 0 }
    const provisional = Math.max(row?.provisional ?? 0, provisionalBase) + 1
    const next: LocalRecord = {
      key: item.key, value: item.value, version: row?.version ?? expect ?? 0, provisional, applied: row?.applied ?? 0, landed: row?.landed ?? 0, expires: expiryOf(item.ttlMs),
    }
    const base = row !== undefined && isPending(row) ? row.provisional : next.version
    const was = row?.value === undefined ? undefined : markOf(row.value)
    await keep({ ...item, base, was, provisional }, [local.write(next)])
    return { ok: true, version: provisional }
  }

  return {
    get,
    async getMany(keys) {
      if (gate.state !== 'connected') return Promise.all(keys.map(get))
      return gate.read(async ({ records }) => {
        const found = await records.getMany(keys)
        for (const [index, key] of keys.entries()) local.note(key, found[index])
        return found
      }, () => Promise.all(keys.map(get)))
    },
    put: (key, value, options = {}) => write(key, value, options),
    delete: (key, options = {}) => write(key, undefined, options),
    async expire(key, ttlMs) {
      return gate.write<boolean>(
        { kind: 'expire', key, ttlMs },
        ({ records }) => records.expire(key, ttlMs),
        (keep) => exclusive(async () => {
          const row = await local.read(key)
          if (row === undefined || toStored(row, wallMs()) === undefined) return false
          await keep({ kind: 'expire', key, ttlMs }, [local.write({ ...row, expires: expiryOf(ttlMs) })])
          return true
        }),
      )
    },
    scan: (prefix, options = {}) => gate.read(({ records }) => records.scan(prefix, options), async () => {
      const limit = options.limit ?? 100
      const keys = await local.keys(prefix, options.cursor, limit)
      return keys.length < limit ? { keys } : { keys, cursor: keys.at(-1) }
    }),
  }
}

/** Whether a comparison holds on the copy. What the copy does not know is taken on trust: the shared store decides when it is back. */
function agrees(row: LocalRecord | undefined, current: StoredRecord | undefined, expect: number): boolean {
  if (row === undefined) return !isProvisional(expect)
  if (!isPending(row) && isProvisional(expect)) return row.provisional === expect && row.landed === (current?.version ?? 0)
  return (current?.version ?? 0) === expect
}
