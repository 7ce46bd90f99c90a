import type { Clock } from '../../src/kernel/clock.ts'
import { quotaBytes, ttlMs } from '../../src/store/keys.ts'
import { firstEntryId } from '../../src/store/ports.ts'
import type { Log } from '../../src/store/ports.ts'
import type { AuditEntry, Channel } from './types.ts'

export interface Audit {
  note(entry: Omit<AuditEntry, 'entry' | 'at'>): Promise<void>
  list(options: { after?: string; limit?: number }): Promise<AuditEntry[]>
}

/** The log that holds it: a room nobody can enter. */
export const auditRoom = 'memory.audit'
const keptIds = 100

export function createAudit(log: Log, clock: Clock, id: () => string): Audit {
  let opened: Promise<unknown> | undefined

  function open(): Promise<unknown> {
    opened ??= log.open(auditRoom, { cap: 10_000, quotaBytes: quotaBytes.memory / 1024, dedupeMs: ttlMs.session, meta: { visibility: 'private', members: [] } }).catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }

  return {
    async note(entry) {
      await open()
      const body = JSON.stringify({ ...entry, ids: entry.ids.slice(0, keptIds), at: clock.now() })
      await log.append([{ room: auditRoom, messageId: id(), body }])
    },
    async list({ after = firstEntryId, limit = 100 }) {
      await open()
      const entries = await log.range(auditRoom, { after, limit })
      return entries.map(({ entry, body }) => ({ entry, ...(JSON.parse(body) as Omit<AuditEntry, 'entry'>) }))
    },
  }
}

/** Who did it, in a word. */
export function byOf({ channel, name }: { channel: Channel; name?: string }): string {
  return name === undefined ? channel : `${channel}:${name}`
}
