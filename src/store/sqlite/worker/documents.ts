import type { DocumentRow, EncodedWrite } from '../../document-row.ts'
import { catalogue, quotaBytes } from '../../keys.ts'
import type { DocumentChange } from '../../ports.ts'
import { findHeld, listRows, putRow, readRow } from './document-rows.ts'
import type { Unit } from './unit.ts'

/** What became of one write. */
export type StoredResult =
  | { ok: true; version: number }
  | { ok: false; reason: 'conflict'; current?: DocumentRow }
  | { ok: false; reason: 'quota'; bytes: number; quotaBytes: number }

/** Above every version of the key before, here and in a store that was emptied. */
export function versionAfter(held: number | undefined, now: number): number {
  return Math.max((held ?? 0) + 1, now * 1_000)
}

/** Writes by compare-and-set on this folder, which is all there is, or all that can be reached. */
export function writeDocuments(unit: Unit, { writes, now }: { writes: readonly EncodedWrite[]; now: number }): StoredResult[] {
  return writeEach(unit, writes, now, () => undefined)
}

/** `onWrite` is told of each that is written, before it is, with the version it is made from, and whether nothing alive was there. */
export function writeEach(unit: Unit, writes: readonly EncodedWrite[], now: number, onWrite: (key: string, base: number, made: boolean) => void): StoredResult[] {
  return writes.map((write) => {
    const { expect, ttlMs, ...row } = write
    const before = findHeld(unit, row.key, now)
    if (expect !== undefined && expect !== (before?.live ? before.version : 0)) {
      const current = readRow(unit, row.key, now)
      return { ok: false, reason: 'conflict', ...(current?.json !== undefined && { current }) }
    }
    if (row.memory !== undefined && !before?.live && unit.documents.bytes >= quotaBytes.memory) {
      return { ok: false, reason: 'quota', bytes: unit.documents.bytes, quotaBytes: quotaBytes.memory }
    }
    if (row.json === undefined && !before?.live) return { ok: true, version: before?.version ?? 0 }
    onWrite(row.key, before?.version ?? 0, before?.live !== true)
    row.version = versionAfter(before?.version, now)
    if (ttlMs !== undefined && row.json !== undefined) row.expires = now + ttlMs
    putRow(unit, row, now)
    return { ok: true, version: row.version }
  })
}

export function getDocuments(unit: Unit, { keys, now }: { keys: readonly string[]; now: number }): (DocumentRow | undefined)[] {
  return keys.map((key) => readRow(unit, key, now))
}

export const listDocuments = listRows

/** The keys that changed after `since`, each with its last change, in order; and where this folder stands. */
export function documentsSince(unit: Unit, { since, limit }: { since: number; limit: number }): { seq: number; changes: DocumentChange[] } {
  const rows = unit.sql.all<{ seq: number; id: string | null; key: string | null; version: number; deleted: number }>(
    `SELECT seq, id, NULL AS key, version, state = 'gone' AS deleted FROM memories WHERE seq > ?
     UNION ALL SELECT seq, NULL, key, version, value IS NULL FROM documents WHERE seq > ? ORDER BY seq LIMIT ?`,
    [since, since, limit],
  )
  const changes = rows.map(({ id, key, version, deleted }) => ({ key: id === null ? key as string : catalogue.memory.build(id), version, deleted: deleted === 1 }))
  return { changes, seq: rows.length === limit ? rows.at(-1)!.seq : Math.max(since, unit.documents.seq) }
}

export function documentsNow(unit: Unit): number {
  return unit.documents.seq
}

export function forgetConflicts(unit: Unit, key: string): void {
  if (unit.sql.get("SELECT 1 FROM sqlite_master WHERE name = 'outage_conflicts'") !== undefined) unit.sql.run('DELETE FROM outage_conflicts WHERE subject = ?', [key])
}

/** Deletes for good; returns how many were there. `versions`: those that a shared store gave. */
export function eraseDocuments(unit: Unit, { keys, versions, now }: { keys: readonly string[]; versions?: readonly number[]; now: number }): number {
  let erased = 0
  for (const [index, key] of keys.entries()) {
    const before = findHeld(unit, key, now)
    forgetConflicts(unit, key)
    unit.sql.run('DELETE FROM pending_documents WHERE key = ?', [key])
    if (before?.live) erased++
    putRow(unit, { key, version: Math.max(versions?.[index] ?? 0, versionAfter(before?.version, now)) }, now)
  }
  unit.erased = true
  return erased
}
