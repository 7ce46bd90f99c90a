import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Append, LogConfig } from '../ports.ts'
import type { Database } from '../sqlite/database.ts'
import type { Statement } from './tables.ts'

/** A write that was accepted while the shared store was away. */
export type JournalItem =
  | { kind: 'posts'; appends: readonly Append[] }
  | { kind: 'open'; room: string; config: LogConfig }
  /**
   * `base` is the version it was made from: one of the shared store, or a provisional one of an earlier item.
   * `was` marks the value that had then, when it is known. `provisional` is the version its writer was told. Without `value`
   * the record is deleted.
   */
  | { kind: 'record'; key: string; value?: unknown; ttlMs?: number; base: number; was?: string; provisional: number }
  | { kind: 'expire'; key: string; ttlMs: number }
  /** What they are is in the folder, which also knows what they were made from (`Replica.pending`). */
  | { kind: 'documents'; keys: readonly string[]; bytes: number }
  | { kind: 'erase'; keys: readonly string[] }
  /** The bytes are in the local store. */
  | { kind: 'blob'; hash: string; bytes: number; ttlMs?: number }

export interface JournalEntry {
  seq: number
  origin: string
  at: number
  bytes: number
  item: JournalItem
}

export interface JournalTotals {
  items: number
  bytes: number
  /** 0 when empty. */
  oldestAt: number
}

/** What an item counts for against the limit of the journal, in bytes. */
export function sizeOf(item: JournalItem): number {
  return 100 + JSON.stringify(item).length + ('bytes' in item ? item.bytes : 0)
}

/** Tells one value of a record from another. */
export function markOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value) ?? '').digest('base64url').slice(0, 22)
}

export interface Journal {
  /** What this node has to send. */
  totals(): Promise<JournalTotals>
  /** Durable when it resolves; in the order of the calls. `also` is done in the same transaction. */
  add(item: JournalItem, bytes: number, also?: readonly Statement[]): Promise<void>
  /** The oldest items this node has to send. */
  read(limit: number): Promise<JournalEntry[]>
  /** Removes what the shared store confirmed; `also` is done in the same transaction. Returns when the oldest of the rest was accepted. */
  remove(seqs: readonly number[], also?: readonly Statement[]): Promise<{ removed: number; oldestAt: number }>
  /** Other nodes that have items here. */
  otherKeepers(): Promise<string[]>
  /** Takes over the items of a node that is gone. */
  adopt(keeper: string): Promise<JournalTotals>
}

export function createJournal(database: Database, origin: string, clock: Clock): Journal {
  async function totalsOf(keeper: string): Promise<JournalTotals> {
    const [row] = await database.all('SELECT count(*) AS items, coalesce(sum(bytes), 0) AS bytes, coalesce(min(at), 0) AS oldest FROM outage_journal WHERE keeper = ?', [keeper])
    return { items: Number(row?.['items']), bytes: Number(row?.['bytes']), oldestAt: Number(row?.['oldest']) }
  }

  return {
    totals: () => totalsOf(origin),
    async add(item, bytes, also = []) {
      const insert = {
        sql: 'INSERT INTO outage_journal (origin, keeper, at, bytes, item) VALUES (?, ?, ?, ?, ?)',
        params: [origin, origin, Math.trunc(clock.now()), bytes, JSON.stringify(item)],
      }
      await database.batch([insert, ...also])
    },
    async read(limit) {
      const rows = await database.all('SELECT seq, origin, at, bytes, item FROM outage_journal WHERE keeper = ? ORDER BY seq LIMIT ?', [origin, limit])
      return rows.map((row) => ({
        seq: Number(row['seq']),
        origin: String(row['origin']),
        at: Number(row['at']),
        bytes: Number(row['bytes']),
        item: JSON.parse(String(row['item'])) as JournalItem,
      }))
    },
    async remove(seqs, also = []) {
      const results = await database.batch([...seqs.map((seq) => ({ sql: 'DELETE FROM outage_journal WHERE seq = ? AND keeper = ?', params: [seq, origin] })), ...also])
      const [row] = await database.all('SELECT at FROM outage_journal WHERE keeper = ? ORDER BY seq LIMIT 1', [origin])
      return { removed: results.slice(0, seqs.length).reduce((sum, { changes }) => sum + changes, 0), oldestAt: Number(row?.['at'] ?? 0) }
    },
    async otherKeepers() {
      return (await database.all('SELECT DISTINCT keeper FROM outage_journal WHERE keeper <> ?', [origin])).map((row) => String(row['keeper']))
    },
    async adopt(keeper) {
      const found = await totalsOf(keeper)
      await database.run('UPDATE outage_journal SET keeper = ? WHERE keeper = ?', [origin, keeper])
      return found
    },
  }
}
