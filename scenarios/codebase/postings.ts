const pageBytes = 1 << 20
const pointerBytes = 4
/** Slices grow with the list they hold: a rare word costs 12 bytes, a common one little more than its data. */
const sliceBytes = [12, 20, 36, 68, 132, 260, 516, 1028, 2052]
/** Longest entry: two varints of five bytes. */
const entryBytes = 10

/**
 * Posting lists in a few large buffers, outside the heap: per term the passages that hold it, as varint deltas with the
 * count of occurrences. A list is a chain of slices; the last four bytes of a slice point to the next.
 */
export class Postings {
  #pages: Uint8Array[] = []
  #used = pageBytes
  #terms = 0
  #hashes = new Uint32Array(2 << 10)
  #slots = new Uint32Array(1 << 10)
  #head = new Uint32Array(1 << 9)
  #tail = new Uint32Array(1 << 9)
  #end = new Uint32Array(1 << 9)
  #last = new Uint32Array(1 << 9)
  #count = new Uint32Array(1 << 9)
  #level = new Uint8Array(1 << 9)

  /** Bytes held, tables included. */
  get bytes(): number {
    return this.#pages.length * pageBytes + this.#hashes.byteLength + this.#slots.byteLength + this.#head.byteLength * 5 + this.#level.byteLength
  }

  get terms(): number {
    return this.#terms
  }

  /** Number of a term, or -1. `create` makes one. A term is known by 64 bits of hash. */
  find(buffer: Uint16Array, length: number, create: boolean): number {
    let low = 0x811c9dc5
    let high = 0x9747b28c
    for (let i = 0; i < length; i++) {
      const sign = buffer[i] ?? 0
      low = Math.imul(low ^ sign, 0x01000193)
      high = Math.imul(high ^ sign, 0x5bd1e995) ^ (high >>> 15)
    }
    low = (low ^ (low >>> 16)) >>> 0
    high >>>= 0
    const mask = this.#slots.length - 1
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const term = (this.#slots[at] ?? 0) - 1
      if (term < 0) return create ? this.#add(low, high, at) : -1
      if (this.#hashes[at * 2] === low && this.#hashes[at * 2 + 1] === high) return term
    }
  }

  /** In how many passages the term occurs. */
  count(term: number): number {
    return this.#count[term] ?? 0
  }

  /** Passages must be given in rising order. */
  append(term: number, passage: number, occurrences: number): void {
    if ((this.#end[term] ?? 0) - (this.#tail[term] ?? 0) < entryBytes) this.#extend(term)
    const delta = passage - (this.#last[term] ?? 0)
    this.#varint(term, delta * 2 + (occurrences === 1 ? 1 : 0))
    if (occurrences !== 1) this.#varint(term, occurrences)
    this.#last[term] = passage
    this.#count[term] = this.count(term) + 1
  }

  each(term: number, visit: (passage: number, occurrences: number) => void): void {
    let at = this.#head[term] ?? 0
    let level = 0
    let end = at + (sliceBytes[0] ?? 0) - pointerBytes
    let passage = 0
    for (let left = this.count(term); left > 0; left--) {
      if (end - at < entryBytes) {
        at = this.#pointer(end)
        level = Math.min(level + 1, sliceBytes.length - 1)
        end = at + (sliceBytes[level] ?? 0) - pointerBytes
      }
      const page = this.#pages[Math.floor(at / pageBytes)] as Uint8Array
      let offset = at % pageBytes
      const start = offset
      let value = 0
      let scale = 1
      let byte = page[offset++] ?? 0
      while (byte > 127) {
        value += (byte & 127) * scale
        scale *= 128
        byte = page[offset++] ?? 0
      }
      value += byte * scale
      passage += Math.floor(value / 2)
      let occurrences = 1
      if (value % 2 === 0) {
        occurrences = 0
        scale = 1
        byte = page[offset++] ?? 0
        while (byte > 127) {
          occurrences += (byte & 127) * scale
          scale *= 128
          byte = page[offset++] ?? 0
        }
        occurrences += byte * scale
      }
      at += offset - start
      visit(passage, occurrences)
    }
  }

  #varint(term: number, value: number): void {
    const at = this.#tail[term] ?? 0
    const page = this.#pages[Math.floor(at / pageBytes)] as Uint8Array
    let offset = at % pageBytes
    const start = offset
    let rest = value
    while (rest > 127) {
      page[offset++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    page[offset++] = rest
    this.#tail[term] = at + offset - start
  }

  #add(low: number, high: number, at: number): number {
    if ((this.#terms + 1) * 2 > this.#slots.length) {
      this.#rehash()
      const mask = this.#slots.length - 1
      at = low & mask
      while ((this.#slots[at] ?? 0) !== 0) at = (at + 1) & mask
    }
    const term = this.#terms++
    if (term >= this.#head.length) this.#grow()
    this.#slots[at] = term + 1
    this.#hashes[at * 2] = low
    this.#hashes[at * 2 + 1] = high
    const slice = this.#allocate(sliceBytes[0] ?? 0)
    this.#head[term] = this.#tail[term] = slice
    this.#end[term] = slice + (sliceBytes[0] ?? 0) - pointerBytes
    return term
  }

  #extend(term: number): void {
    const level = Math.min((this.#level[term] ?? 0) + 1, sliceBytes.length - 1)
    const size = sliceBytes[level] ?? 0
    const slice = this.#allocate(size)
    const at = this.#end[term] ?? 0
    new DataView((this.#pages[Math.floor(at / pageBytes)] as Uint8Array).buffer).setUint32(at % pageBytes, slice)
    this.#level[term] = level
    this.#tail[term] = slice
    this.#end[term] = slice + size - pointerBytes
  }

  #pointer(at: number): number {
    return new DataView((this.#pages[Math.floor(at / pageBytes)] as Uint8Array).buffer).getUint32(at % pageBytes)
  }

  #allocate(size: number): number {
    if (this.#used + size > pageBytes) {
      this.#pages.push(new Uint8Array(pageBytes))
      this.#used = 0
    }
    const at = (this.#pages.length - 1) * pageBytes + this.#used
    this.#used += size
    return at
  }

  #rehash(): void {
    const [slots, hashes] = [this.#slots, this.#hashes]
    this.#slots = new Uint32Array(slots.length * 2)
    this.#hashes = new Uint32Array(hashes.length * 2)
    const mask = this.#slots.length - 1
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === 0) continue
      const low = hashes[i * 2] ?? 0
      let at = low & mask
      while ((this.#slots[at] ?? 0) !== 0) at = (at + 1) & mask
      this.#slots[at] = slots[i] ?? 0
      this.#hashes[at * 2] = low
      this.#hashes[at * 2 + 1] = hashes[i * 2 + 1] ?? 0
    }
  }

  #grow(): void {
    const longer = (table: Uint32Array): Uint32Array<ArrayBuffer> => {
      const next = new Uint32Array(table.length * 2)
      next.set(table)
      return next
    }
    this.#head = longer(this.#head)
    this.#tail = longer(this.#tail)
    this.#end = longer(this.#end)
    this.#last = longer(this.#last)
    this.#count = longer(this.#count)
    const level = new Uint8Array(this.#level.length * 2)
    level.set(this.#level)
    this.#level = level
  }
}
