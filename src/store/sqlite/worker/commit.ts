import type { Commit, CommitResult, EntryId, Owner } from '../../ports.ts'
import { appendAll, refusalOf } from './append.ts'
import { copyToDead } from './dead-letters.ts'
import { isCurrent, findGroup } from './groups.ts'
import { entryId, parseEntryId } from './position.ts'
import type { Position } from './position.ts'
import type { Room } from './rooms.ts'
import { endOf, lastAt } from './seek.ts'
import type { Unit } from './unit.ts'

/** `Effects` with the values of records as JSON, made where the caller is. */
export type StoredCommit = DistributiveOmit<Commit, 'effects'> & { effects?: StoredEffects }
type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never
export interface StoredEffects {
  posts: readonly { room: string; messageId: string; body: string }[]
  records: readonly { key: string; /** JSON; absent deletes. */ value?: string; ttlMs?: number }[]
}

const stale: CommitResult = { ok: false, reason: 'stale' }

export function commit(unit: Unit, { commits, now }: { commits: readonly StoredCommit[]; now: number }): CommitResult[] {
  return commits.map((one) => {
    const room = unit.rooms.find(one.room)
    if (room === undefined) return stale
    const position = parseEntryId('entry', one.entry)
    const acknowledge = one.kind === 'work' ? workAcknowledgement(unit, one, position) : cursorAcknowledgement(unit, room, one, position, now)
    if (acknowledge === undefined) return stale
    const refusal = one.effects === undefined ? undefined : refusalOf(unit, one.effects.posts, now)
    if (refusal !== undefined) return { ok: false, ...refusal }
    if (!acknowledge()) return stale
    return { ok: true, posted: one.effects === undefined ? [] : applyEffects(unit, room, one.effects, now) }
  })
}

/** What acknowledges the entry, or undefined when this owner may not. */
function workAcknowledgement(unit: Unit, one: StoredCommit & { kind: 'work' }, position: Position): (() => boolean) | undefined {
  const group = findGroup(unit, one.room, one.group)
  if (group === undefined || !isCurrent(unit, group, one.owner)) return undefined
  const params = [group.id, position.seq, one.owner.name]
  if (one.effects !== undefined && unit.sql.get('SELECT 1 FROM pending WHERE work_group = ? AND seq = ? AND owner = ?', params) === undefined) return undefined
  return () => unit.sql.run('DELETE FROM pending WHERE work_group = ? AND seq = ? AND owner = ?', params) > 0
}

interface Member extends Position {
  fence: number
}

const findMember = (unit: Unit, room: Room, name: string): Member | undefined =>
  unit.sql.get<Member>('SELECT seq, ms, fence FROM members WHERE room = ? AND name = ?', [room.id, name])

function cursorAcknowledgement(unit: Unit, room: Room, one: StoredCommit & { kind: 'cursor' }, position: Position, now: number): (() => boolean) | undefined {
  const member = findMember(unit, room, one.member)
  if (member === undefined || member.seq >= position.seq || one.owner.fence < member.fence) return undefined
  return () => {
    unit.sql.run('UPDATE members SET seq = ?, ms = ? WHERE room = ? AND name = ?', [position.seq, position.ms, room.id, one.member])
    if (one.dead !== undefined) copyToDead(unit, room, { original: position, group: one.member, ...one.dead, now })
    return true
  }
}

function applyEffects(unit: Unit, room: Room, effects: StoredEffects, now: number): EntryId[] {
  for (const { key, value, ttlMs } of effects.records) {
    if (value === undefined) unit.sql.run('DELETE FROM room_records WHERE room = ? AND key = ?', [room.id, key])
    else {
      unit.sql.run(
        'INSERT INTO room_records (room, key, value, expires) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires',
        [room.id, key, value, ttlMs === undefined ? null : now + ttlMs],
      )
    }
  }
  return appendAll(unit, effects.posts, now)
}

/** The highest fence stays. */
export function openCursor(unit: Unit, args: { room: string; member: string; owner: Owner; from: EntryId | 'end' }): EntryId {
  const room = unit.rooms.need(args.room)
  const member = findMember(unit, room, args.member)
  if (member !== undefined) {
    if (args.owner.fence > member.fence) unit.sql.run('UPDATE members SET fence = ? WHERE room = ? AND name = ?', [args.owner.fence, room.id, args.member])
    return entryId(member)
  }
  const position = args.from === 'end' ? endOf(room) : lastAt(unit, room, parseEntryId('from', args.from))
  unit.sql.run('INSERT INTO members (room, name, seq, ms, fence) VALUES (?, ?, ?, ?, ?)', [room.id, args.member, position.seq, position.ms, args.owner.fence])
  return entryId(position)
}

/** JSON, or undefined when there is none. */
export function roomRecord(unit: Unit, args: { room: string; key: string; now: number }): string | undefined {
  const room = unit.rooms.find(args.room)
  if (room === undefined) return undefined
  return unit.sql.get<{ value: string }>('SELECT value FROM room_records WHERE room = ? AND key = ? AND (expires IS NULL OR expires > ?)', [room.id, args.key, args.now])?.value
}
