import { isDeepStrictEqual } from 'node:util'
import { syncConflictMachine, type SyncConflictCommands, type SyncConflictEvent } from '../../../machines/sync-conflict.ts'
import type { Clock } from '../../kernel/clock.ts'
import { HivemindError, RoomFull, RoomUnknown, VersionConflict } from '../../kernel/errors.ts'
import { runMachine } from '../machine-runner.ts'
import type { Log, Records, StoredRecord, WriteResult } from '../ports.ts'
import type { Database } from '../sqlite/database.ts'
import { besideKey } from '../keys.ts'
import type { KeptConflict, Resolution } from './conflict.ts'

export interface SettleOptions {
  database: Database
  clock: Clock
  /** The shared store's; reject with `StoreUnavailable` while it is away. */
  records: Pick<Records, 'get' | 'put' | 'delete'>
  log: Pick<Log, 'append'>
  /** Absent where the folder keeps none. */
  documents?: DocumentSides
}

/** As records, with the bytes of ours. */
export interface DocumentSides {
  get(key: string): Promise<StoredRecord | undefined>
  put(key: string, value: unknown, options: { expect?: number; ttlMs?: number; bytes?: Uint8Array }): Promise<WriteResult>
  delete(key: string, options: { expect?: number }): Promise<WriteResult>
}

const maxAttempts = 3
const retryMs = 50

type Request = () => Promise<SyncConflictEvent>

/** Where ours is kept when both are. */
export function keptKey(key: string, conflict: string): string {
  return `${key}:ours:${conflict}`
}

/**
 * Runs the machine `sync-conflict` on a conflict as it is shown: `chain` tells which state of our side that is.
 * Rejects with what is in the way; the conflict then is still open.
 */
export function settle(options: SettleOptions, kept: KeptConflict, chain: number, choice: Resolution, signal?: AbortSignal): Promise<void> {
  const requests = requestsOf(options, kept)
  let problem: unknown
  const ended = new Promise<void>((resolve, reject) => {
    const ask = (request: Request): void => void answerTo(request).then((event) => runner.send(event))
    const cancel = (): void => void runner.send({ type: 'cancel' })
    const runner = runMachine(syncConflictMachine, {
      name: kept.subject,
      input: { expect: requests.shown, chain, maxAttempts, retryMs },
      clock: options.clock,
      effects: {
        overwrite: ({ expect }: SyncConflictCommands['overwrite']) => ask(() => requests.overwrite(expect)),
        keepBeside: () => ask(requests.keepBeside),
        forget: (params: SyncConflictCommands['forget']) => ask(() => requests.forget(params.chain)),
        showTheirs: (params: SyncConflictCommands['showTheirs']) => ask(() => requests.showTheirs(params.chain)),
      },
      onDone() {
        signal?.removeEventListener('abort', cancel)
        switch (runner.snapshot.value) {
          case 'resolved':
            return resolve()
          case 'moved':
            return reject(new VersionConflict(kept.subject, requests.shown, requests.found))
          case 'cancelled':
            return reject(signal?.reason)
          default:
            return reject(problem)
        }
      },
    })
    runner.send(signal?.aborted ? { type: 'cancel' } : { type: 'choose', choice })
    signal?.addEventListener('abort', cancel, { once: true })
  })
  return ended

  async function answerTo(request: Request): Promise<SyncConflictEvent> {
    try {
      return await request()
    } catch (error) {
      problem = error
      const isFinal = error instanceof Refused || (error instanceof HivemindError && !error.retryable)
      if (error instanceof Refused) problem = error.cause
      return { type: isFinal ? 'refused' : 'failed' }
    }
  }
}

/** The store answered, and asking again at once is of no use. */
class Refused extends Error {}

function requestsOf({ database, records, documents, log }: SettleOptions, { id, subject, conflict }: KeptConflict) {
  let theirs: StoredRecord | undefined = conflict.kind === 'write' ? undefined : conflict.theirs
  const sides = conflict.kind === 'document' && documents !== undefined ? documents : records
  const bytes = conflict.kind === 'document' && conflict.ours.bytes !== undefined ? { bytes: Uint8Array.from(Buffer.from(conflict.ours.bytes, 'base64')) } : {}
  const shown = theirs?.version ?? 0

  async function overwrite(expect: number): Promise<SyncConflictEvent> {
    if (conflict.kind === 'write') return repeat()
    const { ours } = conflict
    const present = await sides.get(subject)
    // An earlier try that nobody heard of, or somebody else who had the same idea.
    if (isDeepStrictEqual(present?.value, ours.value)) return { type: 'written' }
    // The version alone does not tell: a record that was deleted and made again counts from 1.
    if ((present?.version ?? 0) !== expect || !isDeepStrictEqual(present?.value, conflict.theirs?.value)) return moved(present)
    const result = ours.value === undefined ? await sides.delete(subject, { expect }) : await sides.put(subject, ours.value, { expect, ttlMs: ours.ttlMs, ...bytes })
    return result.ok || isDeepStrictEqual(result.current?.value, ours.value) ? { type: 'written' } : moved(result.current)
  }

  function moved(current: StoredRecord | undefined): SyncConflictEvent {
    theirs = current
    return { type: 'moved' }
  }

  async function repeat(): Promise<SyncConflictEvent> {
    const { appends = [], room = subject } = conflict.ours as { appends?: Parameters<typeof log.append>[0]; room?: string }
    for (const result of await log.append(appends)) {
      if (!result.ok) throw new Refused('', { cause: result.reason === 'room_full' ? new RoomFull(room, result.bytes, result.quotaBytes) : new RoomUnknown(room) })
    }
    return { type: 'written' }
  }

  /** What became of a change to the conflict that holds only while our side is the one that was shown. */
  async function noted(changes: number): Promise<SyncConflictEvent> {
    if (changes > 0) return { type: 'noted' }
    const [row] = await database.all('SELECT id FROM outage_conflicts WHERE id = ?', [id])
    return { type: row === undefined ? 'noted' : 'amended' }
  }

  return {
    shown,
    get found() {
      return theirs?.version ?? 0
    },
    overwrite,
    async keepBeside(): Promise<SyncConflictEvent> {
      const ours = conflict.ours as { value?: unknown; ttlMs?: number }
      // Nothing to keep of a deletion. A repeat finds its own value there.
      if (ours.value !== undefined) await sides.put(conflict.kind === 'document' ? besideKey(subject, id) : keptKey(subject, id), ours.value, { ttlMs: ours.ttlMs, ...bytes })
      return { type: 'written' }
    },
    async forget(chain: number): Promise<SyncConflictEvent> {
      return noted((await database.run('DELETE FROM outage_conflicts WHERE id = ? AND chain = ?', [id, chain])).changes)
    },
    async showTheirs(chain: number): Promise<SyncConflictEvent> {
      return noted((await database.run('UPDATE outage_conflicts SET conflict = ? WHERE id = ? AND chain = ?', [JSON.stringify({ ...conflict, theirs }), id, chain])).changes)
    },
  }
}
