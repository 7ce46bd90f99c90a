import { contentMark } from '../../document-row.ts'
import type { DocumentRow, EncodedWrite } from '../../document-row.ts'
import { catalogue, documentPlace } from '../../keys.ts'
import { findHeld, putRow, readRow } from './document-rows.ts'
import { eraseDocuments, forgetConflicts, writeEach } from './documents.ts'
import type { StoredResult } from './documents.ts'
import { runStatement } from './statements.ts'
import type { Statement } from './statements.ts'
import type { Unit } from './unit.ts'

/** Who accepted a write, and when: what an item of the outage journal carries besides its content. */
export interface JournalMark {
  origin: string
  at: number
  bytes: number
}

/** A document whose change waits in the journal. */
export interface PendingRow extends DocumentRow {
  /** Version it was made from. */
  base: number
  /** Contents that were sent, and may have arrived. */
  marks: string
}

/** Marks kept of one document; a mark has 40 digits. */
const keptMarks = 16

/** What the shared store made of a document that was sent. */
export interface Settled {
  key: string
  /** Version of the row that was sent. */
  sent: number
  /** What is there now; without `json` it is deleted. Absent: ours, under `version`. */
  row?: DocumentRow
  version: number
  /** Kept when this settles it. */
  conflict?: Statement
}

/** Takes what the shared store holds, unless what is here is newer or still on its way there. Returns how many rows changed. */
export function applyDocuments(unit: Unit, { rows, cursor, now }: { rows: readonly DocumentRow[]; cursor?: { stream: number; at: string }; now: number }): number {
  const pending = anyPending(unit)
  let changed = 0
  for (const row of rows) {
    if (row.erased) forgetErased(unit, { erased: [row] })
    if (pending && isPending(unit, row.key)) continue
    if ((findHeld(unit, row.key, now)?.version ?? 0) >= row.version) continue
    putRow(unit, row, now)
    changed++
  }
  if (cursor !== undefined) unit.sql.run('INSERT OR REPLACE INTO replica_cursors (stream, cursor) VALUES (?, ?)', [cursor.stream, cursor.at])
  return changed
}

/** A change that was made over what was erased goes with it, one that made it anew does not; conflicts go. */
export function forgetErased(unit: Unit, { erased }: { erased: readonly { key: string; version: number }[] }): void {
  for (const { key, version } of erased) {
    forgetConflicts(unit, key)
    unit.sql.run('DELETE FROM pending_documents WHERE key = ? AND base < ? AND made = 0', [key, version])
  }
  unit.erased = true
}

export function emptyLog(unit: Unit): void {
  unit.erased = true
}

function anyPending(unit: Unit): boolean {
  return unit.sql.get('SELECT 1 FROM pending_documents LIMIT 1') !== undefined
}

function isPending(unit: Unit, key: string): boolean {
  return unit.sql.get('SELECT 1 FROM pending_documents WHERE key = ?', [key]) !== undefined
}

/** Writes as if this folder were all there is, and notes what is to be sent. `kept`: there is an item for it in the journal. */
export function journalDocuments(unit: Unit, { writes, tried, mark, now }: { writes: readonly EncodedWrite[]; tried: boolean; mark: JournalMark; now: number }): { results: StoredResult[]; kept: boolean } {
  const fresh = new Map<string, { base: number; made: boolean }>()
  const results = writeEach(unit, writes, now, (key, base, made) => {
    // One that waits already is sent as it is by then.
    if (!fresh.has(key) && !isPending(unit, key)) fresh.set(key, { base, made })
  })
  if (fresh.size > 0) {
    const journal = addToJournal(unit, mark, { kind: 'documents', keys: [...fresh.keys()] })
    for (const [key, { base, made }] of fresh) {
      unit.sql.run('INSERT INTO pending_documents (key, journal, base, made) VALUES (?, ?, ?, ?)', [key, journal, base, made ? 1 : 0])
    }
  }
  if (tried) for (const [index, write] of writes.entries()) if (results[index]!.ok) addMark(unit, write)
  return { results, kept: fresh.size > 0 }
}

/** Its content may be in the shared store, or soon is. Returns all marks of the document. */
function addMark(unit: Unit, row: DocumentRow): string {
  const known = unit.sql.get<{ marks: string }>('SELECT marks FROM pending_documents WHERE key = ?', [row.key])?.marks ?? ''
  const mark = contentMark(row)
  if (known.includes(mark)) return known
  const marks = `${known} ${mark}`.slice(-41 * keptMarks)
  unit.sql.run('UPDATE pending_documents SET marks = ? WHERE key = ?', [marks, row.key])
  return marks
}

