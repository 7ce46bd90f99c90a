import { StoreCorrupt } from '../../kernel/errors.ts'
import { completeRow, type DocumentRow } from '../document-row.ts'
import type { SharedDocuments } from '../redis/documents.ts'

/** What the shared store holds now, by key, deletions included; `onProblem` is told of what is no document. */
export async function fetchRows(documents: Pick<SharedDocuments, 'read'>, keys: readonly string[], onProblem: (error: unknown) => void): Promise<Map<string, DocumentRow>> {
  const found = new Map<string, DocumentRow>()
  if (keys.length === 0) return found
  for (const read of await documents.read(keys)) {
    const row = read === undefined || read instanceof StoreCorrupt ? read : completeRow(read)
    if (row instanceof StoreCorrupt) onProblem(row)
    else if (row !== undefined) found.set(row.key, row)
  }
  return found
}
