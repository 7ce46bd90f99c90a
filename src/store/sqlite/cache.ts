import type { Clock } from '../../kernel/clock.ts'
import { quotaBytes } from '../keys.ts'
import type { Cache } from '../ports.ts'
import type { Database } from './database.ts'

const tables = [
  'CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value BLOB NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE INDEX IF NOT EXISTS cache_expires ON cache (expires, bytes)',
]

/** Of one value in the table, besides its bytes. */
const overhead = 100
/** Entries read or written in one statement. */
const pageEntries = 200

/**
 * The cache of one data folder, bounded in bytes: what would expire first goes first. Looked over whenever a sixteenth of
 * the bound has been written, so that it may stand over it by that much.
 */
export function createCache(database: Database, clock: Clock, maxBytes = quotaBytes.toolCache): Cache {
  let ready: Promise<unknown> | undefined
  let unchecked = Infinity
  const now = (): number => Math.trunc(clock.now())

  function prepared(): Promise<unknown> {
    ready ??= database.batch(tables.map((sql) => ({ sql }))).catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }

  async function shed(): Promise<void> {
    unchecked = 0
    await database.run('DELETE FROM cache WHERE expires <= ?', [now()])
    // Those that expire last and fit are kept.
    await database.run(
      `DELETE FROM cache WHERE key IN (SELECT key FROM (
        SELECT key, sum(bytes) OVER (ORDER BY expires DESC, key ROWS UNBOUNDED PRECEDING) AS kept FROM cache
      ) WHERE kept > ?)`,
      [maxBytes],
    )
  }

  return {
    async get(names) {
      await prepared()
      const found = new Map<string, Uint8Array>()
      for (let from = 0; from < names.length; from += pageEntries) {
        const page = names.slice(from, from + pageEntries)
        const rows = await database.all(`SELECT key, value FROM cache WHERE key IN (${page.map(() => '?').join()}) AND expires > ?`, [...page, now()])
        for (const { key, value } of rows) found.set(key as string, value as Uint8Array)
      }
      return names.map((name) => found.get(name))
    },
    async set(entries) {
      await prepared()
      // One that could push out all others is not worth it.
      const fitting = entries.filter(({ value }) => value.byteLength <= maxBytes / 4)
      if (fitting.length === 0) return
      await database.batch(fitting.map(({ key, value, ttlMs }) => ({
        sql: 'INSERT OR REPLACE INTO cache (key, value, bytes, expires) VALUES (?, ?, ?, ?)',
        params: [key, value, value.byteLength + key.length + overhead, now() + Math.max(1, Math.ceil(ttlMs))],
      })))
      unchecked += fitting.reduce((bytes, { value }) => bytes + value.byteLength + overhead, 0)
      if (unchecked > maxBytes / 16) await shed()
    },
    async delete(names) {
      await prepared()
      for (let from = 0; from < names.length; from += pageEntries) {
        const page = names.slice(from, from + pageEntries)
        await database.run(`DELETE FROM cache WHERE key IN (${page.map(() => '?').join()})`, page)
      }
    },
  }
}
