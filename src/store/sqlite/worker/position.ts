import { InvalidArgument } from '../../../kernel/errors.ts'
import type { EntryId } from '../../ports.ts'

export interface Position {
  seq: number
  ms: number
}

export function entryId(position: Position): EntryId {
  return `${position.ms}-${position.seq}`
}

export function parseEntryId(field: string, id: EntryId): Position {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(id)
  if (match === null) throw new InvalidArgument(field, `"${id}" is no entry id (<ms>-<sequence>)`)
  return { ms: Number(match[1]), seq: Number(match[2]) }
}
