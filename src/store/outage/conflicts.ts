import { ConflictUnknown, InvalidArgument } from '../../kernel/errors.ts'
import type { Database, SqlRow } from '../sqlite/database.ts'
import type { Conflict, KeptConflict, Resolution } from './conflict.ts'
import { settle, type SettleOptions } from './settle.ts'
import type { Statement } from './tables.ts'

export type { Conflict, KeptConflict, Resolution }

export interface Conflicts {
  /** Oldest first. */
  list(): Promise<KeptConflict[]>
  /**
   * Settles a conflict. Throws `ConflictUnknown`; `VersionConflict` when the shared record moved since it was listed (the
   * conflict then shows the new version), or a later write of ours joined it; `StoreUnavailable` while the shared store is away; `RoomFull` or
   * `RoomUnknown` when a post is still refused. Aborted it rejects with the reason, and the conflict stays open.
   */
  resolve(id: string, choice: Resolution, signal?: AbortSignal): Promise<void>
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

export interface ConflictsOptions extends SettleOptions {
  onResolved?(conflict: KeptConflict, choice: Resolution): void
}

export function createConflicts(options: ConflictsOptions): Conflicts {
  const { database, onResolved } = options
  return {
    async list() {
      return (await database.all('SELECT * FROM outage_conflicts ORDER BY at, id')).map(fromRow)
    },
    async resolve(id, choice, signal) {
      const [row] = await database.all('SELECT * FROM outage_conflicts WHERE id = ?', [id])
      if (row === undefined) throw new ConflictUnknown(id)
      const kept = fromRow(row)
      assertPossible(kept.conflict, choice)
      await settle(options, kept, Number(row['chain']), choice, signal)
      onResolved?.(kept, choice)
    },
  }
}

function assertPossible(conflict: Conflict, choice: Resolution): void {
  if (!['ours', 'theirs', 'both'].includes(choice)) throw new InvalidArgument('choice', `"${String(choice)}" is not one of ours, theirs, both`)
  if (conflict.kind !== 'write') return
  if (choice === 'both') throw new InvalidArgument('choice', 'only records have two sides: choose "ours" or "theirs"')
  if (choice === 'ours' && !('appends' in conflict.ours)) throw new InvalidArgument('choice', `this write cannot be repeated (${conflict.reason}): choose "theirs"`)
}

function fromRow(row: SqlRow): KeptConflict {
  return { id: String(row['id']), subject: String(row['subject']), at: Number(row['at']), conflict: JSON.parse(String(row['conflict'])) as Conflict }
}
