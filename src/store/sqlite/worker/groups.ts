import { InvalidArgument } from '../../../kernel/errors.ts'
import type { Delivery, EntryId, Owner, PendingEntry } from '../../ports.ts'
import { entryId, parseEntryId } from './position.ts'
import type { Position } from './position.ts'
import { endOf, lastAt } from './seek.ts'
import type { Group, Unit } from './unit.ts'

/** Which work group of which room, and for whom. */
export interface OwnerArgs {
  room: string
  group: string
  owner: Owner
}

export function openGroup(unit: Unit, { room: name, group, from }: { room: string; group: string; from: EntryId | 'end' }): void {
  const room = unit.rooms.need(name)
  if (findGroup(unit, name, group) !== undefined) return
  const position = from === 'end' ? endOf(room) : lastAt(unit, room, parseEntryId('from', from))
  unit.sql.run('INSERT INTO work_groups (room, name, last_seq, last_ms) VALUES (?, ?, ?, ?)', [room.id, group, position.seq, position.ms])
}

export function findGroup(unit: Unit, roomName: string, name: string): Group | undefined {
  const key = `${roomName}\0${name}`
  const known = unit.groups.get(key)
  if (known !== undefined) return known
  const room = unit.rooms.find(roomName)
  if (room === undefined) return undefined
  const row = unit.sql.get<{ id: number; seq: number; ms: number }>('SELECT id, last_seq AS seq, last_ms AS ms FROM work_groups WHERE room = ? AND name = ?', [room.id, name])
  if (row === undefined) return undefined
  const group = { id: row.id, seq: row.seq, ms: row.ms, room }
  unit.groups.set(key, group)
  return group
}

function needGroup(unit: Unit, room: string, group: string): Group {
  unit.rooms.need(room)
  const found = findGroup(unit, room, group)
  if (found === undefined) throw new InvalidArgument('group', `room "${room}" has no work group "${group}": call openGroup first`)
  return found
}

/** False when a later incarnation of the owner was seen in this group. */
export function isCurrent(unit: Unit, group: Group, owner: Owner): boolean {
  return owner.fence >= highestFence(unit, group, owner)
}

function highestFence(unit: Unit, group: Group, owner: Owner): number {
  const key = `${group.id}\0${owner.name}`
  let highest = unit.fences.get(key)
  if (highest === undefined) {
    highest = unit.sql.get<{ fence: number }>('SELECT fence FROM owners WHERE work_group = ? AND name = ?', [group.id, owner.name])?.fence ?? -1
    unit.fences.set(key, highest)
  }
  return highest
}

/** As `isCurrent`, and remembers a higher fence. */
function register(unit: Unit, group: Group, owner: Owner): boolean {
  const highest = highestFence(unit, group, owner)
  if (owner.fence > highest) {
    unit.sql.run('INSERT OR REPLACE INTO owners (work_group, name, fence) VALUES (?, ?, ?)', [group.id, owner.name, owner.fence])
    unit.fences.set(`${group.id}\0${owner.name}`, owner.fence)
  }
  return owner.fence >= highest
}

interface DeliveryRow extends Position {
  messageId: string
  body: string
  attempt: number
}

const deliveryOf = (row: DeliveryRow): Delivery => ({ entry: entryId(row), messageId: row.messageId, body: row.body, attempt: row.attempt })

export function take(unit: Unit, args: OwnerArgs & { count: number; now: number }): Delivery[] {
  const group = needGroup(unit, args.room, args.group)
  if (!register(unit, group, args.owner) || group.seq >= group.room.lastSeq) return []
  const rows = unit.sql.all<DeliveryRow>(
    'SELECT seq, ms, message_id AS messageId, body, 1 AS attempt FROM entries WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?',
    [group.room.id, group.seq, args.count],
  )
  const last = rows.at(-1)
  if (last === undefined) return []
  unit.sql.run(
    'INSERT INTO pending (work_group, seq, ms, owner, attempt, touched) SELECT ?, seq, ms, ?, 1, ? FROM entries WHERE room = ? AND seq > ? AND seq <= ?',
    [group.id, args.owner.name, args.now, group.room.id, group.seq, last.seq],
  )
  unit.sql.run('UPDATE work_groups SET last_seq = ?, last_ms = ? WHERE id = ?', [last.seq, last.ms, group.id])
  group.seq = last.seq
  group.ms = last.ms
  return rows.map(deliveryOf)
}

