import type { Position } from './position.ts'
import type { Room } from './rooms.ts'
import type { Unit } from './unit.ts'

const start: Position = { seq: 0, ms: 0 }

/** The end of the room as it is now. */
export function endOf(room: Room): Position {
  return { seq: room.lastSeq, ms: room.lastMs }
}

/**
 * The last entry at or before `position`. Ids that the room gave out are found by their number, also when they were
 * trimmed since; any other (a time, say) is looked for backwards from the end.
 */
export function lastAt(unit: Unit, room: Room, position: Position): Position {
  if (position.ms === 0) return start
  if (position.seq > 0 && position.seq < room.firstSeq && position.ms <= room.lastMs) return position
  const exact = unit.sql.get<{ ms: number }>('SELECT ms FROM entries WHERE room = ? AND seq = ?', [room.id, position.seq])
  if (exact?.ms === position.ms) return position
  const before = unit.sql.get<Position>(
    'SELECT seq, ms FROM entries WHERE room = ? AND (ms < ? OR (ms = ? AND seq <= ?)) ORDER BY seq DESC LIMIT 1',
    [room.id, position.ms, position.ms, position.seq],
  )
  return before === undefined ? start : { seq: before.seq, ms: before.ms }
}
