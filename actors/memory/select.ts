import { InvalidArgument } from '../../src/kernel/errors.ts'
import type { SqlParam, SqlRow } from '../../src/store/sqlite/database.ts'
import { idsOf, timeOf } from './input.ts'
import type { View } from './parts.ts'
import { kindsOf } from './recall.ts'
import { checkScope, isEmpty, isWithin, narrow } from './scope.ts'
import type { MemoryState, Scope, Selection } from './types.ts'
import { memoryKey, scopeOf } from './value.ts'
import type { Value } from './value.ts'

const known = new Set(['ids', 'scope', 'kinds', 'before', 'all'])
const pageRows = 1_000

/** A condition on the table of memories with its parameters: the one place where SQL meets a scope. */
export function scopeCondition(scope: Scope): { where: string; params: SqlParam[] } {
  const given = (['project', 'agent', 'session'] as const).flatMap((name) => (scope[name] === undefined ? [] : [[name, scope[name]] as const]))
  return { where: given.map(([name]) => ` AND ${name} = ?`).join(''), params: given.map(([, value]) => value) }
}

/**
 * Ids of the memories that a selection means and this view may touch, in the given states. Throws `InvalidArgument` for one that
 * would take everything without saying so.
 */
export async function select(view: View, selection: Selection, states: readonly MemoryState[]): Promise<{ ids: string[]; scope: Scope }> {
  if (typeof selection !== 'object' || selection === null) throw new InvalidArgument('selection', 'must be an object with ids, or with a scope')
  const unknown = Object.keys(selection).find((name) => !known.has(name))
  if (unknown !== undefined) throw new InvalidArgument(unknown, `is not known: a selection has ${[...known].join(', ')}`)
  if ('ids' in selection) return { ids: await selectIds(view, idsOf(selection.ids, 'ids'), states), scope: view.scope }

  const asked = checkScope(selection.scope)
  const scope = narrow(view.scope, asked)
  if (isEmpty(scope) && selection.all !== true) throw new InvalidArgument('scope', 'must name a project, agent or session; to mean every memory there is, say all: true')
  const { where, params } = scopeCondition(scope)
  const kinds = selection.kinds === undefined ? [] : kindsOf(selection.kinds)
  const conditions = [
    `state IN (${states.map(() => '?').join()})`,
    ...(kinds.length > 0 ? [`kind IN (${kinds.map(() => '?').join()})`] : []),
    ...(selection.before !== undefined ? ['at < ?'] : []),
  ]
  const values = [...states, ...kinds, ...(selection.before !== undefined ? [timeOf(selection.before, 'before')] : [])]
  const ids: string[] = []
  for (let after = 0; ;) {
    const rows = await view.database.all(`SELECT num, id FROM memories WHERE ${conditions.join(' AND ')}${where} AND num > ? ORDER BY num LIMIT ${pageRows}`, [...values, ...params, after])
    for (const { id } of rows) ids.push(String(id))
    if (rows.length < pageRows) return { ids, scope }
    after = Number((rows.at(-1) as SqlRow)['num'])
  }
}

/** Those that are there and within the view: of others nobody is told whether they exist. */
async function selectIds(view: View, ids: readonly string[], states: readonly MemoryState[]): Promise<string[]> {
  const found = await view.documents.get(ids.map(memoryKey))
  return ids.filter((_, index) => {
    const value = found[index]?.value as Value | undefined
    return value !== undefined && states.includes(value.state) && isWithin(view.scope, scopeOf(value))
  })
}
