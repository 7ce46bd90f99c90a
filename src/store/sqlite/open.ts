import { resolve } from 'node:path'
import { systemClock, systemRandomness } from '../../kernel/clock.ts'
import type { Clock, Randomness } from '../../kernel/clock.ts'
import type { Store } from '../ports.ts'
import { createBlobs } from './blobs.ts'
import { createCache } from './cache.ts'
import { createClient } from './client.ts'
import { createDatabase } from './database.ts'
import type { Database } from './database.ts'
import { blobFolder } from './files.ts'
import { createDocumentRing } from './document-ring.ts'
import { createDocuments } from './documents.ts'
import { createLeases } from './leases.ts'
import { createLog } from './log.ts'
import { createRecords } from './records.ts'
import { createReplica } from './replica.ts'
import type { Replica } from './replica.ts'
import { createRing } from './ring.ts'
import type { Ring } from './ring.ts'

/** Something a person should know that is no failure of a call. */
export interface SqliteNotice {
  kind: 'set-aside' | 'ring'
  message: string
  /** Where a damaged database was moved to. */
  file?: string
}

export interface SqliteOptions {
  /** Made when it is not there. Any number of processes may share it. */
  dataDir: string
  clock?: Clock
  randomness?: Randomness
  /** What an acknowledgement survives: the end of the process by any means (default), or of the machine too. */
  durability?: 'process' | 'fsync'
  onNotice?(notice: SqliteNotice): void
}

export interface SqliteStore extends Store {
  readonly kind: 'sqlite'
  /** SQL of one's own on the same file and worker. */
  readonly database: Database
  /** Its documents as the replica of a shared store. */
  readonly replica: Replica
}

/**
 * Opens the embedded store. Throws `StoreMisconfigured` when the folder cannot be used or was written by a newer version.
 * A damaged file is set aside and told through `onNotice`. Closing twice is harmless.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SqliteStore> {
  const { clock = systemClock, randomness = systemRandomness, durability = 'process', onNotice = () => {} } = options
  const dataDir = resolve(options.dataDir)
  let ring: Ring | undefined
  const client = createClient({
    dataDir,
    durability,
    clock,
    onSetAside: (path) => onNotice({ kind: 'set-aside', file: path, message: `the database of ${dataDir} was damaged: it was moved to ${path} and a new one was begun; nothing was deleted` }),
    onRung: (rung) => ring?.rung(rung),
  })
  ring = createRing({ dataDir, clock, client, onProblem: (message) => onNotice({ kind: 'ring', message }) })
  await client.start()
  const { listen, stop } = ring

  const database = createDatabase(client)
  const documentRing = createDocumentRing({ dataDir, clock, client, onProblem: (message) => onNotice({ kind: 'ring', message }) })

  return {
    kind: 'sqlite',
    log: createLog(client, clock, listen),
    records: createRecords(client, clock),
    leases: createLeases(client, clock),
    blobs: createBlobs({ folder: blobFolder(dataDir), clock, randomness, fsync: durability === 'fsync' }),
    cache: createCache(database, clock),
    documents: createDocuments(client, clock, documentRing),
    replica: createReplica(client, clock, documentRing),
    database,
    async close() {
      await stop()
      await documentRing.stop()
      await client.close()
    },
  }
}
