import type { SqlParam } from '../params.ts'
import type { Unit } from './unit.ts'

/** A record as it is stored; `value` is JSON. */
export interface StoredValue {
  value: string
  version: number
}

export type StoredWrite = { ok: true; version: number } | { ok: false; current: StoredValue | undefined }

export function getRecords(unit: Unit, { keys, now }: { keys: readonly string[]; now: number }): (StoredValue | undefined)[] {
  return keys.map((key) => find(unit, key, now))
}

function find(unit: Unit, key: string, now: number): StoredValue | undefined {
  const row = unit.sql.get<{ value: string; version: number }>('SELECT value, version FROM records WHERE key = ? AND (expires IS NULL OR expires > ?)', [key, now])
  return row === undefined ? undefined : { value: row.value, version: row.version }
}

export function putRecord(unit: Unit, args: { key: string; value: string; expect?: number; ttlMs?: number; now: number }): StoredWrite {
  const current = find(unit, args.key, args.now)
  if (args.expect !== undefined && args.expect !== (current?.version ?? 0)) return { ok: false, current }
  const version = (current?.version ?? 0) + 1
  const params: SqlParam[] = [args.key, args.value, version, args.ttlMs === undefined ? null : args.now + args.ttlMs]
  unit.sql.run('INSERT OR REPLACE INTO records (key, value, version, expires) VALUES (?, ?, ?, ?)', params)
  return { ok: true, version }
}

export function deleteRecord(unit: Unit, args: { key: string; expect?: number; now: number }): StoredWrite {
  const current = find(unit, args.key, args.now)
  if (args.expect !== undefined && args.expect !== (current?.version ?? 0)) return { ok: false, current }
  unit.sql.run('DELETE FROM records WHERE key = ?', [args.key])
  return { ok: true, version: current?.version ?? 0 }
}

export function expireRecord(unit: Unit, args: { key: string; ttlMs: number; now: number }): boolean {
  return 0 < unit.sql.run('UPDATE records SET expires = ? WHERE key = ? AND (expires IS NULL OR expires > ?)', [args.now + args.ttlMs, args.key, args.now])
}

/** Keys in order; the cursor is the last key of the page before. */
export function scanRecords(unit: Unit, args: { prefix: string; cursor?: string; limit: number; now: number }): { keys: string[]; cursor?: string } {
  const rows = unit.sql.all<{ key: string }>(
    'SELECT key FROM records WHERE key >= ? AND key < ? AND key > ? AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?',
    [args.prefix, `${args.prefix}\u{10ffff}`, args.cursor ?? '', args.now, args.limit],
  )
  const keys = rows.map((row) => row.key)
  return keys.length < args.limit ? { keys } : { keys, cursor: keys.at(-1) }
}
