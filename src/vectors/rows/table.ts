import { existsSync, statSync } from 'node:fs'
import { StoreUnavailable } from '../../kernel/errors.ts'
import { Connection } from '../../store/sqlite/binding.ts'
import type { SqlParam } from '../../store/sqlite/params.ts'

/** A row of the table `memories`, less what only an answer needs. */
export interface MemoryRow {
  num: number
  seq: number
  project: string
  agent: string
  session: string
  kind: string
  state: string
  at: number
  trust: number
  text: string
  model: string | null
  vector: Uint8Array | null
}

export interface Outline extends Omit<MemoryRow, 'seq' | 'text' | 'vector'> {
  id: string
  vectorBytes: number | null
}

export interface FullRow extends Omit<MemoryRow, 'seq' | 'model' | 'vector'> {
  id: string
  version: number
  data: string
}

const columns = 'num, seq, project, agent, session, kind, state, at, trust, text, model, vector'

/** A connection of its own that only reads. The table is made by the store; until it is there the folder has no memories. */
export class MemoryTable {
  readonly #path: string
  #connection: Connection | undefined
  #inode = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Whether the file is another one than at the last call: it was set aside, or put back from a backup. */
  open(): { replaced: boolean } {
    const inode = existsSync(this.#path) ? statSync(this.#path).ino : 0
    if (this.#connection !== undefined && inode === this.#inode) return { replaced: false }
    const replaced = this.#connection !== undefined
    this.close()
    if (inode !== 0) {
      this.#connection = new Connection(this.#path)
      this.#connection.exec('PRAGMA query_only = ON; PRAGMA busy_timeout = 5000')
    }
    this.#inode = inode
    return { replaced }
  }

  /** Everything that `read` reads is of one moment. */
  snapshot<T>(read: () => T): T {
    const connection = this.#connection
    if (connection === undefined) return read()
    connection.exec('BEGIN')
    try {
      return read()
    } finally {
      if (connection.inTransaction) connection.exec('COMMIT')
    }
  }

  lastSeq(): number {
    return this.#get<{ seq: number | null }>('SELECT max(seq) AS seq FROM memories')?.seq ?? 0
  }

  changesAfter(seq: number, limit: number): MemoryRow[] {
    return this.#all<MemoryRow>(`SELECT ${columns} FROM memories WHERE seq > ? ORDER BY seq LIMIT ?`, [seq, limit])
  }

  countAfter(seq: number): number {
    return this.#get<{ count: number }>('SELECT count(*) AS count FROM memories WHERE seq > ?', [seq])?.count ?? 0
  }

  /** Rows by number, whatever their state: to read the whole table page by page. */
  page(afterNum: number, limit: number): MemoryRow[] {
    return this.#all<MemoryRow>(`SELECT ${columns} FROM memories WHERE num > ? ORDER BY num LIMIT ?`, [afterNum, limit])
  }

  /** The same without texts and vectors. */
  outlines(afterNum: number, limit: number): Outline[] {
    return this.#all<Outline>(
      `SELECT num, id, project, agent, session, kind, state, at, trust, model, length(vector) AS vectorBytes FROM memories WHERE num > ? AND state <> 'gone' ORDER BY num LIMIT ?`,
      [afterNum, limit],
    )
  }

  /** Rows that have a vector. */
  vectors(afterNum: number, limit: number): { num: number; model: string | null; vector: Uint8Array }[] {
    return this.#all('SELECT num, model, vector FROM memories WHERE num > ? AND vector IS NOT NULL ORDER BY num LIMIT ?', [afterNum, limit])
  }

  idOf(num: number): string | undefined {
    return this.#get<{ id: string }>('SELECT id FROM memories WHERE num = ?', [num])?.id
  }

  /** Rows for an answer, in no order. */
  full(nums: readonly number[]): FullRow[] {
    return this.#all<FullRow>(
      `SELECT num, id, version, project, agent, session, kind, state, at, trust, text, data FROM memories WHERE num IN (SELECT value FROM json_each(?))`,
      [JSON.stringify(nums)],
    )
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  #get<Row extends object>(sql: string, params: readonly number[] = []): Row | undefined {
    return this.#read(() => this.#connection?.get<Row>(sql, params))
  }

  #all<Row extends object>(sql: string, params: readonly SqlParam[] = []): Row[] {
    return this.#read(() => this.#connection?.all<Row>(sql, params)) ?? []
  }

  #read<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (error instanceof Error && /no such table/.test(error.message)) return undefined
      if (error instanceof Error && error.name === 'TypeError') throw new StoreUnavailable(`${this.#path} cannot be read`, error)
      throw error
    }
  }
}
