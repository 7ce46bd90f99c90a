/**
 * How the rows of one term lie in the file. Rows come in rising order, in blocks of 128; a term of more than one block begins with
 * a table of them, so that a search can pass over blocks that cannot matter:
 *
 *     table   per block: u32 last ordinal, u32 where its rows end (from the end of the table), u16 greatest frequency, u16 least length
 *     rows    per row: varint (difference of ordinals * 2 + (frequency > 1)), then varint frequency - 2 when it is
 *
 * Differences count from -1 at the start of each term, and go on from block to block.
 */
export const blockRows = 128
export const tableEntryBytes = 12

/** Writes the rows of a term into `target`, which must have room (`postingBytes`), and returns how many bytes that took. */
export function encodePosting(target: Uint8Array, ordinals: Uint32Array, frequencies: Uint16Array, lengths: Uint16Array): number {
  const rows = ordinals.length
  const blocks = Math.ceil(rows / blockRows)
  const tableBytes = blocks > 1 ? blocks * tableEntryBytes : 0
  const table = new DataView(target.buffer, target.byteOffset, tableBytes)
  let at = tableBytes
  let previous = -1
  for (let block = 0; block < blocks; block++) {
    const end = Math.min(rows, (block + 1) * blockRows)
    let [most, least] = [0, 65_535]
    for (let row = block * blockRows; row < end; row++) {
      const ordinal = ordinals[row]!
      const frequency = frequencies[row]!
      at = putVarint(target, at, (ordinal - previous) * 2 + (frequency > 1 ? 1 : 0))
      if (frequency > 1) at = putVarint(target, at, frequency - 2)
      previous = ordinal
      most = Math.max(most, frequency)
      least = Math.min(least, lengths[ordinal]!)
    }
    if (tableBytes === 0) continue
    table.setUint32(block * tableEntryBytes, previous, true)
    table.setUint32(block * tableEntryBytes + 4, at - tableBytes, true)
    table.setUint16(block * tableEntryBytes + 8, most, true)
    table.setUint16(block * tableEntryBytes + 10, least, true)
  }
  return at
}

export function postingBytes(rows: number): number {
  return rows * 8 + Math.ceil(rows / blockRows) * tableEntryBytes
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  // Not by shifts: an ordinal times two may have 33 bits.
  while (rest >= 0x80) {
    target[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  target[position++] = rest
  return position
}
