import { StoreFull, StoreUnavailable } from '../../kernel/errors.ts'
import type { Documents, WriteResult } from '../ports.ts'
import type { OutageDocuments } from './documents.ts'
import type { DocumentSides } from './settle.ts'

/** A data folder that was opened without a replica. */
const unkept = (): never => {
  throw new StoreUnavailable('this data folder keeps no documents')
}
export const noDocuments: Documents = { write: unkept, get: unkept, list: unkept, erase: unkept, follow: unkept, freshness: () => ({ source: 'outage' }) }

/** Documents of the shared store alone, for settling conflicts; the folder takes over what is written. */
export function documentSides(documents: OutageDocuments | undefined): DocumentSides {
  if (documents === undefined) return { get: unkept, put: unkept, delete: unkept }
  const write = async (key: string, value: unknown, options: { expect?: number; ttlMs?: number; bytes?: Uint8Array }): Promise<WriteResult> => {
    const [result] = await documents.send([{ key, value, ...options }])
    if (result!.ok) return result!
    if (result!.reason === 'quota') throw new StoreFull(`memories hold ${result!.bytes} of ${result!.quotaBytes} bytes of their part of the budget: forget or erase some`)
    return { ok: false, reason: 'conflict', current: result!.current }
  }
  return { get: (key) => documents.shared(key), put: write, delete: (key, options) => write(key, undefined, options) }
}
