import type { Append, AppendResult, EntryId } from '../../ports.ts'
import { entryId } from './position.ts'
import type { Position } from './position.ts'
import { trim } from './rooms.ts'
import type { Room } from './rooms.ts'
import type { Unit } from './unit.ts'

export function append(unit: Unit, { appends, now }: { appends: readonly Append[]; now: number }): AppendResult[] {
  return appends.map((one) => {
    const room = unit.rooms.find(one.room)
    if (room === undefined) return { ok: false, reason: 'room_unknown' }
    const bytes = Buffer.byteLength(one.body)
    if (!fits(unit, room, bytes)) {
      const earlier = remembered(unit, room, one.messageId, now)
      if (earlier !== undefined) return { ok: true, entry: entryId(earlier), duplicate: true }
      return { ok: false, reason: 'room_full', bytes: room.bytes, quotaBytes: room.quotaBytes }
    }
    return { ok: true, ...insert(unit, room, one, bytes, now) }
  })
}

/** Whether `bytes` more may be stored; entries that the cap would drop anyway make way first. */
function fits(unit: Unit, room: Room, bytes: number): boolean {
  if (room.bytes + bytes <= room.quotaBytes) return true
  const before = room.firstSeq
  trim(unit.sql, room, room.cap - 1)
  if (room.firstSeq !== before) unit.rooms.changed(room)
  return room.bytes + bytes <= room.quotaBytes
}

/** Stores the message unless its id is remembered. */
function insert(unit: Unit, room: Room, { messageId, body }: Append, bytes: number, now: number): { entry: EntryId; duplicate: boolean } {
  const ms = Math.max(now, room.lastMs)
  const seq = room.lastSeq + 1
  const added = unit.sql.run(
    `INSERT INTO message_ids (room, message_id, seq, ms, expires) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (room, message_id) DO UPDATE SET seq = excluded.seq, ms = excluded.ms, expires = excluded.expires WHERE expires <= ?`,
    [room.id, messageId, seq, ms, now + room.dedupeMs, now],
  )
  if (added === 0) {
    const earlier = remembered(unit, room, messageId, now) as Position
    return { entry: entryId(earlier), duplicate: true }
  }
  unit.sql.run('INSERT INTO entries (room, seq, ms, message_id, body) VALUES (?, ?, ?, ?, ?)', [room.id, seq, ms, messageId, body])
  room.lastSeq = seq
  room.lastMs = ms
  room.bytes += bytes
  unit.rooms.appended(room)
  return { entry: entryId({ seq, ms }), duplicate: false }
}

function remembered(unit: Unit, room: Room, messageId: string, now: number): Position | undefined {
  return unit.sql.get<{ seq: number; ms: number }>('SELECT seq, ms FROM message_ids WHERE room = ? AND message_id = ? AND expires > ?', [room.id, messageId, now])
}

export type Refusal = { reason: 'room_full' | 'room_unknown'; room: string }

/** Whether all of `posts` can be stored together; nothing is written for them. */
export function refusalOf(unit: Unit, posts: readonly Append[], now: number): Refusal | undefined {
  const added = new Map<Room, number>()
  for (const post of posts) {
    const room = unit.rooms.find(post.room)
    if (room === undefined) return { reason: 'room_unknown', room: post.room }
    if (remembered(unit, room, post.messageId, now) !== undefined) continue
    const bytes = (added.get(room) ?? 0) + Buffer.byteLength(post.body)
    if (!fits(unit, room, bytes)) return { reason: 'room_full', room: post.room }
    added.set(room, bytes)
  }
  return undefined
}

/** Stores posts that `refusalOf` let through. */
export function appendAll(unit: Unit, posts: readonly Append[], now: number): EntryId[] {
  return posts.map((post) => insert(unit, unit.rooms.need(post.room), post, Buffer.byteLength(post.body), now).entry)
}

export interface StoredEntry extends Position {
  messageId: string
  body: string
}

export function entriesBetween(unit: Unit, room: Room, after: number, before: number, limit: number, reverse: boolean): StoredEntry[] {
  return unit.sql.all<StoredEntry>(
    `SELECT seq, ms, message_id AS messageId, body FROM entries WHERE room = ? AND seq > ? AND seq < ? ORDER BY seq ${reverse ? 'DESC' : 'ASC'} LIMIT ?`,
    [room.id, after, before, limit],
  )
}
