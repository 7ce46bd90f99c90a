import type { Clock } from '../../kernel/clock.ts'
import type { Presence } from '../ports.ts'
import type { Database } from './database.ts'

const table = 'CREATE TABLE IF NOT EXISTS nodes_active (node TEXT PRIMARY KEY, summary TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID'

/** Nodes of one data folder; they share a machine and so a clock. */
export async function createPresence(database: Database, clock: Clock): Promise<Presence> {
  await database.run(table)
  const now = (): number => Math.trunc(clock.now())
  return {
    async announce(node, summary, ttlMs) {
      await database.batch([
        { sql: 'DELETE FROM nodes_active WHERE expires <= ?', params: [now()] },
        {
          sql: 'INSERT INTO nodes_active (node, summary, expires) VALUES (?, ?, ?) ON CONFLICT (node) DO UPDATE SET summary = excluded.summary, expires = excluded.expires',
          params: [node, JSON.stringify(summary), now() + Math.trunc(ttlMs)],
        },
      ])
    },
    async withdraw(node) {
      return (await database.run('DELETE FROM nodes_active WHERE node = ? AND expires > ?', [node, now()])).changes === 1
    },
    async list() {
      const rows = await database.all('SELECT node, summary, expires FROM nodes_active WHERE expires > ? ORDER BY node', [now()])
      return rows.map((row) => ({ node: String(row['node']), summary: JSON.parse(String(row['summary'])) as unknown, remainingMs: Number(row['expires']) - now() }))
    },
  }
}
