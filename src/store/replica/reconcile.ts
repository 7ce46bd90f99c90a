import type { Clock } from '../../kernel/clock.ts'
import type { DocumentRow } from '../document-row.ts'
import { documentPlace } from '../keys.ts'
import { streamOf } from '../redis/change-streams.ts'
import type { Cursor } from '../redis/document-changes.ts'
import type { SharedDocuments } from '../redis/documents.ts'
import type { Replica } from '../sqlite/replica.ts'
import { fetchRows } from './fetch.ts'

export interface ReconcileOptions {
  source: { call<Result>(work: (documents: SharedDocuments) => Promise<Result>): Promise<Result> }
  replica: Replica
  clock: Clock
  onProblem(error: unknown): void
  signal: AbortSignal
  streams: ReadonlySet<number>
  /** Takes over what is in a stream after `from`; returns its end. */
  followOn(stream: number, from: Cursor): Promise<Cursor>
}

export interface Reconciled {
  /** How far each stream is in the folder now. */
  cursors: Map<number, Cursor>
  /** Documents that the folder took over. */
  fetched: number
  /** Documents that the shared store did not have, or only older: it took them back from this folder. */
  offered: number
}

const pageRows = 500

/**
 * Makes a folder and the shared store alike, by the version of each document: the newer one stands. Deletions are kept as versions, too,
 * so that what is missing on one side was never there or was lost, and is given back; nothing is destroyed for being absent elsewhere.
 * Writes that wait in a journal are left to it.
 */
export async function reconcile({ source, replica, clock, onProblem, signal, streams, followOn }: ReconcileOptions): Promise<Reconciled> {
  const result: Reconciled = { cursors: new Map(), fetched: 0, offered: 0 }
  for (const stream of streams) result.cursors.set(stream, await followOn(stream, '0-0'))

  async function fetch(keys: readonly string[]): Promise<void> {
    const rows = await source.call((documents) => fetchRows(documents, keys, onProblem))
    result.fetched += await replica.apply([...rows.values()])
  }

  /** The streams go on: an end that was passed by too many entries would be no end to go on from. */
  async function goOn(): Promise<void> {
    for (const [stream, from] of result.cursors) result.cursors.set(stream, await followOn(stream, from))
    signal.throwIfAborted()
  }

  for await (const found of await source.call(async (documents) => documents.scan())) {
    const keys = found.filter((key) => belongs(key, streams, onProblem))
    for (let from = 0; from < keys.length; from += pageRows) {
      const page = keys.slice(from, from + pageRows)
      const held = await replica.versions(page)
      await fetch(page.filter((_, index) => held[index]!.version === 0))
    }
    await goOn()
  }
  for (let after: number | string | undefined = 0; after !== undefined;) {
    const page: Awaited<ReturnType<Replica['page']>> = await replica.page(after, pageRows)
    after = page.after
    await compare(page.keys.filter(({ key }) => streams.has(streamOf(key))))
    await goOn()
  }
  return result

  async function compare(held: readonly { key: string; version: number }[]): Promise<void> {
    if (held.length === 0) return
    const present = await source.call((documents) => documents.versions(held.map(({ key }) => key)))
    await fetch(held.flatMap(({ key, version }, index) => (present[index]! > version ? [key] : [])))
    await offer(held.flatMap(({ key, version }, index) => (present[index]! < version ? [key] : [])))
  }

  async function offer(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    const now = Math.trunc(clock.now())
    // That a field of a session is deleted is not worth a new session.
    const rows = (await replica.rows(keys)).filter((row): row is DocumentRow => row !== undefined && (row.json !== undefined || documentPlace(row.key).family === 'memory'))
    const results = await source.call((documents) => documents.write(rows.map((row) => ({
      mode: 'restore', row, ...(row.expires !== undefined && { ttlMs: Math.max(1, row.expires - now) }),
    }))))
    result.offered += results.filter(({ outcome }) => outcome === 'written').length
    await fetch(rows.flatMap(({ key }, index) => (results[index]!.outcome === 'other' ? [key] : [])))
  }
}

/** A key that is no document's was put there by somebody else: told, and left alone. */
function belongs(key: string, streams: ReadonlySet<number>, onProblem: (error: unknown) => void): boolean {
  try {
    return streams.has(streamOf(key))
  } catch (error) {
    onProblem(error)
    return false
  }
}
