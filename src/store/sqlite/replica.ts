import type { Clock } from '../../kernel/clock.ts'
import type { DocumentRow, EncodedWrite } from '../document-row.ts'
import type { Documents } from '../ports.ts'
import type { Client } from './client.ts'
import { bytesOf, createReader, inPages } from './documents.ts'
import type { DocumentRing } from './document-ring.ts'
import type { StoredResult } from './worker/documents.ts'
import type { PendingRow, Settled } from './worker/replica.ts'

export type { PendingRow, Settled, StoredResult }

/** The documents of a folder that follows a shared store: what fills and empties it. */
export interface Replica extends Pick<Documents, 'get' | 'list' | 'follow'> {
  /** Takes what the shared store holds, unless what is here is newer or waits in the journal. `cursor` is moved once they are in. */
  apply(rows: readonly DocumentRow[], cursor?: { stream: number; at: string }): Promise<number>
  /** Accepts writes for the journal, in one step. `tried`: they were sent, and it is not known whether they arrived. `kept`: there is an item of it; otherwise earlier ones send it, or nothing was written. */
  journal(writes: readonly EncodedWrite[], tried: boolean, origin: string, bytes: number): Promise<{ results: StoredResult[]; kept: boolean }>
  /** Deletes for good; `versions` are those of the shared store. */
  erase(keys: readonly string[], versions: readonly number[]): Promise<number>
  /** As `erase`, with an item of the journal for the shared store. */
  journalErasure(keys: readonly string[], origin: string, bytes: number): Promise<number>
  /** They were erased elsewhere, as these versions: drops what is kept of them besides their rows. */
  forget(erased: readonly { key: string; version: number }[]): Promise<void>
  /** Nothing that was deleted or written over until now is in the write-ahead log afterwards. */
  emptyLog(): Promise<void>
  pending(keys: readonly string[]): Promise<PendingRow[]>
  settle(settled: readonly Settled[]): Promise<string[]>
  landErasure(keys: readonly string[], versions: readonly number[]): Promise<void>
  versions(keys: readonly string[]): Promise<{ version: number; waits: boolean }[]>
  rows(keys: readonly string[]): Promise<(DocumentRow | undefined)[]>
  page(after: number | string, limit: number): Promise<{ keys: { key: string; version: number }[]; after?: number | string }>
  cursors(): Promise<ReadonlyMap<number, string>>
}

export function createReplica(client: Client, clock: Clock, ring: DocumentRing): Replica {
  const now = (): number => Math.trunc(clock.now())
  return {
    ...createReader(client, clock, ring),
    async apply(rows, cursor) {
      const counts = await inPages(rows, async (page) => [await client.call('applyDocuments', { rows: page, now: now() }, bytesOf(page))])
      if (cursor !== undefined) await client.call('applyDocuments', { rows: [], cursor, now: now() })
      return counts.reduce((sum, count) => sum + count, 0)
    },
    journal: (writes, tried, origin, bytes) => client.call('journalDocuments', { writes, tried, mark: { origin, at: now(), bytes }, now: now() }, bytesOf(writes)),
    erase: (keys, versions) => client.call('eraseDocuments', { keys, versions, now: now() }),
    journalErasure: (keys, origin, bytes) => client.call('journalErasure', { keys, mark: { origin, at: now(), bytes }, now: now() }),
    forget: (erased) => client.call('forgetErased', { erased }),
    emptyLog: () => client.call('emptyLog', undefined),
    pending: (keys) => client.call('pendingDocuments', { keys, now: now() }),
    settle: (settled) => client.call('settleDocuments', { settled, now: now() }),
    landErasure: (keys, versions) => client.call('landErasure', { keys, versions, now: now() }),
    versions: (keys) => client.call('documentVersions', { keys, now: now() }),
    rows: (keys) => client.call('getDocuments', { keys, now: now() }),
    page: (after, limit) => client.call('documentPage', { after, limit, now: now() }),
    async cursors() {
      const rows = await client.call('replicaCursors', undefined)
      return new Map(rows.map(({ stream, cursor }) => [stream, cursor]))
    },
  }
}
