import type { Clock } from '../../kernel/clock.ts'
import type { StoredRecord } from '../ports.ts'
import type { Database, SqlRow } from '../sqlite/database.ts'
import type { Statement } from './tables.ts'

/** Versions given out while the shared store is away are above this, so that none is ever taken for one of the store's. */
export const provisionalBase = 2 ** 40

export const isProvisional = (version: number): boolean => version > provisionalBase

/** Rows kept; the longest untouched ones go first. */
const keptRows = 100_000
/** Writes between two looks at how many rows there are. */
const pruneEvery = 2_000
/** Keys of which it is remembered what was noted last, so that reading a record again and again writes nothing. */
const rememberedKeys = 10_000

/** A record as this folder knows it. */
export interface LocalRecord {
  key: string
  value: unknown
  /** Of the shared store; 0 when it is absent there. */
  version: number
  provisional: number
  applied: number
  landed: number
  expires: number | undefined
}

/** Whether writes of it are still in the journal. */
export const isPending = (record: LocalRecord): boolean => record.provisional !== record.applied

/** What a reader is given: the value and the version to compare with at the next write. */
export function toStored(record: LocalRecord | undefined, now: number): StoredRecord | undefined {
  if (record === undefined || record.value === undefined || (record.expires !== undefined && record.expires <= now)) return undefined
  return { value: record.value, version: isPending(record) ? record.provisional : record.version }
}

/** The copy of records that this folder has touched. What the shared store says is written behind, and never over what is still in the journal. */
export interface LocalRecords {
  /** Notes what the shared store said; `undefined` when the record is absent. Never fails: the copy is only needed when the store is away. */
  note(key: string, record: StoredRecord | undefined, expires?: number): void
  read(key: string): Promise<LocalRecord | undefined>
  /** Keys of known records under the prefix, sorted, after `after`. */
  keys(prefix: string, after: string | undefined, limit: number): Promise<string[]>
  /** Sets the row as it is given. */
  write(record: LocalRecord): Statement
  /** The write that was told this provisional version has reached the shared store as `version`. */
  applied(key: string, provisional: number, version: number): Statement
  /** The write that was told this provisional version is in conflict: unless there is a later one, the folder goes on with theirs, under a version nobody was told. */
  overruled(key: string, provisional: number, theirs: StoredRecord | undefined): Statement
  /** Settles when all that was noted is in the file. */
  flush(): Promise<void>
}

export function createLocalRecords(database: Database, clock: Clock, onProblem: (error: unknown) => void): LocalRecords {
  let noted = new Map<string, { value: string | null; version: number; expires: number | null }>()
  let flushing: Promise<void> | undefined
  let sincePrune = 0
  const remembered = new Map<string, number>()

  async function writeNoted(): Promise<void> {
    while (noted.size > 0) {
      const batch = noted
      noted = new Map()
      const touched = Math.trunc(clock.now())
      try {
        await database.batch([...batch].map(([key, { value, version, expires }]) => ({
          sql: `INSERT INTO outage_records (key, value, version, expires, touched) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires = excluded.expires, touched = excluded.touched
            WHERE provisional = applied`,
          params: [key, value, version, expires, touched],
        })))
        sincePrune += batch.size
        if (sincePrune >= pruneEvery) {
          sincePrune = 0
          await database.run('DELETE FROM outage_records WHERE provisional = applied AND key IN (SELECT key FROM outage_records ORDER BY touched DESC LIMIT -1 OFFSET ?)', [keptRows])
        }
      } catch (error) {
        onProblem(error)
      }
    }
  }

  function flush(): Promise<void> {
    flushing ??= writeNoted().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  return {
    note(key, record, expires) {
      const version = record?.version ?? 0
      if (remembered.get(key) === version && expires === undefined) return
      if (remembered.size >= rememberedKeys) remembered.clear()
      remembered.set(key, version)
      noted.set(key, { value: record === undefined ? null : JSON.stringify(record.value), version, expires: expires ?? null })
      queueMicrotask(() => void flush())
    },
    async read(key) {
      await flush()
      const [row] = await database.all('SELECT * FROM outage_records WHERE key = ?', [key])
      return row === undefined ? undefined : fromRow(row)
    },
    async keys(prefix, after, limit) {
      await flush()
      const rows = await database.all(
        'SELECT key FROM outage_records WHERE key >= ? AND substr(key, 1, length(?)) = ? AND key > ? AND value IS NOT NULL AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?',
        [prefix, prefix, prefix, after ?? '', Math.trunc(clock.now()), limit],
      )
      return rows.map((row) => String(row['key']))
    },
    write({ key, value, version, provisional, applied, landed, expires }) {
      remembered.delete(key)
      return {
        sql: 'INSERT OR REPLACE INTO outage_records (key, value, version, expires, provisional, applied, landed, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        params: [key, value === undefined ? null : JSON.stringify(value), version, expires === undefined ? null : Math.trunc(expires), provisional, applied, landed, Math.trunc(clock.now())],
      }
    },
    applied: (key, provisional, version) => ({
      sql: 'UPDATE outage_records SET version = ?, landed = ?, applied = ? WHERE key = ?',
      params: [version, version, provisional, key],
    }),
    overruled(key, provisional, theirs) {
      remembered.delete(key)
      return {
        sql: 'UPDATE outage_records SET value = ?, version = ?, expires = NULL, provisional = provisional + 1, applied = provisional + 1 WHERE key = ? AND provisional = ?',
        params: [theirs === undefined ? null : JSON.stringify(theirs.value), theirs?.version ?? 0, key, provisional],
      }
    },
    flush,
  }
}

function fromRow(row: SqlRow): LocalRecord {
  return {
    key: String(row['key']),
    value: row['value'] === null ? undefined : JSON.parse(String(row['value'])),
    version: Number(row['version']),
    provisional: Number(row['provisional']),
    applied: Number(row['applied']),
    landed: Number(row['landed']),
    expires: row['expires'] === null ? undefined : Number(row['expires']),
  }
}
