import { decodeRow, encodeWrites, sizeOfRow, type DocumentRow, type EncodedWrite } from '../document-row.ts'
import { documentPlace } from '../keys.ts'
import type { Document, DocumentResult, Documents, DocumentWrite } from '../ports.ts'
import { fetchRows } from '../replica/fetch.ts'
import type { SharedDocuments, SharedResult } from '../redis/documents.ts'
import { inPages } from '../sqlite/documents.ts'
import type { Replica } from '../sqlite/replica.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Gate } from './gate.ts'

export interface OutageDocumentsOptions {
  gate: Gate
  replica: Replica
  origin: string
  clock: Clock
  /** Told of what others put where documents are. */
  onProblem(error: unknown): void
  /** What the applier of this process knows, when it is the one of the folder. */
  lag(): { lagMs: number; behind: number } | undefined
}

export interface OutageDocuments extends Documents {
  /** As `write`, and never journalled: rejects with `StoreUnavailable` while the shared store is away. */
  send(writes: readonly DocumentWrite[]): Promise<DocumentResult[]>
  /** What the shared store holds. Rejects with `StoreUnavailable` while it is away. */
  shared(key: string): Promise<Document | undefined>
}

/** Documents read from the folder, and written to the shared store and the folder; while the store is away, to the folder and its journal. */
export function createOutageDocuments(options: OutageDocumentsOptions): OutageDocuments {
  const { gate, replica, origin, clock, lag, onProblem } = options
  const bytesOf = (writes: readonly EncodedWrite[]): number => writes.reduce((sum, write) => sum + sizeOfRow(write) + 100, 0)

  async function send(documents: SharedDocuments, writes: readonly EncodedWrite[]): Promise<DocumentResult[]> {
    const results = await documents.write(writes.map(({ expect, ttlMs, ...row }) => ({ mode: 'write', row, expect, ttlMs })))
    const now = Math.trunc(clock.now())
    const others = writes.flatMap(({ key }, index) => (results[index]!.outcome === 'other' ? [key] : []))
    const present = await fetchRows(documents, others, onProblem)
    const own = writes.flatMap(({ expect: _, ttlMs, ...row }, index): DocumentRow[] => {
      const result = results[index]!
      if (result.outcome !== 'written') return []
      return [{ ...row, version: result.version, ...(ttlMs !== undefined && row.json !== undefined && { expires: now + ttlMs }) }]
    })
    await replica.apply([...own, ...present.values()])
    return writes.map(({ key }, index) => toResult(results[index]!, present.get(key)))
  }

  async function journal(writes: readonly EncodedWrite[], tried: boolean, noted: () => void): Promise<DocumentResult[]> {
    const { results, kept } = await replica.journal(writes, tried, origin, bytesOf(writes))
    if (kept) noted()
    return results.map((result): DocumentResult => {
      if (result.ok) return { ...result, journalled: true }
      if (result.reason === 'quota') return result
      const current = decodeRow(result.current)
      return { ok: false, reason: 'conflict', ...(current !== undefined && { current }) }
    })
  }

  return {
    get: replica.get,
    list: replica.list,
    follow: replica.follow,
    async write(wanted) {
      const writes = encodeWrites(wanted)
      // While one page is written to the folder, the next is on its way.
      return inPages(writes, (page) => {
        let tried = false
        return gate.write<DocumentResult[]>(
          { kind: 'documents', keys: page.map(({ key }) => key), bytes: bytesOf(page) },
          ({ documents }) => {
            tried = true
            return send(documents, page)
          },
          (_, noted) => journal(page, tried, noted),
        )
      })
    },
    async erase(keys) {
      for (const key of keys) documentPlace(key)
      if (keys.length === 0) return 0
      return gate.write<number>(
        { kind: 'erase', keys },
        async ({ documents }) => {
          // Counted first: whoever follows the changes may take them out of the folder before this does.
          const held = (await replica.get(keys)).filter((document) => document !== undefined).length
          await replica.erase(keys, await eraseShared(documents, keys))
          return held
        },
        async (_, noted) => {
          const erased = await replica.journalErasure(keys, origin, 100)
          noted()
          return erased
        },
      )
    },
    send: (wanted) => gate.call(({ documents }) => send(documents, encodeWrites(wanted))),
    shared: (key) => gate.call(async ({ documents }) => decodeRow((await fetchRows(documents, [key], onProblem)).get(key))),
    freshness: () => (gate.state === 'degraded' ? { source: 'outage' } : { source: 'connected', ...lag() }),
  }
}

/** Returns the versions of the erasures. */
export async function eraseShared(documents: SharedDocuments, keys: readonly string[]): Promise<number[]> {
  const results = await documents.write(keys.map((key) => ({ mode: 'write', row: { key, version: 0, erased: true } })))
  return results.map((result) => (result.outcome === 'quota' ? 0 : result.version))
}

function toResult(result: SharedResult, present: DocumentRow | undefined): DocumentResult {
  switch (result.outcome) {
    case 'quota':
      return { ok: false, reason: 'quota', bytes: result.bytes, quotaBytes: result.quotaBytes }
    case 'other': {
      const current = decodeRow(present)
      return { ok: false, reason: 'conflict', ...(current !== undefined && { current }) }
    }
    default:
      return { ok: true, version: result.version }
  }
}
