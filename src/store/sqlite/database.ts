import type { SqlRow } from './binding.ts'
import type { Client } from './client.ts'
import type { SqlParam } from './params.ts'

export type { SqlParam } from './params.ts'
export type { SqlRow } from './binding.ts'

/**
 * SQL on the store's own file, run on its worker. Placeholders are `?`; values are strings, numbers, bigints within 2^53,
 * null and Uint8Array, anything else is refused with `InvalidArgument`. Make tables of your own, and leave the store's alone.
 */
export interface Database {
  run(sql: string, params?: readonly SqlParam[]): Promise<{ changes: number }>
  /** Reads rows; runs outside the write transaction, so that nothing but queries belongs here. */
  all(sql: string, params?: readonly SqlParam[]): Promise<SqlRow[]>
  /** All or nothing, in order. */
  batch(statements: readonly { sql: string; params?: readonly SqlParam[] }[]): Promise<{ changes: number }[]>
}

export function createDatabase(client: Client): Database {
  return {
    run: (sql, params = []) => client.call('runStatement', { sql, params }, sizeOf(params)),
    all: (sql, params = []) => client.call('allRows', { sql, params }, sizeOf(params)),
    batch: (statements) => client.call('runAll', { statements }, statements.reduce((bytes, { params = [] }) => bytes + sizeOf(params), 100)),
  }
}

function sizeOf(params: readonly SqlParam[]): number {
  return params.reduce<number>((bytes, param) => bytes + (typeof param === 'string' ? param.length : param instanceof Uint8Array ? param.byteLength : 8), 100)
}
