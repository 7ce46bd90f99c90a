import type { LogConfig, LogInfo } from '../../ports.ts'
import { entryId } from './position.ts'
import type { Room } from './rooms.ts'
import type { Unit } from './unit.ts'

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
