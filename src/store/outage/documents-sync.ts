import { isDeepStrictEqual } from 'node:util'
import type { Clock, Randomness } from '../../kernel/clock.ts'
import type { DocumentRow } from '../document-row.ts'
import { documentPlace } from '../keys.ts'
import type { SharedDocuments, SharedResult } from '../redis/documents.ts'
import { fetchRows } from '../replica/fetch.ts'
import type { PendingRow, Replica, Settled } from '../sqlite/replica.ts'
import type { KeptConflict } from './conflict.ts'
import { keepConflict } from './conflicts.ts'
import type { JournalEntry, JournalItem } from './journal.ts'

export interface DocumentsSyncOptions {
  shared: { documents?: SharedDocuments }
  local: { replica?: Replica }
  clock: Clock
  randomness: Randomness
}

/** What became of documents that were sent. */
export interface DocumentsOutcome {
  replayed: number
  duplicates: number
  conflicts: KeptConflict[]
  /** Items of documents that were written again meanwhile. */
  again: ReadonlySet<number>
}

/**
 * Sends documents as they are now, each by comparison with the version it was made from. Memories unite by their id; where something else
 * is there, both sides are kept as a conflict and the folder goes on with theirs. Repeated after a crash it has no second effect:
 * what was sent is found there.
 */
export async function replayDocuments({ shared, local, clock, randomness }: DocumentsSyncOptions, step: readonly JournalEntry[]): Promise<DocumentsOutcome> {
  const { replica } = local
  const { documents } = shared
  if (replica === undefined || documents === undefined) throw new Error('documents in the journal of a folder without any')
  const owner = new Map(step.flatMap((entry) => (entry.item as Extract<JournalItem, { kind: 'documents' }>).keys.map((key) => [key, entry] as const)))
  const rows = await replica.pending([...owner.keys()])
  const now = Math.trunc(clock.now())
  const results = await documents.write(rows.map((row) => ({
    mode: 'replay', row, base: row.base, marks: row.marks, ...(row.expires !== undefined && { ttlMs: Math.max(1, row.expires - now) }),
  })))
  const others = rows.filter((_, index) => !isDone(results[index]!))
  const theirs = await fetchRows(documents, others.map(({ key }) => key), () => undefined)
  const outcome = { replayed: 0, duplicates: 0, conflicts: [] as KeptConflict[] }
  const settled: Settled[] = []
  const inConflict = new Map<string, KeptConflict>()
  for (const [index, row] of rows.entries()) {
    const result = results[index]!
    if (isDone(result)) {
      settled.push({ key: row.key, sent: row.version, version: result.version })
      outcome[result.outcome === 'written' ? 'replayed' : 'duplicates']++
      continue
    }
    const present = theirs.get(row.key) ?? { key: row.key, version: row.version + 1 }
    const conflict = isSettledBy(row, present) ? undefined : makeConflict(row, present, owner.get(row.key)!.origin, randomness.id(), clock.now(), now)
    if (conflict === undefined) outcome.duplicates++
    else inConflict.set(row.key, conflict)
    settled.push({
      key: row.key, sent: row.version, version: present.version, row: present,
      ...(conflict !== undefined && { conflict: keepConflict(conflict.id, conflict.subject, conflict.at, 0, conflict.conflict) }),
    })
  }
  const changed = await replica.settle(settled)
  for (const key of changed) inConflict.delete(key)
  return { ...outcome, conflicts: [...inConflict.values()], again: new Set(changed.map((key) => owner.get(key)!.seq)) }
}

function isDone(result: SharedResult): result is SharedResult & { outcome: 'written' | 'same' } {
  return result.outcome === 'written' || result.outcome === 'same'
}

/** What was erased stays so; a memory that both sides stored is one; the same value on both sides is no conflict. */
function isSettledBy(ours: PendingRow, theirs: DocumentRow): boolean {
  if (theirs.erased === true) return true
  if (theirs.json === undefined) return ours.json === undefined
  if (documentPlace(ours.key).family === 'memory' && ours.base === 0) return true
  return ours.json !== undefined && isDeepStrictEqual(JSON.parse(ours.json), JSON.parse(theirs.json))
}

function makeConflict(ours: PendingRow, theirs: DocumentRow, node: string, id: string, at: number, now: number): KeptConflict {
  return {
    id, subject: ours.key, at: Math.trunc(at),
    conflict: {
      kind: 'document', node, base: ours.base,
      ours: {
        ...(ours.json !== undefined && { value: JSON.parse(ours.json) as unknown }),
        ...(ours.bytes !== undefined && { bytes: Buffer.from(ours.bytes).toString('base64') }),
        ...(ours.expires !== undefined && { ttlMs: ours.expires - now }),
      },
      ...(theirs.json !== undefined && { theirs: { value: JSON.parse(theirs.json) as unknown, version: theirs.version } }),
    },
  }
}
