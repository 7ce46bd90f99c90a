import { Columns } from '../rows/columns.ts'
import { BaseUnusable } from './manifest.ts'

/** In the order of the file: wide cells first, so that each array begins where its cells may. */
const cells = ['at', 'num', 'project', 'agent', 'session', 'textHash', 'trust', 'length', 'kind', 'state', 'place'] as const
const rowBytes = 8 + 6 * 4 + 2 + 3

export function encodeColumns(columns: Columns): Uint8Array {
  const bytes = new Uint8Array(columns.count * rowBytes)
  let at = 0
  for (const name of cells) {
    const array = columns[name].subarray(0, columns.count)
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at)
    at += array.byteLength
  }
  return bytes
}

/** Fills empty columns with the rows of a base. */
export function decodeColumns(bytes: Uint8Array, rows: number, columns: Columns): void {
  if (bytes.byteLength !== rows * rowBytes) throw new BaseUnusable(`its columns have ${bytes.byteLength} bytes for ${rows} rows`)
  columns.count = rows
  const target = columns as unknown as Record<string, ArrayLike<number>>
  let at = bytes.byteOffset
  for (const name of cells) {
    const type = columns[name].constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => Uint8Array
    target[name] = new type(bytes.buffer, at, rows)
    at += target[name].length * columns[name].BYTES_PER_ELEMENT
  }
  for (let ordinal = 0; ordinal < rows; ordinal++) columns.setOrdinal(columns.num[ordinal]!, ordinal)
}
