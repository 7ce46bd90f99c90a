import type { Unit } from './unit.ts'

/** Rows removed per table and call, so that no transaction grows long because of them. */
const batch = 2_000

/** Removes what has expired. Reads never return it meanwhile. */
export function purgeExpired(unit: Unit, now: number): void {
  for (const [table, key] of [['message_ids', 'room, message_id'], ['room_records', 'room, key'], ['records', 'key'], ['documents', 'key']] as const) {
    unit.sql.run(`DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE expires <= ? LIMIT ${batch})`, [now])
  }
}
