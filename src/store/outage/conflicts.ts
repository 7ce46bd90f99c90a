import { isDeepStrictEqual } from 'node:util'
import { ConflictUnknown, InvalidArgument, RoomFull, RoomUnknown, VersionConflict } from '../../kernel/errors.ts'
import type { Append, Log, Records, StoredRecord } from '../ports.ts'
import type { Database, SqlRow } from '../sqlite/database.ts'
import type { Statement } from './tables.ts'

/** Two sides of one thing that changed apart during an outage, or a write that the shared store would not take afterwards. */
export type Conflict =
  | {
    kind: 'record'
    /** The node that wrote `ours`. */
    node: string
    /** Version both sides started from (0: it did not exist). */
    base: number
    /** Without a value the record was deleted on our side. */
    ours: { value?: unknown; ttlMs?: number }
    /** What the shared store held when the journal was replayed; absent: it was deleted there. */
    theirs?: StoredRecord
  }
  | {
    kind: 'write'
    node: string
    /** What the shared store said. */
    reason: string
    /** A post it refused (room full or gone), or another write that it will not take. */
    ours: { room: string; appends: readonly Append[] } | { write: unknown }
  }

export interface KeptConflict {
  id: string
  /** Key of the record, or name of the room. */
  subject: string
  /** Wall time, ms. */
  at: number
  conflict: Conflict
}

/**
 * `ours` writes our version over theirs, `theirs` drops ours, `both` leaves theirs under its key and keeps ours as a record of
 * its own under `<key>:ours:<conflict id>`.
 */
export type Resolution = 'ours' | 'theirs' | 'both'

export interface Conflicts {
  /** Oldest first. */
  list(): Promise<KeptConflict[]>
  /**
   * Settles a conflict. Throws `ConflictUnknown`; `VersionConflict` when the shared record moved since it was listed (the
   * conflict then shows the new version); `StoreUnavailable` while the shared store is away; `RoomFull` or `RoomUnknown` when a post is still refused.
   */
  resolve(id: string, choice: Resolution): Promise<void>
}

/** Where ours is kept when both are. */
export function keptKey(key: string, conflict: string): string {
  return `${key}:ours:${conflict}`
}

/** Keeps a conflict. `chain` is the provisional version of our side, by which a later write of it joins the same conflict. */
export function keepConflict(id: string, subject: string, at: number, chain: number, conflict: Conflict): Statement {
  return {
    sql: 'INSERT OR REPLACE INTO outage_conflicts (id, subject, at, chain, conflict) VALUES (?, ?, ?, ?, ?)',
    params: [id, subject, Math.trunc(at), chain, JSON.stringify(conflict)],
  }
}

/** The open conflict of a record whose side of ours ended with this provisional version. */
export async function findChain(database: Database, key: string, chain: number): Promise<KeptConflict | undefined> {
  const [row] = await database.all('SELECT * FROM outage_conflicts WHERE subject = ? AND chain = ?', [key, chain])
  return row === undefined ? undefined : fromRow(row)
}

export interface ConflictsOptions {
  database: Database
  /** The shared store's; reject with `StoreUnavailable` while it is away. */
  records: Pick<Records, 'get' | 'put' | 'delete'>
  log: Pick<Log, 'append'>
  onResolved?(conflict: KeptConflict, choice: Resolution): void
}

export function createConflicts({ database, records, log, onResolved }: ConflictsOptions): Conflicts {
  async function read(id: string): Promise<KeptConflict> {
    const [row] = await database.all('SELECT * FROM outage_conflicts WHERE id = ?', [id])
    if (row === undefined) throw new ConflictUnknown(id)
    return fromRow(row)
  }

  /** Writes ours over theirs, unless theirs has moved on. */
  async function overwrite(kept: KeptConflict, conflict: Extract<Conflict, { kind: 'record' }>): Promise<void> {
    const { ours, theirs } = conflict
    const expect = theirs?.version ?? 0
    const result = ours.value !== undefined
      ? await records.put(kept.subject, ours.value, { expect, ttlMs: ours.ttlMs })
      : theirs === undefined ? ({ ok: true, version: 0 } as const) : await records.delete(kept.subject, { expect })
    if (result.ok || isDeepStrictEqual(result.current?.value, ours.value)) return
    const moved: Conflict = { ...conflict, theirs: result.current }
    await database.run('UPDATE outage_conflicts SET conflict = ? WHERE id = ?', [JSON.stringify(moved), kept.id])
    throw new VersionConflict(kept.subject, expect, result.current?.version ?? 0)
  }

  async function keepBeside(kept: KeptConflict, { ours }: Extract<Conflict, { kind: 'record' }>): Promise<void> {
    // Nothing to keep of a deletion. A repeat after a crash finds its own value there.
    if (ours.value !== undefined) await records.put(keptKey(kept.subject, kept.id), ours.value, { ttlMs: ours.ttlMs })
  }

  async function repeat({ ours, reason }: Extract<Conflict, { kind: 'write' }>): Promise<void> {
    if (!('appends' in ours)) throw new InvalidArgument('choice', `this write cannot be repeated (${reason}): choose "theirs"`)
    for (const result of await log.append(ours.appends)) {
      if (!result.ok) throw result.reason === 'room_full' ? new RoomFull(ours.room, result.bytes, result.quotaBytes) : new RoomUnknown(ours.room)
    }
  }

  return {
    async list() {
      return (await database.all('SELECT * FROM outage_conflicts ORDER BY at, id')).map(fromRow)
    },
    async resolve(id, choice) {
      const kept = await read(id)
      const { conflict } = kept
      switch (choice) {
        case 'ours':
          await (conflict.kind === 'record' ? overwrite(kept, conflict) : repeat(conflict))
          break
        case 'both':
          if (conflict.kind !== 'record') throw new InvalidArgument('choice', 'only records have two sides: choose "ours" or "theirs"')
          await keepBeside(kept, conflict)
          break
        case 'theirs':
          break
        default:
          throw new InvalidArgument('choice', `"${String(choice)}" is not one of ours, theirs, both`)
      }
      await database.run('DELETE FROM outage_conflicts WHERE id = ?', [id])
      onResolved?.(kept, choice)
    },
  }
}

function fromRow(row: SqlRow): KeptConflict {
  return { id: String(row['id']), subject: String(row['subject']), at: Number(row['at']), conflict: JSON.parse(String(row['conflict'])) as Conflict }
}
