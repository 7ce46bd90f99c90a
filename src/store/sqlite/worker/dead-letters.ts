import { RoomFull } from '../../../kernel/errors.ts'
import type { DeadEntry, EntryId } from '../../ports.ts'
import { append } from './append.ts'
import { isCurrent, findGroup } from './groups.ts'
import type { OwnerArgs } from './groups.ts'
import { entryId, parseEntryId } from './position.ts'
import type { Position } from './position.ts'
import type { Room } from './rooms.ts'
import type { Unit } from './unit.ts'

export interface Burial {
  original: Position
  /** The work group, or the member, that could not handle it. */
  group: string
  reason: string
  attempts: number
  now: number
}

/** Copies an entry into the room's dead letters, which keep as many as the room keeps entries. */
export function copyToDead(unit: Unit, room: Room, burial: Burial): void {
  const { original, group, reason, attempts, now } = burial
  const seq = room.deadSeq + 1
  const copied = unit.sql.run(
    `INSERT INTO dead_letters (room, seq, ms, original_seq, original_ms, message_id, body, work_group, reason, attempts)
     SELECT room, ?, ?, seq, ms, message_id, body, ?, ?, ? FROM entries WHERE room = ? AND seq = ?`,
    [seq, now, group, reason, attempts, room.id, original.seq],
  )
  if (copied === 0) return
  room.deadSeq = seq
  unit.rooms.changed(room)
  unit.sql.run('DELETE FROM dead_letters WHERE room = ? AND seq <= ?', [room.id, seq - room.cap])
}

export function bury(unit: Unit, args: OwnerArgs & { entry: EntryId; reason: string; now: number }): boolean {
  const group = findGroup(unit, args.room, args.group)
  if (group === undefined || !isCurrent(unit, group, args.owner)) return false
  const original = parseEntryId('entry', args.entry)
  const row = unit.sql.get<{ attempt: number }>('DELETE FROM pending WHERE work_group = ? AND seq = ? AND owner = ? RETURNING attempt', [group.id, original.seq, args.owner.name])
  if (row === undefined) return false
  copyToDead(unit, group.room, { original, group: args.group, reason: args.reason, attempts: row.attempt, now: args.now })
  return true
}

interface DeadRow {
  seq: number
  ms: number
  originalSeq: number
  originalMs: number
  messageId: string
  body: string
  group: string
  reason: string
  attempts: number
}

const columns = `seq, ms, original_seq AS originalSeq, original_ms AS originalMs, message_id AS messageId, body, work_group AS "group", reason, attempts`

/** Empty for a room that is not there. */
export function deadLettersOf(unit: Unit, args: { room: string; after?: EntryId; count: number }): DeadEntry[] {
  const room = unit.rooms.find(args.room)
  if (room === undefined) return []
  const after = args.after === undefined ? 0 : parseEntryId('after', args.after).seq
  const rows = unit.sql.all<DeadRow>(`SELECT ${columns} FROM dead_letters WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?`, [room.id, after, args.count])
  return rows.map((row) => ({
    entry: entryId(row),
    original: entryId({ seq: row.originalSeq, ms: row.originalMs }),
    messageId: row.messageId,
    body: row.body,
    group: row.group,
    reason: row.reason,
    attempts: row.attempts,
    time: row.ms,
  }))
}

/** Stops at the first that does not fit; throws `RoomFull` when that is the first of all. */
export function replay(unit: Unit, args: { room: string; entries: readonly EntryId[]; now: number }): number {
  const room = unit.rooms.need(args.room)
  let replayed = 0
  for (const id of args.entries) {
    const { seq } = parseEntryId('entries', id)
    const row = unit.sql.get<DeadRow>(`SELECT ${columns} FROM dead_letters WHERE room = ? AND seq = ?`, [room.id, seq])
    if (row === undefined) continue
    const messageId = `${row.messageId.replace(/:replay-\d+$/, '')}:replay-${seq}`
    const result = append(unit, { appends: [{ room: room.name, messageId, body: row.body }], now: args.now })[0]
    if (result?.ok !== true) {
      if (replayed === 0) throw new RoomFull(room.name, room.bytes, room.quotaBytes)
      break
    }
    unit.sql.run('DELETE FROM dead_letters WHERE room = ? AND seq = ?', [room.id, seq])
    replayed++
  }
  return replayed
}
