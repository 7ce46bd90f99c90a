import type { Input } from '../base/input.ts'
import { termHash } from './term-hash.ts'

/**
 * The terms of the base: a hash table in a file, of which only the head is kept in memory.
 *
 *     head      u32 bits, u32 terms, u32[2^bits + 1] first record of each bucket (a bucket: the top bits of `high`)
 *     records   u32 high, u32 low, u32 rows, u32 offset, u32 bytes of its posting
 */
export interface TermEntry {
  rows: number
  offset: number
  bytes: number
}

const recordWords = 5
const recordsInBucket = 16

export interface TermRecord extends TermEntry {
  high: number
  low: number
}

export function encodeTerms(records: readonly TermRecord[]): Uint8Array {
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(1, records.length / recordsInBucket))))
  const buckets = 2 ** bits
  const starts = new Uint32Array(buckets + 1)
  for (const { high } of records) starts[(high >>> (32 - bits)) + 1]!++
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!
  const words = new Uint32Array(2 + buckets + 1 + records.length * recordWords)
  words.set([bits, records.length])
  words.set(starts, 2)
  const next = starts.slice()
  for (const { high, low, rows, offset, bytes } of records) {
    const record = next[high >>> (32 - bits)]!++
    words.set([high, low, rows, offset, bytes], 2 + buckets + 1 + record * recordWords)
  }
  return new Uint8Array(words.buffer)
}

const cacheLimit = 20_000

export class TermsFile {
  readonly #input: Input
  readonly #bits: number
  readonly #starts: Uint32Array
  readonly #cache = new Map<string, TermEntry | undefined>()

  constructor(input: Input) {
    this.#input = input
    this.#bits = new Uint32Array(input.read(0, 4).buffer)[0]!
    this.#starts = new Uint32Array(input.read(8, 4 * (2 ** this.#bits + 1)).buffer)
  }

  find(term: string): TermEntry | undefined {
    if (this.#cache.has(term)) return this.#cache.get(term)
    if (this.#cache.size >= cacheLimit) this.#cache.clear()
    const entry = this.#look(term)
    this.#cache.set(term, entry)
    return entry
  }

  #look(term: string): TermEntry | undefined {
    const { high, low } = termHash(term)
    const bucket = high >>> (32 - this.#bits)
    const [first, end] = [this.#starts[bucket]!, this.#starts[bucket + 1]!]
    const words = new Uint32Array(this.#input.read(8 + 4 * (this.#starts.length + first * recordWords), 4 * recordWords * (end - first)).buffer)
    for (let at = 0; at < words.length; at += recordWords) {
      if (words[at] === high && words[at + 1] === low) return { rows: words[at + 2]!, offset: words[at + 3]!, bytes: words[at + 4]! }
    }
    return undefined
  }
}
