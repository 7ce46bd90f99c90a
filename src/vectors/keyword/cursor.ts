import { blockRows, tableEntryBytes } from './postings.ts'

/** Goes through the rows of one term in rising order, a block at a time. */
export class Cursor {
  readonly #bytes: Uint8Array
  readonly #rows: number
  readonly #blocks: number
  readonly #table: DataView
  readonly #body: number
  /** The rows of the block in hand. */
  readonly ordinals = new Uint32Array(blockRows)
  readonly frequencies = new Uint16Array(blockRows)
  #block = -1
  /** Of the block in hand. */
  rowsInBlock = 0

  constructor(bytes: Uint8Array, rows: number) {
    this.#bytes = bytes
    this.#rows = rows
    this.#blocks = Math.ceil(rows / blockRows)
    this.#body = this.#blocks > 1 ? this.#blocks * tableEntryBytes : 0
    this.#table = new DataView(bytes.buffer, bytes.byteOffset, this.#body)
  }

  get blocks(): number {
    return this.#blocks
  }

  get block(): number {
    return this.#block
  }

  /** Greatest ordinal of a block. */
  last(block: number): number {
    if (this.#body !== 0) return this.#table.getUint32(block * tableEntryBytes, true)
    this.load(0)
    return this.ordinals[this.rowsInBlock - 1]!
  }

  /** Bounds on the rows of a block: no frequency is greater, no length is less. */
  bounds(block: number, lengths: Uint16Array): { frequency: number; length: number } {
    if (this.#body !== 0) return { frequency: this.#table.getUint16(block * tableEntryBytes + 8, true), length: this.#table.getUint16(block * tableEntryBytes + 10, true) }
    this.load(0)
    let [frequency, length] = [0, 65_535]
    for (let row = 0; row < this.rowsInBlock; row++) {
      frequency = Math.max(frequency, this.frequencies[row]!)
      length = Math.min(length, lengths[this.ordinals[row]!]!)
    }
    return { frequency, length }
  }

  /** The first block, from `from` on, that may have this ordinal or a later one; `blocks` when there is none. */
  blockOf(ordinal: number, from: number): number {
    let [low, high] = [from, this.#blocks]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.last(middle) < ordinal) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Decodes a block. */
  load(block: number): void {
    if (block === this.#block) return
    this.#block = block
    this.rowsInBlock = Math.min(blockRows, this.#rows - block * blockRows)
    const bytes = this.#bytes
    let at = this.#body + (block === 0 ? 0 : this.#table.getUint32((block - 1) * tableEntryBytes + 4, true))
    let ordinal = block === 0 ? -1 : this.last(block - 1)
    const { ordinals, frequencies, rowsInBlock } = this
    for (let row = 0; row < rowsInBlock; row++) {
      let value = bytes[at++]!
      if (value >= 0x80) {
        value &= 0x7f
        for (let factor = 0x80, more = true; more; factor *= 0x80) {
          const byte = bytes[at++]!
          more = byte >= 0x80
          value += (byte & 0x7f) * factor
        }
      }
      ordinal += Math.floor(value / 2)
      ordinals[row] = ordinal
      let frequency = 1
      if (value % 2 === 1) {
        const byte = bytes[at++]!
        frequency = 2 + (byte & 0x7f)
        if (byte >= 0x80) {
          // At most 65,535: three bytes hold it.
          const next = bytes[at++]!
          frequency += (next & 0x7f) << 7
          if (next >= 0x80) frequency += bytes[at++]! << 14
        }
      }
      frequencies[row] = frequency
    }
  }

  /** How often the term is in this row, 0 when it is not. Asked with rising ordinals it goes on from where it is. */
  frequencyIn(ordinal: number): number {
    const start = this.#block === -1 || this.ordinals[0]! > ordinal ? 0 : this.#block
    const block = this.#block === start && this.ordinals[this.rowsInBlock - 1]! >= ordinal ? start : this.blockOf(ordinal, start)
    if (block >= this.#blocks) return 0
    this.load(block)
    let [low, high] = [0, this.rowsInBlock]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ordinals[middle]! < ordinal) low = middle + 1
      else high = middle
    }
    return this.ordinals[low] === ordinal && low < this.rowsInBlock ? this.frequencies[low]! : 0
  }
}