/** Deletes for good here, and notes that the others are to do the same. */
export function journalErasure(unit: Unit, { keys, mark, now }: { keys: readonly string[]; mark: JournalMark; now: number }): number {
  addToJournal(unit, mark, { kind: 'erase', keys })
  return eraseDocuments(unit, { keys, now })
}

function addToJournal(unit: Unit, { origin, at, bytes }: JournalMark, item: object): number {
  return unit.sql.get<{ seq: number }>(
    'INSERT INTO outage_journal (origin, keeper, at, bytes, item) VALUES (?, ?, ?, ?, ?) RETURNING seq', [origin, origin, at, bytes, JSON.stringify(item)],
  )!.seq
}

/** Those of the keys that wait, as they are now and are sent next. */
export function pendingDocuments(unit: Unit, { keys, now }: { keys: readonly string[]; now: number }): PendingRow[] {
  return keys.flatMap((key) => {
    const base = unit.sql.get<{ base: number }>('SELECT base FROM pending_documents WHERE key = ?', [key])?.base
    const row = base === undefined ? undefined : readRow(unit, key, now)
    if (base !== undefined && row === undefined) unit.sql.run('DELETE FROM pending_documents WHERE key = ?', [key])
    return row === undefined || base === undefined ? [] : [{ ...row, base, marks: addMark(unit, row) }]
  })
}

/** Ends the wait of documents that were sent. Returns those that have changed since and are to be sent again. */
export function settleDocuments(unit: Unit, { settled, now }: { settled: readonly Settled[]; now: number }): string[] {
  return settled.flatMap(({ key, sent, row, version, conflict }) => {
    if (!isPending(unit, key)) return []
    const held = readRow(unit, key, now)
    if (held !== undefined && held.version !== sent) {
      // What was sent has landed: the later change is made from that. In conflict, it will be found to be so itself.
      if (row === undefined) unit.sql.run("UPDATE pending_documents SET base = ?, marks = '' WHERE key = ?", [version, key])
      return [key]
    }
    unit.sql.run('DELETE FROM pending_documents WHERE key = ?', [key])
    if (conflict !== undefined) runStatement(unit, conflict)
    if (row !== undefined) putRow(unit, row, now)
    else if (version !== sent) renumber(unit, key, version)
    return []
  })
}

function renumber(unit: Unit, key: string, version: number): void {
  const seq = unit.documents.next()
  const place = documentPlace(key)
  if (place.family === 'memory') unit.sql.run('UPDATE memories SET version = ?, seq = ? WHERE id = ?', [version, seq, place.id])
  else unit.sql.run('UPDATE documents SET version = ?, seq = ? WHERE key = ?', [version, seq, key])
}

/** An erasure that was journalled has reached the shared store and has these versions there. */
export function landErasure(unit: Unit, { keys, versions, now }: { keys: readonly string[]; versions: readonly number[]; now: number }): void {
  for (const [index, key] of keys.entries()) {
    const version = versions[index]!
    // Written again since: that is made from the erasure.
    if (isPending(unit, key)) unit.sql.run('UPDATE pending_documents SET base = ? WHERE key = ?', [version, key])
    else if ((findHeld(unit, key, now)?.version ?? 0) < version) putRow(unit, { key, version }, now)
  }
}

/** The version of each row, 0 without one; `waits`: it is not the shared store's yet. */
export function documentVersions(unit: Unit, { keys, now }: { keys: readonly string[]; now: number }): { version: number; waits: boolean }[] {
  return keys.map((key) => ({ version: findHeld(unit, key, now)?.version ?? 0, waits: isPending(unit, key) }))
}

/** All rows in pages, deleted ones included, without those that wait: first memories by `num`, then session fields by key. */
export function documentPage(unit: Unit, { after, limit, now }: { after: number | string; limit: number; now: number }): { keys: { key: string; version: number }[]; after?: number | string } {
  const keep = ({ key }: { key: string }): boolean => !isPending(unit, key)
  if (typeof after === 'number') {
    const rows = unit.sql.all<{ num: number; id: string; version: number }>('SELECT num, id, version FROM memories WHERE num > ? ORDER BY num LIMIT ?', [after, limit])
    return { keys: rows.map(({ id, version }) => ({ key: catalogue.memory.build(id), version })).filter(keep), after: rows.length < limit ? '' : rows.at(-1)!.num }
  }
  const rows = unit.sql.all<{ key: string; version: number }>('SELECT key, version FROM documents WHERE key > ? AND coalesce(expires > ?, 1) ORDER BY key LIMIT ?', [after, now, limit])
  return { keys: rows.filter(keep), ...(rows.length === limit && { after: rows.at(-1)!.key }) }
}

export function replicaCursors(unit: Unit): { stream: number; cursor: string }[] {
  return unit.sql.all<{ stream: number; cursor: string }>('SELECT stream, cursor FROM replica_cursors')
}
