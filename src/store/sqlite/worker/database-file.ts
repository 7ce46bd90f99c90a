import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { StoreCorrupt, StoreMisconfigured, messageOf } from '../../../kernel/errors.ts'
import { Connection } from '../binding.ts'
import { databaseFile, lockFile, suspectFile } from '../files.ts'
import { migrate } from '../schema.ts'
import type { WorkerOptions } from '../wire.ts'

export interface OpenedFile {
  connection: Connection
  path: string
  inode: number
  /** Where a damaged file was moved to. */
  setAside?: string
}

/** Files up to this size are checked whole at every opening (about 1 ms per MB); larger ones when damage was seen. */
const alwaysCheckedBytes = 16 * 2 ** 20

/** Leaves a note that damage was seen, so that the next opening checks the file whole, whatever its size. */
export function markSuspect(dataDir: string): void {
  writeFileSync(suspectFile(dataDir), '')
}

/** Opens `hive.db`, made anew when there is none. A damaged file is moved to `hive.db.corrupt-<time>` first. */
export function openDatabaseFile(options: WorkerOptions): OpenedFile {
  makeFolder(options.dataDir)
  const path = databaseFile(options.dataDir)
  try {
    return connect(options, path)
  } catch (error) {
    if (!(error instanceof StoreCorrupt)) throw error
  }
  const setAside = moveDamaged(options, path)
  return { ...connect(options, path), setAside }
}

function makeFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true })
  } catch (error) {
    throw new StoreMisconfigured(`the data folder ${dataDir} cannot be made (${messageOf(error)}): make its parent writable for this user, or choose another folder (HIVEMIND_DATA_DIR)`, error)
  }
}

function connect(options: WorkerOptions, path: string): OpenedFile {
  const connection = new Connection(path)
  try {
    connection.exec('PRAGMA busy_timeout = 10000')
    checkWhole(options.dataDir, path, connection)
    enterWal(connection)
    connection.exec(`PRAGMA synchronous = ${options.durability === 'fsync' ? 'FULL' : 'NORMAL'}; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cache_size = -8192`)
    migrate(connection, path)
    // Finds out now, not at the first post, that the folder is read-only.
    connection.exec('BEGIN IMMEDIATE; ROLLBACK')
    return { connection, path, inode: statSync(path).ino }
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Two processes that change a new file to WAL at once get "locked" at once, whatever busy_timeout says. */
function enterWal(connection: Connection): void {
  for (let attempt = 1; ; attempt++) {
    try {
      connection.get('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (attempt === 50 || (error as { code?: unknown }).code !== 'store_unavailable') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

function checkWhole(dataDir: string, path: string, connection: Connection): void {
  const suspect = existsSync(suspectFile(dataDir))
  if (!suspect && statSync(path).size > alwaysCheckedBytes) return
  const answer = Object.values(connection.get(suspect ? 'PRAGMA integrity_check(1)' : 'PRAGMA quick_check(1)') ?? {})[0]
  if (answer !== 'ok') throw new StoreCorrupt(`${path} is damaged: ${String(answer)}`)
  if (suspect) rmSync(suspectFile(dataDir), { force: true })
}

/**
 * Moves the damaged file and its log away. A second process may be doing the same, and must not move the fresh file that
 * the first one made: a lock file of SQLite's own kind (released by the system when its holder dies) lets one at a time look.
 */
function moveDamaged(options: WorkerOptions, path: string): string | undefined {
  const lock = new Connection(lockFile(options.dataDir))
  try {
    lock.exec('PRAGMA busy_timeout = 10000; BEGIN EXCLUSIVE')
    try {
      connect(options, path).connection.close()
      return undefined
    } catch (error) {
      if (!(error instanceof StoreCorrupt)) throw error
    }
    const setAside = `${path}.corrupt-${new Date(options.now).toISOString().replaceAll(/[:.]/g, '-')}`
    for (const suffix of ['-wal', '-shm', '']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, setAside + suffix)
    }
    rmSync(suspectFile(options.dataDir), { force: true })
    return setAside
  } finally {
    lock.close()
  }
}
