import { memoryJson, sizeOfRow } from '../../document-row.ts'
import type { DocumentRow } from '../../document-row.ts'
import { catalogue, documentPlace, ttlMs } from '../../keys.ts'
import type { Unit } from './unit.ts'

/** What decides whether a row may be written over. */
export interface Held {
  version: number
  live: boolean
}

interface MemoryRow {
  id: string
  version: number
  state: string
  text: string
  data: string
  vector: Uint8Array | null
}

interface FieldRow {
  key: string
  version: number
  value: string | null
  bytes: Uint8Array | null
  expires: number | null
}

/** A memory that was deleted; its row stays for those who follow by `seq`. */
const gone = 'gone'

export function findHeld(unit: Unit, key: string, now: number): Held | undefined {
  const place = documentPlace(key)
  if (place.family === 'memory') {
    const row = unit.sql.get<{ version: number; state: string }>('SELECT version, state FROM memories WHERE id = ?', [place.id])
    return row === undefined ? undefined : { version: row.version, live: row.state !== gone }
  }
  const row = unit.sql.get<{ version: number; live: number }>('SELECT version, value IS NOT NULL AND coalesce(expires > ?, 1) AS live FROM documents WHERE key = ?', [now, key])
  return row === undefined ? undefined : { version: row.version, live: row.live === 1 }
}

/** The row, deleted or not; an expired one counts as deleted. */
export function readRow(unit: Unit, key: string, now: number): DocumentRow | undefined {
  const place = documentPlace(key)
  if (place.family === 'memory') {
    const row = unit.sql.get<MemoryRow>('SELECT id, version, state, text, data, vector FROM memories WHERE id = ?', [place.id])
    return row === undefined ? undefined : fromMemory(row)
  }
  const row = unit.sql.get<FieldRow>('SELECT key, version, value, bytes, expires FROM documents WHERE key = ?', [key])
  return row === undefined ? undefined : fromField(row, now)
}

function fromMemory({ id, version, state, text, data, vector }: MemoryRow): DocumentRow {
  const key = catalogue.memory.build(id)
  return state === gone ? { key, version } : { key, version, json: memoryJson(text, data), ...(vector !== null && { bytes: vector }) }
}

function fromField({ key, version, value, bytes, expires }: FieldRow, now: number): DocumentRow {
  if (value === null || (expires !== null && expires <= now)) return { key, version }
  return { key, version, json: value, ...(bytes !== null && { bytes }), ...(expires !== null && { expires }) }
}

/** Live memories in order of their ids, or fields in order of their keys. */
export function listRows(unit: Unit, { prefix, after, limit, now }: { prefix: string; after?: string; limit: number; now: number }): DocumentRow[] {
  if (prefix === 'memory:') {
    const place = after === undefined ? undefined : documentPlace(after)
    return unit.sql.all<MemoryRow>(
      `SELECT id, version, state, text, data, vector FROM memories WHERE id > ? AND state <> '${gone}' ORDER BY id LIMIT ?`,
      [place?.family === 'memory' ? place.id : '', limit],
    ).map(fromMemory)
  }
  return unit.sql.all<FieldRow>(
    'SELECT key, version, value, bytes, expires FROM documents WHERE key >= ? AND key < ? AND key > ? AND value IS NOT NULL AND coalesce(expires > ?, 1) ORDER BY key LIMIT ?',
    [prefix, `${prefix}\u{10ffff}`, after ?? '', now, limit],
  ).map((row) => fromField(row, now))
}

/** Puts a row as it is: the next change of this folder. */
export function putRow(unit: Unit, row: DocumentRow, now: number): void {
  const seq = unit.documents.next()
  const place = documentPlace(row.key)
  if (place.family === 'session') {
    // What is deleted is remembered as long as a session lives, so that an older write that is under way does not bring it back.
    const expires = row.json === undefined ? now + ttlMs.session : longest(unit, place.hash, row.expires)
    unit.sql.run('INSERT OR REPLACE INTO documents (key, seq, version, value, bytes, expires) VALUES (?, ?, ?, ?, ?, ?)', [row.key, seq, row.version, row.json ?? null, row.bytes ?? null, expires])
    if (row.expires !== undefined) slide(unit, place.hash, row.expires)
    return
  }
  const before = unit.sql.get<{ bytes: number }>('SELECT bytes FROM memories WHERE id = ?', [place.id])?.bytes ?? 0
  const size = sizeOfRow(row)
  const { memory } = row
  const values = memory === undefined
    ? ['', '', '', 'episodic', gone, 0, 0, '', '{}', size, null, null]
    : [memory.project, memory.agent, memory.session, memory.kind, memory.state, memory.at, memory.trust, memory.text, memory.data, size, memory.model, row.bytes ?? null]
  unit.sql.run(upsertMemory, [seq, place.id, row.version, ...values])
  unit.documents.grow(size - before)
}

const columns = ['seq', 'id', 'version', 'project', 'agent', 'session', 'kind', 'state', 'at', 'trust', 'text', 'data', 'bytes', 'model', 'vector']
const upsertMemory = `INSERT INTO memories (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${columns.filter((name) => name !== 'id').map((name) => `${name} = excluded.${name}`).join(', ')}`

/** A session lives on as a whole, as long as its longest write says. */
function longest(unit: Unit, hash: string, expires: number | undefined): number | null {
  const { until } = unit.sql.get<{ until: number | null }>('SELECT max(expires) AS until FROM documents WHERE key >= ? AND key < ? AND value IS NOT NULL', [`${hash}#`, `${hash}$`])!
  return expires === undefined ? until : Math.max(expires, until ?? 0)
}

function slide(unit: Unit, hash: string, expires: number): void {
  unit.sql.run('UPDATE documents SET expires = ? WHERE key >= ? AND key < ? AND value IS NOT NULL AND expires < ?', [expires, `${hash}#`, `${hash}$`, expires])
}
