import type { Input } from '../base/input.ts'
import { Cursor } from './cursor.ts'
import { TermsFile } from './terms-file.ts'

/** Bytes of postings that are kept from one search to the next. */
const cacheBytes = 16 << 20

/** The inverted index of the base: read from its files as far as a query needs it. */
export class BaseKeywords {
  readonly #terms: TermsFile
  readonly #postings: Input
  readonly #cache = new Map<string, Uint8Array>()
  #cached = 0

  constructor(terms: Input, postings: Input) {
    this.#terms = new TermsFile(terms)
    this.#postings = postings
  }

  rowsWith(term: string): number {
    return this.#terms.find(term)?.rows ?? 0
  }

  cursor(term: string): Cursor | undefined {
    const entry = this.#terms.find(term)
    return entry === undefined ? undefined : new Cursor(this.#read(term, entry.offset, entry.bytes), entry.rows)
  }

  #read(term: string, offset: number, bytes: number): Uint8Array {
    let posting = this.#cache.get(term)
    if (posting !== undefined) {
      // Last in the map: used last.
      this.#cache.delete(term)
      this.#cache.set(term, posting)
      return posting
    }
    posting = this.#postings.read(offset, bytes)
    this.#cached += bytes
    this.#cache.set(term, posting)
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cached <= cacheBytes || oldest === term) break
      this.#cache.delete(oldest)
      this.#cached -= length
    }
    return posting
  }
}
