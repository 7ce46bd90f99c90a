import { createHash } from 'node:crypto'
import type { Document, MemoryValue } from '../../src/store/ports.ts'
import { catalogue, documentPlace } from '../../src/store/keys.ts'
import type { MemoryKind, MemoryRecord, Scope } from './types.ts'

/** The document of a memory: what the store reads of it, and what is kept with it. */
export interface Value extends MemoryValue {
  storedAt: number
  source: string
  validTo?: number
  supersededBy?: string
  forgottenAt?: number
  derivedFrom?: string[]
  metadata?: Record<string, unknown>
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** 130 bits: two memories never share an id by chance. */
const idLength = 26

/**
 * The id of a memory is made from what it says and where it belongs: the same thing stored twice, by any node at any time, is one
 * memory. Case, spacing and the full stop at the end make no difference.
 */
export function memoryId(kind: MemoryKind, scope: Scope, text: string): string {
  const plain = text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').replace(/[\s.!;,]+$/, '').trim()
  const digest = createHash('sha256').update(JSON.stringify([kind, scope.project ?? '', scope.agent ?? '', scope.session ?? '', plain])).digest()
  let id = ''
  let bits = 0
  let held = 0
  for (const byte of digest) {
    held = ((held << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5 && id.length < idLength) {
      bits -= 5
      id += base32.charAt((held >> bits) & 31)
    }
  }
  return id
}

export const memoryKey = catalogue.memory.build

export function idOf(key: string): string {
  const place = documentPlace(key)
  return place.family === 'memory' ? place.id : key
}

export function scopeOf({ project, agent, session }: Pick<MemoryValue, 'project' | 'agent' | 'session'>): Scope {
  return { ...(project && { project }), ...(agent && { agent }), ...(session && { session }) }
}

export function toRecord(document: Document): MemoryRecord {
  const { project, agent, session, model: _, ...rest } = document.value as Value
  return { id: idOf(document.key), version: document.version, ...rest, scope: scopeOf({ project, agent, session }) }
}

/** int8 with the scale behind it, as the recall index reads it: 260 bytes for 256 numbers. */
export function packVector(vector: Float32Array): Uint8Array {
  let most = 0
  for (const value of vector) most = Math.max(most, Math.abs(value))
  const scale = most / 127
  const bytes = new Uint8Array(vector.length + 4)
  const ints = new Int8Array(bytes.buffer, 0, vector.length)
  if (scale > 0) for (let index = 0; index < vector.length; index++) ints[index] = Math.round((vector[index] as number) / scale)
  new DataView(bytes.buffer).setFloat32(vector.length, scale, true)
  return bytes
}
