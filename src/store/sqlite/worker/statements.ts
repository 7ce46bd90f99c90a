import type { SqlRow } from '../binding.ts'
import type { SqlParam } from '../params.ts'
import type { Unit } from './unit.ts'

export interface Statement {
  sql: string
  params?: readonly SqlParam[]
}

/** How many rows it changed. */
export function runStatement(unit: Unit, { sql, params }: Statement): { changes: number } {
  return { changes: unit.sql.run(sql, params) }
}

export function allRows(unit: Unit, { sql, params }: Statement): SqlRow[] {
  return unit.sql.all(sql, params)
}

/** All or nothing: a failure undoes the transaction this runs in. */
export function runAll(unit: Unit, { statements }: { statements: readonly Statement[] }): { changes: number }[] {
  return statements.map((statement) => runStatement(unit, statement))
}
