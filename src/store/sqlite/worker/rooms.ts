import { RoomUnknown } from '../../../kernel/errors.ts'
import type { EntryId, LogConfig, LogInfo } from '../../ports.ts'
import { entryId } from './position.ts'
import type { Unit } from './unit.ts'

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
  readonly #unit: Unit
  readonly #read = new Map<string, Room | undefined>()
  readonly #changed = new Set<Room>()
  readonly #appended = new Set<Room>()

  constructor(unit: Unit) {
    this.#unit = unit
  }

  find(name: string): Room | undefined {
    if (this.#read.has(name)) return this.#read.get(name)
    const room = this.#unit.sql.get<Room>(`SELECT ${columns} FROM rooms WHERE name = ?`, [name])
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
    const { sql } = this.#unit
    const ring = this.#appended.size === 0 ? 0 : (sql.get<{ value: number }>('UPDATE ring SET value = value + 1 RETURNING value')?.value ?? 0)
    for (const room of this.#changed) {
      trim(this.#unit, room, room.cap)
      sql.run('UPDATE rooms SET first_seq = ?, last_seq = ?, last_ms = ?, bytes = ?, dead_seq = ? WHERE id = ?', [room.firstSeq, room.lastSeq, room.lastMs, room.bytes, room.deadSeq, room.id])
      if (this.#appended.has(room)) sql.run('UPDATE rooms SET ring = ? WHERE id = ?', [ring, room.id])
    }
    if (this.#appended.size === 0) return undefined
    return { ring, rooms: [...this.#appended].map((room) => [room.name, entryId({ seq: room.lastSeq, ms: room.lastMs })]) }
  }
}

/** Removes the oldest entries beyond `keep`, up to the first that a work group has pending or was not given yet. */
export function trim(unit: Unit, room: Room, keep: number): void {
  const wanted = room.lastSeq - keep
  if (wanted < room.firstSeq) return
  const needed = unit.sql.get<{ seq: number | null }>(
    'SELECT min(coalesce((SELECT min(seq) FROM pending WHERE work_group = work_groups.id), last_seq + 1)) AS seq FROM work_groups WHERE room = ?',
    [room.id],
  )
  const to = Math.min(wanted, (needed?.seq ?? Number.MAX_SAFE_INTEGER) - 1)
  if (to < room.firstSeq) return
  const freed = unit.sql.get<{ bytes: number | null }>('SELECT sum(octet_length(body)) AS bytes FROM entries WHERE room = ? AND seq <= ?', [room.id, to])
  unit.sql.run('DELETE FROM entries WHERE room = ? AND seq <= ?', [room.id, to])
  room.firstSeq = to + 1
  room.bytes -= freed?.bytes ?? 0
}

export interface StoredConfig extends Omit<LogConfig, 'meta'> {
  /** JSON. */
  meta: string
}

const configOf = (room: Room): StoredConfig => ({ cap: room.cap, quotaBytes: room.quotaBytes, dedupeMs: room.dedupeMs, meta: room.meta })

export function openRoom(unit: Unit, { room: name, config }: { room: string; config: StoredConfig }): { config: StoredConfig; created: boolean } {
  const existing = unit.rooms.find(name)
  if (existing !== undefined) return { config: configOf(existing), created: false }
  unit.sql.run('INSERT INTO rooms (name, cap, quota_bytes, dedupe_ms, meta) VALUES (?, ?, ?, ?, ?)', [name, config.cap, config.quotaBytes, config.dedupeMs, config.meta])
  unit.rooms.forget(name)
  return { config, created: true }
}

export function configureRoom(unit: Unit, { room: name, config }: { room: string; config: StoredConfig }): void {
  const room = unit.rooms.need(name)
  Object.assign(room, config)
  unit.sql.run('UPDATE rooms SET cap = ?, quota_bytes = ?, dedupe_ms = ?, meta = ? WHERE id = ?', [config.cap, config.quotaBytes, config.dedupeMs, config.meta, room.id])
  unit.rooms.changed(room)
}

export function listRooms(unit: Unit, { after, limit }: { after: string; limit: number }): string[] {
  return unit.sql.all<{ name: string }>('SELECT name FROM rooms WHERE name > ? ORDER BY name LIMIT ?', [after, limit]).map((row) => row.name)
}

export function removeRoom(unit: Unit, { room: name }: { room: string }): void {
  const room = unit.rooms.find(name)
  if (room === undefined) return
  for (const table of ['pending', 'owners']) {
    unit.sql.run(`DELETE FROM ${table} WHERE work_group IN (SELECT id FROM work_groups WHERE room = ?)`, [room.id])
  }
  for (const table of ['work_groups', 'members', 'entries', 'message_ids', 'dead_letters', 'room_records']) {
    unit.sql.run(`DELETE FROM ${table} WHERE room = ?`, [room.id])
  }
  unit.sql.run('DELETE FROM rooms WHERE id = ?', [room.id])
  unit.rooms.forget(name)
  unit.groups.clear()
  unit.fences.clear()
}

export interface StoredInfo extends Omit<LogInfo, 'config'> {
  config: StoredConfig
}

export function roomInfo(unit: Unit, { room: name }: { room: string }): StoredInfo | undefined {
  const room = unit.rooms.find(name)
  if (room === undefined) return undefined
  const { sql } = unit
  const first = sql.get<{ seq: number; ms: number }>('SELECT seq, ms FROM entries WHERE room = ? ORDER BY seq LIMIT 1', [room.id])
  const groups = sql.all<{ name: string; seq: number; ms: number; pending: number }>(
    'SELECT name, last_seq AS seq, last_ms AS ms, (SELECT count(*) FROM pending WHERE work_group = work_groups.id) AS pending FROM work_groups WHERE room = ? ORDER BY name',
    [room.id],
  )
  const members = sql.all<{ name: string; seq: number; ms: number }>('SELECT name, seq, ms FROM members WHERE room = ? ORDER BY name', [room.id])
  return {
    room: name,
    config: configOf(room),
    entries: room.lastSeq - room.firstSeq + 1,
    bytes: room.bytes,
    first: first === undefined ? undefined : entryId(first),
    last: room.lastSeq === 0 ? undefined : entryId({ seq: room.lastSeq, ms: room.lastMs }),
    groups: groups.map((group) => ({ group: group.name, pending: group.pending, lastDelivered: entryId(group) })),
    members: members.map((member) => ({ member: member.name, cursor: entryId(member) })),
    dead: sql.get<{ count: number }>('SELECT count(*) AS count FROM dead_letters WHERE room = ?', [room.id])?.count ?? 0,
  }
}
