const chunkBits = 15
const chunkStates = 1 << chunkBits

/**
 * Vectors of small integers, numbered in the order in which they are added; equal vectors share a number. Exact (no hash stands for a vector),
 * and small: 2 bytes a field as long as all values are below 65,536, and an open-addressed index of 4 bytes a slot.
 */
export class PackedVectors {
  #chunks: (Uint16Array | Int32Array)[] = []
  #wide = false
  #index = new Int32Array(1 << 12).fill(-1)
  size = 0
  /** Whether the last `add` met the vector for the first time. */
  fresh = false

  constructor(readonly width: number) {}

  add(vector: Int32Array): number {
    if ((this.size + 1) * 5 > this.#index.length * 3) this.#grow()
    if (!this.#wide) this.#widen(vector)
    const mask = this.#index.length - 1
    let slot = hashOf(vector) & mask
    for (;;) {
      const number = this.#index[slot]!
      if (number === -1) break
      if (this.#holds(number, vector)) {
        this.fresh = false
        return number
      }
      slot = (slot + 1) & mask
    }
    const number = this.size++
    this.#index[slot] = number
    this.#put(number, vector)
    this.fresh = true
    return number
  }

  read(number: number, into: Int32Array): void {
    const chunk = this.#chunks[number >> chunkBits]!
    const base = (number & (chunkStates - 1)) * this.width
    for (let field = 0; field < this.width; field++) into[field] = chunk[base + field]!
  }

  /** Memory in use, with the slack of what grows. */
  get bytes(): number {
    return this.#index.byteLength + this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  }

  #put(number: number, vector: Int32Array): void {
    const at = number >> chunkBits
    if (at === this.#chunks.length) this.#chunks.push(this.#newChunk())
    this.#chunks[at]!.set(vector, (number & (chunkStates - 1)) * this.width)
  }

  #holds(number: number, vector: Int32Array): boolean {
    const chunk = this.#chunks[number >> chunkBits]!
    const base = (number & (chunkStates - 1)) * this.width
    for (let field = 0; field < vector.length; field++) if (chunk[base + field] !== vector[field]) return false
    return true
  }

  #newChunk(): Uint16Array | Int32Array {
    return this.#wide ? new Int32Array(chunkStates * this.width) : new Uint16Array(chunkStates * this.width)
  }

  #widen(vector: Int32Array): void {
    for (let field = 0; field < vector.length; field++) {
      if (vector[field]! >= 0 && vector[field]! < 65_536) continue
      this.#wide = true
      this.#chunks = this.#chunks.map((chunk) => Int32Array.from(chunk))
      return
    }
  }

  #grow(): void {
    const index = new Int32Array(this.#index.length * 2).fill(-1)
    const mask = index.length - 1
    const vector = new Int32Array(this.width)
    for (let number = 0; number < this.size; number++) {
      this.read(number, vector)
      let slot = hashOf(vector) & mask
      while (index[slot] !== -1) slot = (slot + 1) & mask
      index[slot] = number
    }
    this.#index = index
  }
}

function hashOf(vector: Int32Array): number {
  let hash = 0x9e3779b9 | 0
  for (let field = 0; field < vector.length; field++) {
    hash = Math.imul(hash ^ vector[field]!, 0x85ebca6b)
    hash ^= hash >>> 13
  }
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
