import type { ScopeFilter } from '../types.ts'
import type { Columns } from './columns.ts'
import type { Names } from './names.ts'

export interface Range {
  from: number
  /** Not included. */
  to: number
}

/**
 * Where the rows of a scope can lie in the base, whose rows are in the order of project and session: a project, or a session of a
 * project, is one range. It narrows a search; what may be seen is for the filter to say.
 */
export function scopeRange({ project, session }: Columns, names: Names, baseRows: number, scope: ScopeFilter): Range {
  if (scope.project === undefined) return { from: 0, to: baseRows }
  const wanted = names.find(scope.project) ?? -1
  const inProject = { from: firstFrom(project, 0, baseRows, wanted), to: firstFrom(project, 0, baseRows, wanted + 1) }
  if (scope.session === undefined) return inProject
  const code = names.find(scope.session) ?? -1
  return { from: firstFrom(session, inProject.from, inProject.to, code), to: firstFrom(session, inProject.from, inProject.to, code + 1) }
}

/** The first of a sorted stretch of cells that is not below `value`. */
function firstFrom(cells: Uint32Array, from: number, to: number, value: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (cells[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
