import type { MemoryKind, MemoryState, ScopeFilter } from '../types.ts'
import { kindCode, stateCode } from './columns.ts'
import type { Columns } from './columns.ts'
import type { Names } from './names.ts'

/** Which rows a request may see. */
export interface Selection {
  scope: ScopeFilter
  kinds?: readonly MemoryKind[]
  since?: number
  until?: number
  minTrust?: number
  includeStates?: readonly MemoryState[]
}

export type Filter = (ordinal: number) => boolean

/**
 * The one place where scopes are enforced: every list of candidates, and every neighbour, passes through what this returns
 * before it is ranked. `undefined`: no row can match.
 */
export function compileFilter(columns: Columns, names: Names, selection: Selection): Filter | undefined {
  const tests: Filter[] = []
  for (const part of ['project', 'agent', 'session'] as const) {
    const wanted = selection.scope[part]
    if (wanted === undefined) continue
    const code = names.find(wanted)
    if (code === undefined) return undefined
    const cells = columns[part]
    tests.push((ordinal) => cells[ordinal] === code)
  }
  const { state, kind, at, trust } = columns
  const stateBits = bits((selection.includeStates ?? ['live']).map(stateCode))
  tests.push((ordinal) => (stateBits >> state[ordinal]!) & 1 ? true : false)
  if (selection.kinds !== undefined) {
    const kindBits = bits(selection.kinds.map(kindCode))
    tests.push((ordinal) => (kindBits >> kind[ordinal]!) & 1 ? true : false)
  }
  const { since, until, minTrust } = selection
  if (since !== undefined) tests.push((ordinal) => at[ordinal]! >= since)
  if (until !== undefined) tests.push((ordinal) => at[ordinal]! <= until)
  if (minTrust !== undefined) {
    // The column rounds to 32 bits: so must the bound, or 0.7 would be less than 0.7.
    const least = Math.fround(minTrust)
    tests.push((ordinal) => trust[ordinal]! >= least)
  }
  const [first, second, third] = tests
  if (third !== undefined) return (ordinal) => tests.every((test) => test(ordinal))
  return second === undefined ? first : (ordinal) => first!(ordinal) && second(ordinal)
}

function bits(codes: readonly number[]): number {
  return codes.reduce((all, code) => all | (1 << code), 0)
}
