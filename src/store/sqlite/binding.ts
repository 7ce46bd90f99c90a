import LibsqlDatabase from 'libsql'
import { InvalidArgument, StoreCorrupt, StoreFull, StoreMisconfigured, StoreUnavailable, messageOf } from '../../kernel/errors.ts'
import { checkParams, countPlaceholders } from './params.ts'
import type { SqlParam } from './params.ts'

export type SqlValue = string | number | null | Uint8Array
export type SqlRow = Record<string, SqlValue>

interface Prepared {
  statement: LibsqlDatabase.Statement
  placeholders: number
}

/** Statements kept prepared; the store's own are about seventy. */
const preparedLimit = 256

/**
 * The only door to libsql, which aborts the whole process on some values, cuts strings at NUL, binds integers as REAL and
 * ignores surplus parameters and further statements: every value is checked, or the call throws `InvalidArgument`.
 * Synchronous: runs on the writer worker. Errors of SQLite come out as the store's tagged errors.
 */
export class Connection {
  readonly #path: string
  readonly #database: LibsqlDatabase.Database
  readonly #prepared = new Map<string, Prepared>()
  #open = true

  constructor(path: string) {
    this.#path = path
    try {
      this.#database = new LibsqlDatabase(path)
    } catch (error) {
      throw storeError(path, error)
    }
  }

  /** Runs one statement and returns how many rows it changed (0 for a statement with RETURNING: use `get`). */
  run(sql: string, params: readonly SqlParam[] = []): number {
    return this.#guard(() => this.#prepare(sql, params).run(checkParams(params)).changes)
  }

  all<Row extends object = SqlRow>(sql: string, params: readonly SqlParam[] = []): Row[] {
    const rows = this.#guard(() => this.#prepare(sql, params).all(checkParams(params))) as Row[]
    for (const row of rows) bytesOf(row)
    return rows
  }

  /** The first row. */
  get<Row extends object = SqlRow>(sql: string, params: readonly SqlParam[] = []): Row | undefined {
    const row = this.#guard(() => this.#prepare(sql, params).get(checkParams(params))) as Row | undefined
    if (row !== undefined) bytesOf(row)
    return row
  }

  /** Runs a script of several statements without parameters. */
  exec(script: string): void {
    if (typeof script !== 'string' || script.includes('\0')) throw new InvalidArgument('sql', 'must be a string without NUL')
    this.#guard(() => this.#database.exec(script))
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#prepared.clear()
    this.#database.close()
  }

  #prepare(sql: string, params: readonly SqlParam[]): LibsqlDatabase.Statement {
    let prepared = this.#prepared.get(sql)
    if (prepared === undefined) {
      const placeholders = countPlaceholders(sql)
      prepared = { statement: this.#database.prepare(sql), placeholders }
      if (this.#prepared.size >= preparedLimit) this.#prepared.clear()
      this.#prepared.set(sql, prepared)
    }
    if (!Array.isArray(params)) throw new InvalidArgument('params', 'must be an array')
    if (params.length !== prepared.placeholders) throw new InvalidArgument('params', `${params.length} values for ${prepared.placeholders} placeholders in "${sql}"`)
    return prepared.statement
  }

  #guard<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw storeError(this.#path, error)
    }
  }
}

/** libsql returns blobs as ArrayBuffer. */
function bytesOf(row: object): void {
  const cells = row as Record<string, unknown>
  for (const name in cells) {
    if (cells[name] instanceof ArrayBuffer) cells[name] = new Uint8Array(cells[name])
  }
}

/** SQLite's primary result codes. */
const codes = { busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 } as const

function storeError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof InvalidArgument) return error
  switch (primaryCode(error)) {
    case codes.busy:
    case codes.locked:
      return new StoreUnavailable(`${path} stayed locked by another process: try again, or look for a process that hangs in a transaction`, error)
    case codes.readonly:
    case codes.cantopen:
      return new StoreMisconfigured(`${path} cannot be opened for writing: make its folder writable for this user, or choose another one (HIVEMIND_DATA_DIR)`, error)
    case codes.ioerr:
      return new StoreUnavailable(`reading or writing ${path} failed: check the disk`, error)
    case codes.corrupt:
    case codes.notadb:
      return new StoreCorrupt(`${path} is damaged (${messageOf(error)}): it is set aside, never deleted, when it is next opened`, error)
    case codes.full:
      return new StoreFull(`no space left for ${path}: free some disk space; nothing of this call was stored`, error)
    default:
      return error
  }
}

function primaryCode(error: Error): number | undefined {
  const raw = (error as { rawCode?: unknown }).rawCode
  if (typeof raw === 'number') return raw & 0xff
  // A failed open carries its code in the message only.
  const code = /ConnectionFailed\(.*: (\d+)"\)/.exec(error.message)?.[1]
  return code === undefined ? undefined : Number(code) & 0xff
}
