// The writer worker: the only thread of a process that touches its SQLite file. All SQL and all waits for locks are here.
import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { StoreCorrupt, StoreUnavailable, messageOf } from '../../../kernel/errors.ts'
import { documentsFile, ringFile } from '../files.ts'
import { toWire } from '../wire.ts'
import type { FromWorker, ToWorker, WorkerOptions } from '../wire.ts'
import { markSuspect, openDatabaseFile } from './database-file.ts'
import type { OpenedFile } from './database-file.ts'
import { purgeExpired } from './purge.ts'
import { ringNow } from './range.ts'
import { transact } from './transact.ts'
import { Unit } from './unit.ts'

const purgeEveryMs = 10_000
const lookEveryMs = 1_000

function serve(port: MessagePort, options: WorkerOptions, file: OpenedFile): void {
  const ring = openSync(ringFile(options.dataDir), constants.O_RDWR | constants.O_CREAT, 0o644)
  const documents = openSync(documentsFile(options.dataDir), constants.O_RDWR | constants.O_CREAT, 0o644)
  let purgedAt = options.now
  let lookedAt = options.now

  const send = (message: FromWorker): void => port.postMessage(message)

  /** After this the next call starts a new worker, which opens the file again. */
  function stop(): void {
    file.connection.close()
    closeSync(ring)
    closeSync(documents)
    port.close()
  }

  function purge(unit: Unit, now: number): void {
    if (now - purgedAt < purgeEveryMs) return
    purgedAt = now
    purgeExpired(unit, now)
  }

  function wasReplaced(now: number): boolean {
    if (Math.abs(now - lookedAt) < lookEveryMs) return false
    lookedAt = now
    return statSync(file.path, { throwIfNoEntry: false })?.ino !== file.inode
  }

  function handle({ id, now, requests }: ToWorker & { kind: 'calls' }): void {
    if (wasReplaced(now)) {
      const error = toWire(new StoreUnavailable(`${file.path} was moved or replaced while it was open: it is opened again by the next call`))
      send({ kind: 'replies', id, replies: requests.map(() => ({ error })), last: true })
      stop()
      return
    }
    const { documents: changed, erased, ...outcome } = transact(file.connection, requests, now, purge)
    // Nothing that was erased may be left in the log. Held up by a reader of another process, the next erasure or checkpoint does it.
    if (erased) file.connection.get('PRAGMA wal_checkpoint(TRUNCATE)')
    const damaged = outcome.replies.some((reply) => 'error' in reply && reply.error.name === StoreCorrupt.name)
    if (damaged) markSuspect(options.dataDir)
    send({ kind: 'replies', id, ...outcome, last: damaged })
    if (outcome.rung !== undefined) writeSync(ring, '.', 0)
    if (changed) writeSync(documents, '.', 0)
    if (damaged) stop()
  }

  port.on('message', (message: ToWorker) => (message.kind === 'close' ? stop() : handle(message)))
  send({ kind: 'ready', ring: ringNow(new Unit(file.connection)), setAside: file.setAside })
}

if (parentPort === null) throw new Error('worker/main.ts is started as a worker thread')
const options = workerData as WorkerOptions
try {
  serve(parentPort, options, openDatabaseFile(options))
} catch (error) {
  const failed: FromWorker = { kind: 'failed', error: toWire(error instanceof Error ? error : new Error(messageOf(error))) }
  parentPort.postMessage(failed)
  parentPort.close()
}
