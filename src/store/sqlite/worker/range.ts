import type { EntryId, LogEntry } from '../../ports.ts'
import { entriesBetween } from './append.ts'
import { entryId, parseEntryId } from './position.ts'
import type { Rung } from './rooms.ts'
import { lastAt } from './seek.ts'
import type { Unit } from './unit.ts'

export interface RangeArgs {
  room: string
  after?: EntryId
  before?: EntryId
  limit: number
  reverse?: boolean
}

/** An unknown room has no entries. */
export function range(unit: Unit, args: RangeArgs): LogEntry[] {
  const room = unit.rooms.find(args.room)
  if (room === undefined) return []
  const after = args.after === undefined ? 0 : lastAt(unit, room, parseEntryId('after', args.after)).seq
  let below = room.lastSeq + 1
  if (args.before !== undefined) {
    const given = parseEntryId('before', args.before)
    const last = lastAt(unit, room, given)
    below = last.seq === given.seq && last.ms === given.ms ? last.seq : last.seq + 1
  }
  return entriesBetween(unit, room, after, below, args.limit, args.reverse ?? false)
    .map((entry) => ({ entry: entryId(entry), messageId: entry.messageId, body: entry.body }))
}

/** Rooms appended to since the ring stood at `since`; all of them when it stands lower, in a file that was begun anew. */
export function changesSince(unit: Unit, { since }: { since: number }): Rung {
  const ring = ringNow(unit)
  const rows = unit.sql.all<{ name: string; seq: number; ms: number }>('SELECT name, last_seq AS seq, last_ms AS ms FROM rooms WHERE ring > ?', [ring < since ? 0 : since])
  return { ring, rooms: rows.map((row) => [row.name, entryId(row)]) }
}

export function ringNow(unit: Unit, _none?: undefined): number {
  return unit.sql.get<{ value: number }>('SELECT value FROM ring')?.value ?? 0
}
