import { isDeepStrictEqual } from 'node:util'
import type { Clock, Randomness } from '../../kernel/clock.ts'
import { HivemindError, messageOf } from '../../kernel/errors.ts'
import type { Append, AppendResult, Blobs, Records, StoredRecord } from '../ports.ts'
import type { RedisStore } from '../redis/open.ts'
import type { Replica } from '../sqlite/replica.ts'
import type { Database } from '../sqlite/database.ts'
import { findChain, keepConflict, type Conflict, type KeptConflict } from './conflicts.ts'
import { eraseShared } from './documents.ts'
import { replayDocuments } from './documents-sync.ts'
import { markOf, type Journal, type JournalEntry, type JournalItem } from './journal.ts'
import { isProvisional, type LocalRecords } from './local-records.ts'
import { knownRoom, type Statement } from './tables.ts'

export interface SyncOptions {
  shared: Pick<RedisStore, 'log' | 'records' | 'blobs'> & Partial<Pick<RedisStore, 'documents'>>
  local: { database: Database; blobs: Blobs; records: LocalRecords; replica?: Replica }
  journal: Journal
  clock: Clock
  randomness: Randomness
  /** Keeps new writes of records out while one is sent. */
  exclusive<Result>(work: () => Promise<Result>): Promise<Result>
  /** Called after each step that the shared store confirmed and the journal forgot. */
  onDrained(step: { items: number; bytes: number; oldestAt: number; replayed: number; duplicates: number; conflicts: KeptConflict[] }): void
}

/** Read from the journal at once; posts of consecutive items travel together. */
const batchItems = 256

/** What the shared store made of items, and what the data folder is to remember of it in the transaction that forgets them. */
interface Outcome {
  statements: Statement[]
  replayed: number
  duplicates: number
  conflicts: KeptConflict[]
  /** Items that stay: what they send has changed meanwhile. */
  again?: ReadonlySet<number>
}

const nothing = (): Outcome => ({ statements: [], replayed: 0, duplicates: 0, conflicts: [] })

/**
 * Sends the journal to the shared store, in order, until nothing is left or the signal aborts. Each step is idempotent there and is
 * forgotten here afterwards, so that a process killed at any point repeats at most one step, which has no second effect:
 * posts by message id, records by compare-and-set on their base.
 * Rejects when the shared store cannot go on; what was not confirmed stays in the journal.
 */
export async function drain(options: SyncOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    const entries = await options.journal.read(batchItems)
    if (entries.length === 0) return
    for (let at = 0; at < entries.length;) {
      signal.throwIfAborted()
      const step = nextStep(entries, at)
      const send = async (): Promise<void> => forget(options, step, await apply(options, step))
      await (step[0]!.item.kind === 'record' ? options.exclusive(send) : send())
      at += step.length
    }
  }
}

/** Consecutive posts, consecutive documents, or one item of another kind. */
function nextStep(entries: readonly JournalEntry[], at: number): JournalEntry[] {
  const { kind } = entries[at]!.item
  let end = at + 1
  if (kind === 'posts' || kind === 'documents') while (end < entries.length && entries[end]!.item.kind === kind) end++
  return entries.slice(at, end)
}

async function forget({ journal, onDrained }: SyncOptions, step: readonly JournalEntry[], { statements, again, ...outcome }: Outcome): Promise<void> {
  const done = step.filter(({ seq }) => !again?.has(seq))
  const { oldestAt } = await journal.remove(done.map(({ seq }) => seq), statements)
  onDrained({ items: done.length, bytes: done.reduce((sum, { bytes }) => sum + bytes, 0), oldestAt, ...outcome })
}

async function apply(options: SyncOptions, step: readonly JournalEntry[]): Promise<Outcome> {
  const [entry] = step as [JournalEntry]
  try {
    switch (entry.item.kind) {
      case 'posts':
        return await applyPosts(options, step)
      case 'documents':
        return { ...nothing(), ...await replayDocuments(options, step) }
      default:
        return await applyOne(options, entry, entry.item)
    }
  } catch (error) {
    // A write that the store will never take must not hold up those behind it; one by one, to find the culprit.
    if (!(error instanceof HivemindError) || error.retryable || error.code === 'store_misconfigured') throw error
    if (step.length === 1) return keepRefused(options, entry, messageOf(error))
    const outcome = nothing()
    for (const one of step) {
      const part = await apply(options, [one])
      outcome.statements.push(...part.statements)
      outcome.conflicts.push(...part.conflicts)
      outcome.replayed += part.replayed
      outcome.duplicates += part.duplicates
    }
    return outcome
  }
}

function keepRefused({ clock, randomness }: SyncOptions, entry: JournalEntry, reason: string): Outcome {
  const subject = 'key' in entry.item ? entry.item.key : 'room' in entry.item ? entry.item.room : entry.item.kind
  return kept({ id: randomness.id(), subject, at: clock.now(), conflict: { kind: 'write', node: entry.origin, reason, ours: { write: entry.item } } }, 0)
}

function kept(conflict: KeptConflict, chain: number): Outcome {
  return { ...nothing(), statements: [keepConflict(conflict.id, conflict.subject, conflict.at, chain, conflict.conflict)], conflicts: [conflict] }
}

