import type { Connection } from '../binding.ts'

/** The number of the last change of a document in this file, and the bytes of all memories. Written back once, by `flush`. */
export class DocumentTotals {
  readonly #sql: Connection
  #totals: { seq: number; bytes: number } | undefined
  #changed = false

  constructor(sql: Connection) {
    this.#sql = sql
  }

  get seq(): number {
    return this.#read().seq
  }

  get bytes(): number {
    return this.#read().bytes
  }

  /** Something was put: this transaction is to be told to those who follow. */
  get changed(): boolean {
    return this.#changed
  }

  /** The number of the next change. */
  next(): number {
    this.#changed = true
    return ++this.#read().seq
  }

  grow(bytes: number): void {
    this.#read().bytes += bytes
  }

  /** Last step before the transaction is committed. */
  flush(): void {
    if (this.#changed) this.#sql.run('UPDATE document_totals SET seq = ?, bytes = ?', [this.seq, this.bytes])
  }

  #read(): { seq: number; bytes: number } {
    return (this.#totals ??= this.#sql.get<{ seq: number; bytes: number }>('SELECT seq, bytes FROM document_totals') ?? { seq: 0, bytes: 0 })
  }
}
