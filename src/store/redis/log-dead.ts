import { firstEntryId, type DeadEntry, type Log } from '../ports.ts'
import type { Backend } from './link.ts'
import type { Appender } from './log-append.ts'

export function createDeadLetters(backend: Backend, appender: Appender): Pick<Log, 'deadLetters' | 'replay'> {
  const { keys } = backend
  return {
    async deadLetters(room, { after = firstEntryId, count = 100 } = {}) {
      const rows = await backend.read((client) => client.xrange(keys.roomDead(room), `(${after}`, '+', 'COUNT', count))
      return rows.map(readDeadEntry)
    },
    /** Appended first and removed then: the message ids come from the dead entries, so that a repeat after a crash posts nothing twice. */
    async replay(room, entries) {
      const found = (await backend.read((client) => Promise.all(entries.map((entry) => client.xrange(keys.roomDead(room), entry, entry)))))
        .flat().map(readDeadEntry)
      const results = await appender.append(found.map(({ entry, messageId, body }) => ({ room, messageId: `${messageId}~${entry}`, body })))
      const appended = found.filter((_, index) => results[index]!.ok).map(({ entry }) => entry)
      if (appended.length === 0) return 0
      return backend.write((client) => client.xdel(keys.roomDead(room), ...appended))
    },
  }
}

function readDeadEntry([entry, fields]: [string, string[]]): DeadEntry {
  const [, original, , messageId, , body, , group, , reason, , attempts, , time] = fields as string[]
  return { entry, original: original!, messageId: messageId!, body: body!, group: group!, reason: reason!, attempts: Number(attempts), time: Number(time) }
}
