import type { Columns } from '../rows/columns.ts'
import { gone } from '../rows/columns.ts'

/** The rows of the delta by session, in the order of what they tell. */
export class DeltaSessions {
  readonly #columns: Columns
  readonly #sessions = new Map<number, number[]>()

  constructor(columns: Columns) {
    this.#columns = columns
  }

  add(ordinal: number): void {
    if (this.#columns.session[ordinal] === 0) return
    const key = this.#key(ordinal)
    const rows = this.#sessions.get(key)
    if (rows === undefined) this.#sessions.set(key, [ordinal])
    else rows.splice(this.#position(rows, ordinal), 0, ordinal)
  }

  remove(ordinal: number): void {
    const rows = this.#sessions.get(this.#key(ordinal))
    const index = rows?.indexOf(ordinal) ?? -1
    if (index !== -1) rows!.splice(index, 1)
  }

  /** The rows of the delta next to this row, which may be one of the base. */
  around(ordinal: number): { before?: number; after?: number } {
    const rows = this.#sessions.size === 0 ? undefined : this.#sessions.get(this.#key(ordinal))
    if (rows === undefined) return {}
    const index = this.#position(rows, ordinal)
    return { before: rows[index - 1], after: rows[index] === ordinal ? rows[index + 1] : rows[index] }
  }

  #key(ordinal: number): number {
    return this.#columns.project[ordinal]! * 2 ** 26 + this.#columns.session[ordinal]!
  }

  /** Where it is, or belongs. */
  #position(rows: readonly number[], ordinal: number): number {
    let [low, high] = [0, rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(this.#columns, rows[middle]!, ordinal)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The order within a session: by time, then as stored. */
export function isBefore({ at, num }: Columns, one: number, other: number): boolean {
  return at[one]! < at[other]! || (at[one] === at[other] && num[one]! < num[other]!)
}

/** The row before and the row after one in its session. The rows below `baseRows` lie in the order of project, session, time and number. */
export function neighboursIn(columns: Columns, baseRows: number, delta: DeltaSessions): (ordinal: number) => number[] {
  const { session, state } = columns

  function inBase(of: number, from: number, step: 1 | -1): number | undefined {
    for (let at = from; at >= 0 && at < baseRows; at += step) {
      if (!sameSession(columns, at, of)) return undefined
      if (state[at] !== gone) return at
    }
    return undefined
  }

  return (ordinal) => {
    if (session[ordinal] === 0) return []
    const place = ordinal < baseRows ? ordinal : firstNotBefore(columns, baseRows, ordinal)
    const baseBefore = inBase(ordinal, place - 1, -1)
    const baseAfter = inBase(ordinal, place === ordinal ? place + 1 : place, 1)
    const { before, after } = delta.around(ordinal)
    const nearest = [
      before === undefined || (baseBefore !== undefined && isBefore(columns, before, baseBefore)) ? baseBefore : before,
      after === undefined || (baseAfter !== undefined && isBefore(columns, baseAfter, after)) ? baseAfter : after,
    ]
    return nearest.filter((row) => row !== undefined)
  }
}

function sameSession({ project, session }: Columns, one: number, other: number): boolean {
  return session[one] === session[other] && project[one] === project[other]
}

/** The first row of the base that does not come before this one. */
function firstNotBefore(columns: Columns, baseRows: number, ordinal: number): number {
  const { project, session } = columns
  let [low, high] = [0, baseRows]
  while (low < high) {
    const middle = (low + high) >> 1
    const order = project[middle]! - project[ordinal]! || session[middle]! - session[ordinal]!
    if (order < 0 || (order === 0 && isBefore(columns, middle, ordinal))) low = middle + 1
    else high = middle
  }
  return low
}
