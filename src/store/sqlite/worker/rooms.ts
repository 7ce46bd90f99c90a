import { RoomUnknown } from '../../../kernel/errors.ts'
import type { EntryId } from '../../ports.ts'
import type { Connection } from '../binding.ts'
import { entryId } from './position.ts'

export interface Room {
  id: number
  name: string
  cap: number
  quotaBytes: number
  dedupeMs: number
  meta: string
  firstSeq: number
  lastSeq: number
  lastMs: number
  /** Bytes of the bodies of its entries. */
  bytes: number
  deadSeq: number
}

/** Rooms with new entries, with their last ones, and the ring's number as of then. */
export interface Rung {
  ring: number
  rooms: [name: string, last: EntryId][]
}

const columns = `id, name, cap, quota_bytes AS quotaBytes, dedupe_ms AS dedupeMs, meta, first_seq AS firstSeq,
  last_seq AS lastSeq, last_ms AS lastMs, bytes, dead_seq AS deadSeq`

/** The rooms one transaction touches. Their counters are written back once, by `flush`. */
export class Rooms {
  readonly #sql: Connection
  readonly #read = new Map<string, Room | undefined>()
  readonly #changed = new Set<Room>()
  readonly #appended = new Set<Room>()

  constructor(sql: Connection) {
    this.#sql = sql
  }

  find(name: string): Room | undefined {
    if (this.#read.has(name)) return this.#read.get(name)
    const room = this.#sql.get<Room>(`SELECT ${columns} FROM rooms WHERE name = ?`, [name])
    this.#read.set(name, room)
    return room
  }

  need(name: string): Room {
    const room = this.find(name)
    if (room === undefined) throw new RoomUnknown(name)
    return room
  }

  changed(room: Room): void {
    this.#changed.add(room)
  }

  appended(room: Room): void {
    this.#changed.add(room)
    this.#appended.add(room)
  }

  forget(name: string): void {
    const room = this.#read.get(name)
    if (room !== undefined) {
      this.#changed.delete(room)
      this.#appended.delete(room)
    }
    this.#read.delete(name)
  }

  /** Trims what is over the cap and writes the counters. Last step before the transaction is committed. */
  flush(): Rung | undefined {
    const sql = this.#sql
    const ring = this.#appended.size === 0 ? 0 : (sql.get<{ value: number }>('UPDATE ring SET value = value + 1 RETURNING value')?.value ?? 0)
    for (const room of this.#changed) {
      trim(sql, room, room.cap)
      sql.run('UPDATE rooms SET first_seq = ?, last_seq = ?, last_ms = ?, bytes = ?, dead_seq = ? WHERE id = ?', [room.firstSeq, room.lastSeq, room.lastMs, room.bytes, room.deadSeq, room.id])
      if (this.#appended.has(room)) sql.run('UPDATE rooms SET ring = ? WHERE id = ?', [ring, room.id])
    }
    if (this.#appended.size === 0) return undefined
    return { ring, rooms: [...this.#appended].map((room) => [room.name, entryId({ seq: room.lastSeq, ms: room.lastMs })]) }
  }
}

/** Removes the oldest entries beyond `keep`, up to the first that a work group has pending or was not given yet. */
export function trim(sql: Connection, room: Room, keep: number): void {
  const wanted = room.lastSeq - keep
  if (wanted < room.firstSeq) return
  const needed = sql.get<{ seq: number | null }>(
    'SELECT min(coalesce((SELECT min(seq) FROM pending WHERE work_group = work_groups.id), last_seq + 1)) AS seq FROM work_groups WHERE room = ?',
    [room.id],
  )
  const to = Math.min(wanted, (needed?.seq ?? Number.MAX_SAFE_INTEGER) - 1)
  if (to < room.firstSeq) return
  const freed = sql.get<{ bytes: number | null }>('SELECT sum(octet_length(body)) AS bytes FROM entries WHERE room = ? AND seq <= ?', [room.id, to])
  sql.run('DELETE FROM entries WHERE room = ? AND seq <= ?', [room.id, to])
  room.firstSeq = to + 1
  room.bytes -= freed?.bytes ?? 0
}