const pendingWithBodies = `SELECT p.seq AS seq, p.ms AS ms, p.attempt AS attempt, e.message_id AS messageId, e.body AS body
  FROM pending p JOIN entries e ON e.room = ? AND e.seq = p.seq WHERE p.work_group = ?`

/** Being delivered again is being worked on, so the idle time starts again; the attempt is not counted here. */
export function owned(unit: Unit, args: OwnerArgs & { after?: EntryId; count: number; now: number }): Delivery[] {
  const group = needGroup(unit, args.room, args.group)
  if (!register(unit, group, args.owner)) return []
  const after = args.after === undefined ? 0 : parseEntryId('after', args.after).seq
  const rows = unit.sql.all<DeliveryRow>(
    `${pendingWithBodies} AND p.owner = ? AND p.seq > ? ORDER BY p.seq LIMIT ?`,
    [group.room.id, group.id, args.owner.name, after, args.count],
  )
  for (const row of rows) unit.sql.run('UPDATE pending SET touched = ? WHERE work_group = ? AND seq = ?', [args.now, group.id, row.seq])
  return rows.map(deliveryOf)
}

export function takeOver(unit: Unit, args: OwnerArgs & { minIdleMs: number; count: number; now: number }): Delivery[] {
  const group = needGroup(unit, args.room, args.group)
  if (!register(unit, group, args.owner)) return []
  const rows = unit.sql.all<DeliveryRow>(
    `${pendingWithBodies} AND p.owner <> ? AND p.touched <= ? ORDER BY p.seq LIMIT ?`,
    [group.room.id, group.id, args.owner.name, args.now - args.minIdleMs, args.count],
  )
  return rows.map((row) => {
    unit.sql.run('UPDATE pending SET owner = ?, attempt = attempt + 1, touched = ? WHERE work_group = ? AND seq = ?', [args.owner.name, args.now, group.id, row.seq])
    return deliveryOf({ ...row, attempt: row.attempt + 1 })
  })
}

export function retry(unit: Unit, args: OwnerArgs & { entry: EntryId; now: number }): number | undefined {
  const group = needGroup(unit, args.room, args.group)
  if (!isCurrent(unit, group, args.owner)) return undefined
  return unit.sql.get<{ attempt: number }>(
    'UPDATE pending SET attempt = attempt + 1, touched = ? WHERE work_group = ? AND seq = ? AND owner = ? RETURNING attempt',
    [args.now, group.id, parseEntryId('entry', args.entry).seq, args.owner.name],
  )?.attempt
}

export function extend(unit: Unit, args: OwnerArgs & { entries: readonly EntryId[]; now: number }): EntryId[] {
  const group = needGroup(unit, args.room, args.group)
  if (!isCurrent(unit, group, args.owner)) return []
  return args.entries.filter((entry) => 0 < unit.sql.run(
    'UPDATE pending SET touched = ? WHERE work_group = ? AND seq = ? AND owner = ?',
    [args.now, group.id, parseEntryId('entries', entry).seq, args.owner.name],
  ))
}

/** Empty for a room or group that is not there. */
export function pendingOf(unit: Unit, args: { room: string; group: string; after?: EntryId; count: number; now: number }): PendingEntry[] {
  const group = findGroup(unit, args.room, args.group)
  if (group === undefined) return []
  const after = args.after === undefined ? 0 : parseEntryId('after', args.after).seq
  const rows = unit.sql.all<Position & { owner: string; attempt: number; touched: number }>(
    'SELECT seq, ms, owner, attempt, touched FROM pending WHERE work_group = ? AND seq > ? ORDER BY seq LIMIT ?',
    [group.id, after, args.count],
  )
  return rows.map((row) => ({ entry: entryId(row), owner: row.owner, idleMs: Math.max(0, args.now - row.touched), attempt: row.attempt }))
}
