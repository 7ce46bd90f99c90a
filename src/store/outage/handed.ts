import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../sqlite/database.ts'
import type { Statement } from './tables.ts'

/** Which member was given which journalled message, so that it is not given it again as an entry of the room. */
export interface Handed {
  has(room: string, member: string, messageId: string): boolean
  /** Remembers it at once; the statement makes it last. */
  add(room: string, member: string, messageId: string): Statement
  /** It did not come to last after all. */
  forget(room: string, member: string, messageId: string): void
}

const nameOf = (room: string, member: string, messageId: string): string => `${room}\0${member}\0${messageId}`

/** Loads what is younger than `keepMs` and removes the rest: by then the messages have long come back, or their ids are forgotten. */
export async function loadHanded(database: Database, clock: Clock, keepMs: number): Promise<Handed> {
  await database.run('DELETE FROM outage_handed WHERE at < ?', [Math.trunc(clock.now() - keepMs)])
  const rows = await database.all('SELECT room, member, message_id FROM outage_handed')
  const known = new Set(rows.map((row) => nameOf(String(row['room']), String(row['member']), String(row['message_id']))))
  return {
    has: (room, member, messageId) => known.has(nameOf(room, member, messageId)),
    add(room, member, messageId) {
      known.add(nameOf(room, member, messageId))
      return {
        sql: 'INSERT OR IGNORE INTO outage_handed (room, member, message_id, at) VALUES (?, ?, ?, ?)',
        params: [room, member, messageId, Math.trunc(clock.now())],
      }
    },
    forget: (room, member, messageId) => void known.delete(nameOf(room, member, messageId)),
  }
}