async function applyPosts(options: SyncOptions, step: readonly JournalEntry[]): Promise<Outcome> {
  const { clock, randomness } = options
  const posts = step.flatMap(({ origin, item }) => (item as Extract<JournalItem, { kind: 'posts' }>).appends.map((append) => ({ append, origin })))
  const results = await appendAgain(options, posts.map(({ append }) => append))
  const outcome = nothing()
  const refused = new Map<string, { node: string; reason: string; appends: Append[] }>()
  for (const [index, result] of results.entries()) {
    const { append, origin } = posts[index] as { append: Append; origin: string }
    if (result.ok) {
      outcome[result.duplicate ? 'duplicates' : 'replayed']++
      continue
    }
    const entry = refused.get(append.room) ?? { node: origin, reason: result.reason, appends: [] }
    entry.appends.push(append)
    refused.set(append.room, entry)
  }
  for (const [room, { node, reason, appends }] of refused) {
    const part = kept({ id: randomness.id(), subject: room, at: clock.now(), conflict: { kind: 'write', node, reason, ours: { room, appends } } }, 0)
    outcome.statements.push(...part.statements)
    outcome.conflicts.push(...part.conflicts)
  }
  return outcome
}

/** A room that this folder knows and the store does not was opened just before the server died: it is opened again. */
async function appendAgain({ shared, local }: SyncOptions, appends: readonly Append[]): Promise<AppendResult[]> {
  const results = await shared.log.append(appends)
  const lost = new Set(results.flatMap((result, index) => (!result.ok && result.reason === 'room_unknown' ? [appends[index]!.room] : [])))
  let reopened = false
  for (const room of lost) {
    const config = await knownRoom(local.database, room)
    if (config === undefined) continue
    await shared.log.open(room, config)
    reopened = true
  }
  // Those that were taken the first time are duplicates now, and count as what they were.
  return reopened ? (await shared.log.append(appends)).map((result, index) => (results[index]!.ok ? results[index]! : result)) : results
}

async function applyOne(options: SyncOptions, entry: JournalEntry, item: JournalItem): Promise<Outcome> {
  const { shared, local } = options
  switch (item.kind) {
    case 'open':
      return counted(!(await shared.log.open(item.room, item.config)).created)
    case 'record':
      return applyRecord(options, entry, item)
    case 'expire':
      await shared.records.expire(item.key, item.ttlMs)
      return counted(false)
    case 'blob': {
      const bytes = await local.blobs.get(item.hash)
      if (bytes === undefined) return keepRefused(options, entry, 'its bytes are gone from the data folder')
      await shared.blobs.put(bytes, { ttlMs: item.ttlMs })
      return counted(false)
    }
    case 'erase':
      if (shared.documents !== undefined) await local.replica?.landErasure(item.keys, await eraseShared(shared.documents, item.keys))
      return counted(false)
    case 'posts':
      return applyPosts(options, [entry])
    case 'documents':
      return { ...nothing(), ...await replayDocuments(options, [entry]) }
  }
}

const counted = (duplicate: boolean): Outcome => ({ ...nothing(), [duplicate ? 'duplicates' : 'replayed']: 1 })

async function applyRecord(options: SyncOptions, entry: JournalEntry, item: Extract<JournalItem, { kind: 'record' }>): Promise<Outcome> {
  const { shared, local } = options
  const row = await local.records.read(item.key)
  // A later write of a record whose earlier one is in conflict belongs to that conflict.
  const earlier = isProvisional(item.base) ? await findChain(local.database, item.key, item.base) : undefined
  if (earlier === undefined && !(isProvisional(item.base) && row?.applied !== item.base)) {
    const expect = isProvisional(item.base) ? (row?.version ?? 0) : item.base
    const { ok, duplicate, version, current } = await compareAndSet(shared.records, item, expect)
    if (ok) return { ...counted(duplicate), statements: [local.records.applied(item.key, item.provisional, version)] }
    return inConflict(options, entry, item, item.base, current, undefined)
  }
  const base = earlier?.conflict.kind === 'record' ? earlier.conflict.base : item.base
  return inConflict(options, entry, item, base, await shared.records.get(item.key), earlier)
}

/**
 * Writes when the shared record still is what it was made from. That our own value is there already means that an earlier try
 * arrived. The version alone does not tell: a record that was deleted and made again counts from 1.
 */
async function compareAndSet(records: Records, item: Extract<JournalItem, { kind: 'record' }>, expect: number): Promise<{ ok: boolean; duplicate: boolean; version: number; current: StoredRecord | undefined }> {
  const { key, value, ttlMs, was } = item
  const present = await records.get(key)
  if (isDeepStrictEqual(present?.value, value)) return { ok: true, duplicate: true, version: present?.version ?? 0, current: present }
  if ((present?.version ?? 0) !== expect || (was !== undefined && present !== undefined && markOf(present.value) !== was)) {
    return { ok: false, duplicate: false, version: 0, current: present }
  }
  const result = value === undefined ? await records.delete(key, { expect }) : await records.put(key, value, { expect, ttlMs })
  if (result.ok) return { ok: true, duplicate: false, version: value === undefined ? 0 : result.version, current: undefined }
  return { ok: false, duplicate: false, version: 0, current: result.current }
}

/** Both versions are kept. */
function inConflict(
  { local, clock, randomness }: SyncOptions, entry: JournalEntry, item: Extract<JournalItem, { kind: 'record' }>,
  base: number, theirs: StoredRecord | undefined, earlier: KeptConflict | undefined,
): Outcome {
  const conflict: Conflict = { kind: 'record', node: entry.origin, base, ours: { value: item.value, ttlMs: item.ttlMs }, theirs }
  const outcome = kept({ id: earlier?.id ?? randomness.id(), subject: item.key, at: earlier?.at ?? clock.now(), conflict }, item.provisional)
  outcome.statements.push(local.records.overruled(item.key, item.provisional, theirs))
  return outcome
}
