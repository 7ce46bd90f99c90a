import type { Clock } from '../../kernel/clock.ts'
import { InvalidArgument } from '../../kernel/errors.ts'
import { decodeRow, encodeWrites, sizeOfRow } from '../document-row.ts'
import type { DocumentRow } from '../document-row.ts'
import { documentPlace } from '../keys.ts'
import type { DocumentResult, Documents } from '../ports.ts'
import type { Client } from './client.ts'
import type { DocumentRing } from './document-ring.ts'
import type { StoredResult } from './worker/documents.ts'

/** Rows in one call of the worker, so that others get their turn. */
const pageRows = 500

/** The documents of a folder that stands alone. */
export function createDocuments(client: Client, clock: Clock, ring: DocumentRing): Documents {
  const now = (): number => Math.trunc(clock.now())
  return {
    ...createReader(client, clock, ring),
    async write(writes) {
      const results = await inPages(encodeWrites(writes), (page) => client.call('writeDocuments', { writes: page, now: now() }, bytesOf(page)))
      return results.map(toResult)
    },
    async erase(keys) {
      for (const key of keys) documentPlace(key)
      return keys.length === 0 ? 0 : client.call('eraseDocuments', { keys, now: now() })
    },
    freshness: () => ({ source: 'embedded', lagMs: 0, behind: 0 }),
  }
}

/** What reads a folder, whatever fills it. */
export function createReader(client: Client, clock: Clock, ring: DocumentRing): Pick<Documents, 'get' | 'list' | 'follow'> {
  const now = (): number => Math.trunc(clock.now())
  return {
    async get(keys) {
      for (const key of keys) documentPlace(key)
      return keys.length === 0 ? [] : (await client.call('getDocuments', { keys, now: now() })).map(decodeRow)
    },
    async list(prefix, { after, limit }) {
      if (prefix !== 'memory:' && !prefix.startsWith('session:')) throw new InvalidArgument('prefix', 'must be "memory:", or begin with "session:" (see sessionFields)')
      if (!Number.isSafeInteger(limit) || limit < 1) throw new InvalidArgument('limit', 'must be a whole number above 0')
      if (after !== undefined) documentPlace(after)
      const rows = await client.call('listDocuments', { prefix, after, limit, now: now() })
      return rows.flatMap((row) => decodeRow(row) ?? [])
    },
    follow: ring.follow,
  }
}

/** One call per page; the pages of one call go to the worker in order and together. */
export async function inPages<Row, Result>(rows: readonly Row[], work: (page: readonly Row[]) => Promise<readonly Result[]>): Promise<Result[]> {
  if (rows.length <= pageRows) return rows.length === 0 ? [] : [...await work(rows)]
  const pages: Promise<readonly Result[]>[] = []
  for (let from = 0; from < rows.length; from += pageRows) pages.push(work(rows.slice(from, from + pageRows)))
  return (await Promise.all(pages)).flat()
}

export function bytesOf(rows: readonly DocumentRow[]): number {
  return rows.reduce((bytes, row) => bytes + 200 + 2 * sizeOfRow(row), 0)
}

export function toResult(stored: StoredResult): DocumentResult {
  if (stored.ok || stored.reason === 'quota') return stored
  const current = decodeRow(stored.current)
  return { ok: false, reason: 'conflict', ...(current !== undefined && { current }) }
}
