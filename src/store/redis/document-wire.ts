import { StoreCorrupt } from '../../kernel/errors.ts'
import type { DocumentRow } from '../document-row.ts'

/** Digits of a version: so many that text compares as numbers do. */
const digits = 16

export function versionText(version: number): string {
  return String(version).padStart(digits, '0')
}

/** What follows the version in the store: text, or raw bytes when the document carries some. */
export function contentOf({ json, bytes, erased }: DocumentRow): string | Buffer {
  if (json === undefined) return erased ? '!' : '-'
  const head = `${Buffer.byteLength(json)} ${json}`
  return bytes === undefined ? head : Buffer.concat([Buffer.from(head), bytes])
}

const blank = 0x20
const dash = 0x2d
const bang = 0x21

/** Reads what is kept under a key, and returns what is wrong with it instead when it is no document. */
export function readPacked(key: string, packed: Buffer, expires?: number): DocumentRow | StoreCorrupt {
  const version = Number(packed.toString('latin1', 0, digits))
  const mark = packed[digits + 1]
  if (packed[digits] !== blank || mark === undefined || !Number.isSafeInteger(version)) return corrupt(key)
  if (mark === dash || mark === bang) return { key, version, ...(mark === bang && { erased: true }) }
  const space = packed.indexOf(blank, digits + 1)
  const length = Number(packed.toString('latin1', digits + 1, space))
  const end = space + 1 + length
  if (space < 0 || !Number.isSafeInteger(length) || end > packed.length) return corrupt(key)
  return {
    key, version, json: packed.toString('utf8', space + 1, end),
    ...(end < packed.length && { bytes: Uint8Array.from(packed.subarray(end)) }), ...(expires !== undefined && { expires }),
  }
}

function corrupt(key: string): StoreCorrupt {
  return new StoreCorrupt(`${key} in the shared store is no document of ours: remove or repair it`)
}
