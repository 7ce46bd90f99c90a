import type { Clock, Timer } from '../../kernel/clock.ts'
import { HivemindError, StoreUnavailable } from '../../kernel/errors.ts'
import type { Stoppable } from '../ports.ts'
import { changeStreams } from '../redis/change-streams.ts'
import type { Change, Cursor } from '../redis/document-changes.ts'
import type { SharedDocuments } from '../redis/documents.ts'
import type { Replica } from '../sqlite/replica.ts'
import { fetchRows } from './fetch.ts'
import { reconcile, type Reconciled } from './reconcile.ts'

/** Where a follower finds the shared store. */
export interface ReplicaSource {
  /** Rejects with `StoreUnavailable` while it is away. */
  call<Result>(work: (documents: SharedDocuments) => Promise<Result>): Promise<Result>
  listen(onRing: (stream: number | 'all') => void): Promise<Stoppable>
  /** Calls back when the server came back without what it acknowledged last, or without anything. */
  onReset(listener: () => void): () => void
}

export interface FollowerOptions {
  source: ReplicaSource
  replica: Replica
  clock: Clock
  /** Told of documents that cannot be taken over, and of failures that are tried again. */
  onProblem(error: unknown): void
  /** The folder and the shared store were compared as a whole. */
  onReconciled(result: Reconciled): void
  /** It cannot go on: a defect of ours. */
  onDefect(error: unknown): void
}

export interface Follower extends Stoppable {
  /** Absent until the folder held everything once. */
  lag(): { lagMs: number; behind: number } | undefined
}

/** How late a change may be noticed whose ring was lost, ms. */
const sweepMs = 1_000
const pageChanges = 500
/** When a write that was noted beforehand must have been made, or its writer is dead, ms. */
const intentMs = 5_000
const maxIntents = 10_000

const streams = Array.from({ length: changeStreams }, (_, stream) => stream)

/**
 * Brings what others write from the change streams into the folder: one stream after the other, each from where the folder
 * stands. A stream that dropped entries since then, or whose server lost some, makes it compare everything once.
 */
export function startFollower(options: FollowerOptions): Follower {
  const { source, replica, clock, onProblem } = options
  const dirty = new Set<number>(streams)
  /** Streams whose folder has to be compared as a whole. */
  const unjoined = new Set<number>()
  const intents = new Map<string, number>()
  const abort = new AbortController()
  const { signal } = abort
  let cursors: Map<number, Cursor> | undefined
  let running: Promise<void> | undefined
  let sweep: Timer | undefined
  let syncedAt: number | undefined
  let behind = 0

  function wake(): void {
    if (signal.aborted || running !== undefined || (dirty.size === 0 && unjoined.size === 0)) return
    running = run().catch((error: unknown) => {
      if (error instanceof StoreUnavailable || signal.aborted) return
      // What it was at stays to be done: the next sweep does it, when the disk has room again, say.
      if (error instanceof HivemindError) onProblem(error)
      else options.onDefect(error)
    }).finally(() => {
      running = undefined
    })
  }

  async function run(): Promise<void> {
    cursors ??= new Map(await replica.cursors())
    for (;;) {
      for (const stream of dirty) {
        signal.throwIfAborted()
        await catchUp(stream)
      }
      await lookAgain()
      if (unjoined.size === 0) break
      const wanted = new Set(unjoined)
      const result = await reconcile({ source, replica, clock, onProblem, signal, streams: wanted, followOn: passOver })
      for (const [stream, cursor] of result.cursors) {
        await moveTo(stream, cursor)
        unjoined.delete(stream)
        dirty.add(stream)
      }
      options.onReconciled(result)
    }
    syncedAt = clock.monotonic()
    behind = 0
    if (dirty.size > 0) queueMicrotask(wake)
  }

  async function catchUp(stream: number): Promise<void> {
    const cursor = cursors?.get(stream)
    dirty.delete(stream)
    try {
      if (cursor === undefined || !(await follow(stream, cursor))) unjoined.add(stream)
    } catch (error) {
      dirty.add(stream)
      throw error
    }
  }

  /** Takes over what came after the cursor. False when something between may be missing. */
  async function follow(stream: number, from: Cursor): Promise<boolean> {
    for (let at = from; ;) {
      signal.throwIfAborted()
      const page = await source.call((documents) => documents.changes(stream, at, pageChanges))
      if (!page.joined) return false
      behind = page.changes.length
      const moved = page.cursor !== at
      at = page.cursor
      await take(page.changes, moved ? { stream, at } : undefined)
      if (moved) cursors?.set(stream, at)
      if (page.changes.length < pageChanges) return true
    }
  }

  /** As `follow`, over gaps, and without a place to come back to: what erased something is there as long as the stream keeps it. */
  async function passOver(stream: number, from: Cursor): Promise<Cursor> {
    for (let at = from; ;) {
      signal.throwIfAborted()
      const page = await source.call((documents) => documents.changes(stream, at, pageChanges))
      await take(page.changes, undefined)
      at = page.cursor
      if (page.changes.length < pageChanges) return at
    }
  }

  async function take(changes: readonly Change[], cursor: { stream: number; at: Cursor } | undefined): Promise<void> {
    const latest = new Map<string, number>()
    for (const { key, version } of changes) {
      if (version !== undefined) {
        latest.set(key, version)
        intents.delete(key)
      } else if (intents.size < maxIntents) intents.set(key, clock.monotonic() + intentMs)
    }
    const keys = [...latest.keys()]
    const held = keys.length === 0 ? [] : await replica.versions(keys)
    const missing = keys.filter((key, index) => held[index]!.version < latest.get(key)!)
    const rows = await source.call((documents) => fetchRows(documents, missing, onProblem))
    const erased = changes.flatMap(({ key, version, erased: gone }) => (gone && version !== undefined ? [{ key, version }] : []))
    if (erased.length > 0) await replica.forget(erased)
    if (rows.size > 0 || cursor !== undefined) await replica.apply([...rows.values()], cursor)
    // Their rows are gone or written over by now: what they were is in the log until it is emptied.
    if (erased.length > 0) await replica.emptyLog()
  }

  /** Writes that were under way a while ago and were never said to be done. */
  async function lookAgain(): Promise<void> {
    const due = [...intents].filter(([, at]) => at <= clock.monotonic()).map(([key]) => key)
    if (due.length === 0) return
    await replica.apply([...(await source.call((documents) => fetchRows(documents, due, onProblem))).values()])
    for (const key of due) intents.delete(key)
  }

  async function moveTo(stream: number, at: Cursor): Promise<void> {
    await replica.apply([], { stream, at })
    cursors?.set(stream, at)
  }

  function mark(which: number | 'all'): void {
    for (const stream of which === 'all' ? streams : [which]) dirty.add(stream)
    wake()
  }

  function armSweep(): void {
    sweep = clock.timer(sweepMs, () => {
      mark('all')
      armSweep()
    }, { background: true })
  }

  const listening = source.listen(mark)
  listening.catch((error: unknown) => {
    // The sweep finds what is not rung.
    if (!(error instanceof StoreUnavailable)) onProblem(error)
  })
  const forget = source.onReset(() => {
    for (const stream of streams) unjoined.add(stream)
    wake()
  })
  armSweep()
  wake()

  return {
    lag: () => (syncedAt === undefined ? undefined : { lagMs: clock.monotonic() - syncedAt, behind }),
    async stop() {
      abort.abort()
      sweep?.cancel()
      forget()
      await running
      await listening.then((made) => made.stop(), () => undefined)
    },
  }
}
