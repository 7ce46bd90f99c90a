import { createHash } from 'node:crypto'
import { InvalidArgument, StoreCorrupt, messageOf } from '../kernel/errors.ts'
import { documentPlace, ttlMs } from './keys.ts'
import type { Document, DocumentWrite, MemoryValue } from './ports.ts'

/** A document as the stores pass it on. */
export interface DocumentRow {
  key: string
  version: number
  /** Absent: it is deleted. */
  json?: string
  bytes?: Uint8Array
  /** With a deletion: nothing of it may be left anywhere. */
  erased?: boolean
  /** Wall time, ms. */
  expires?: number
  /** With the `json` of a memory, wherever it is to be put into the folder. */
  memory?: MemoryColumns
}

/** What a memory's row holds besides its identity and its vector. */
export interface MemoryColumns {
  text: string
  /** The whole value as JSON, without `text`. */
  data: string
  project: string
  agent: string
  session: string
  kind: string
  state: string
  at: number
  trust: number
  model: string | null
}

/** A write that was checked and encoded. */
export interface EncodedWrite extends DocumentRow {
  expect?: number
  ttlMs?: number
}

/** JSON and bytes of one document at most: it travels and is kept in one piece. */
const maxBytes = 8 * 2 ** 20

/** Checks and encodes writes; `version` is for the store to give. Throws `InvalidArgument` naming what is wrong. */
export function encodeWrites(writes: readonly DocumentWrite[]): EncodedWrite[] {
  return writes.map((write, index) => {
    try {
      return encodeWrite(write)
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error
      throw new InvalidArgument(`writes[${index}].${error.field}`, error.message.slice(`"${error.field}": `.length))
    }
  })
}

function encodeWrite({ key, value, bytes, expect, ttlMs: wanted }: DocumentWrite): EncodedWrite {
  const { family } = documentPlace(key)
  if (expect !== undefined && !(Number.isSafeInteger(expect) && expect >= 0)) throw new InvalidArgument('expect', 'must be a version, or 0 for "does not exist"')
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) throw new InvalidArgument('bytes', 'must be a Uint8Array')
  if (wanted !== undefined && (family === 'memory' || !(wanted > 0 && Number.isFinite(wanted)))) {
    throw new InvalidArgument('ttlMs', family === 'memory' ? 'a memory has none: forget or erase it' : 'must be above 0')
  }
  const row: EncodedWrite = { key, version: 0, expect, ...(family === 'session' && { ttlMs: Math.ceil(wanted ?? ttlMs.session) }) }
  if (value === undefined) return row
  if (family === 'memory') {
    row.memory = memoryColumns(value)
    row.json = memoryJson(row.memory.text, row.memory.data)
  } else {
    row.json = JSON.stringify(value) as string | undefined
    if (row.json === undefined) throw new InvalidArgument('value', 'has no form in JSON: store a plain value')
  }
  row.bytes = bytes
  if (sizeOfRow(row) > maxBytes) throw new InvalidArgument('value', `is ${sizeOfRow(row)} bytes and a document may have ${maxBytes}: put the large part into blobs and keep its hash`)
  return row
}

/** What a document counts for, in bytes of UTF-16 or raw; an estimate from below for text beyond ASCII. */
export function sizeOfRow({ json, bytes }: DocumentRow): number {
  return (json?.length ?? 0) + (bytes?.byteLength ?? 0)
}

/** Tells one content from another: SHA-1 in hex of what the shared store keeps after the version. */
export function contentMark({ json, bytes, erased }: DocumentRow): string {
  const hash = createHash('sha1').update(json === undefined ? (erased ? '!' : '-') : `${Buffer.byteLength(json)} ${json}`)
  if (bytes !== undefined) hash.update(bytes)
  return hash.digest('hex')
}

/** The JSON of a memory, the same whether it is made from what was given or from its columns. */
export function memoryJson(text: string, data: string): string {
  return `{"text":${JSON.stringify(text)}${data === '{}' ? '' : ','}${data.slice(1)}`
}

const kinds: readonly unknown[] = ['episodic', 'semantic']
const states: readonly unknown[] = ['live', 'superseded', 'forgotten']

/** Throws `InvalidArgument`. */
export function memoryColumns(value: unknown): MemoryColumns {
  if (typeof value !== 'object' || value === null) throw new InvalidArgument('value', 'must be an object with the fields of MemoryValue')
  const { text, ...rest } = value as Partial<MemoryValue>
  const { project = '', agent = '', session = '', kind, state, at, trust, model } = rest
  if (!isPlainText(text)) throw new InvalidArgument('value.text', 'must be a string without NUL and without half a surrogate pair: clean it first')
  for (const [name, part] of Object.entries({ project, agent, session, model: model ?? '' })) {
    if (!isPlainText(part)) throw new InvalidArgument(`value.${name}`, 'must be a string without NUL and without half a surrogate pair')
  }
  if (!kinds.includes(kind)) throw new InvalidArgument('value.kind', `must be one of ${kinds.join(', ')}`)
  if (!states.includes(state)) throw new InvalidArgument('value.state', `must be one of ${states.join(', ')}; a memory is deleted by writing undefined`)
  if (!Number.isSafeInteger(at)) throw new InvalidArgument('value.at', 'must be a whole number of ms since 1970')
  if (typeof trust !== 'number' || !(trust >= 0 && trust <= 1)) throw new InvalidArgument('value.trust', 'must be a number from 0 to 1')
  return { text, data: JSON.stringify(rest), project, agent, session, kind: kind as string, state: state as string, at: at as number, trust, model: model ?? null }
}

function isPlainText(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\0') && (text as string & { isWellFormed(): boolean }).isWellFormed()
}

/** What a reader is given. */
export function decodeRow(row: DocumentRow | undefined): Document | undefined {
  if (row?.json === undefined) return undefined
  return {
    key: row.key, version: row.version, value: JSON.parse(row.json),
    ...(row.bytes !== undefined && { bytes: row.bytes }), ...(row.expires !== undefined && { expiresAt: row.expires }),
  }
}

/** A row as the shared store held it, with its columns; or what is wrong with it, when somebody else wrote it. */
export function completeRow(row: DocumentRow): DocumentRow | StoreCorrupt {
  if (row.json === undefined) return row
  try {
    const value: unknown = JSON.parse(row.json)
    if (documentPlace(row.key).family === 'session') return row
    const memory = memoryColumns(value)
    return { ...row, memory, json: memoryJson(memory.text, memory.data) }
  } catch (error) {
    return new StoreCorrupt(`${row.key} in the shared store is no document of ours (${messageOf(error)}): remove or repair it`, error)
  }
}
