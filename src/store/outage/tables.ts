import type { LogConfig } from '../ports.ts'
import type { Database } from '../sqlite/database.ts'

/**
 * What the outage store keeps in the data folder. Processes of one folder share it.
 * `outage_journal`: accepted writes on their way to the shared store, in order per `origin` (the node that accepted them);
 * `keeper` is the node that sends them, another one when the origin is gone.
 * `outage_records`: last known state of the records this folder touched. `version` is the shared store's (0: absent there);
 * `provisional` is the latest version given out while degraded, `applied` the latest of those that reached the shared store:
 * while they differ, writes of the key are still in the journal. `landed` is the store's version that `applied` became.
 */
const statements = [
  `CREATE TABLE IF NOT EXISTS outage_journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL, keeper TEXT NOT NULL,
    at INTEGER NOT NULL, bytes INTEGER NOT NULL, item TEXT NOT NULL
  )`,
  'CREATE INDEX IF NOT EXISTS outage_journal_keeper ON outage_journal (keeper, seq)',
  `CREATE TABLE IF NOT EXISTS outage_records (
    key TEXT PRIMARY KEY, value TEXT, version INTEGER NOT NULL, expires INTEGER,
    provisional INTEGER NOT NULL DEFAULT 0, applied INTEGER NOT NULL DEFAULT 0, landed INTEGER NOT NULL DEFAULT 0, touched INTEGER NOT NULL
  ) WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS outage_records_touched ON outage_records (touched)',
  'CREATE TABLE IF NOT EXISTS outage_rooms (room TEXT PRIMARY KEY, config TEXT NOT NULL) WITHOUT ROWID',
  `CREATE TABLE IF NOT EXISTS outage_handed (
    room TEXT NOT NULL, member TEXT NOT NULL, message_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (room, member, message_id)
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS outage_conflicts (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, at INTEGER NOT NULL, chain INTEGER NOT NULL, conflict TEXT NOT NULL
  ) WITHOUT ROWID`,
]

export async function createTables(database: Database): Promise<void> {
  await database.batch(statements.map((sql) => ({ sql })))
}

/** One statement of a transaction. */
export type Statement = Parameters<Database['batch']>[0][number]

/** How a room is kept that this folder has opened before. */
export async function knownRoom(database: Database, room: string): Promise<LogConfig | undefined> {
  const [row] = await database.all('SELECT config FROM outage_rooms WHERE room = ?', [room])
  return row === undefined ? undefined : (JSON.parse(String(row['config'])) as LogConfig)
}
