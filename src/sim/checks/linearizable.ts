/** One call as its caller saw it. */
export interface Operation<Call> {
  call: Call
  /** Between these moments it took effect; until `Infinity`, and perhaps never, when its caller was not told how it went. */
  from: number
  to: number
}

/** What the calls would do one after the other. */
export interface SequentialModel<State, Call> {
  init: State
  /** The state after the call, or `undefined` when it could not have been answered as it was. */
  step(state: State, operation: Operation<Call>): State | undefined
  /** Tells states apart. */
  key(state: State): string
}

/** States after which it is left undecided, and counts as right. */
const mostStates = 50_000

/**
 * Whether there is an order of the calls, none before it began or after it ended, in which each could have been answered as it
 * was (Wing and Gong, with the memory of Lowe). For small histories of one key.
 */
export function isLinearizable<State, Call>(history: readonly Operation<Call>[], model: SequentialModel<State, Call>): boolean {
  const operations = [...history].sort((a, b) => a.from - b.from)
  const done = operations.map(() => false)
  const seen = new Set<string>()
  let first = 0

  /** With the calls before `first` done, and of those after it the ones that are marked. */
  function search(state: State): boolean {
    const before = first
    while (first < operations.length && done[first]) first++
    let deadline = Infinity
    let open = false
    const candidates: number[] = []
    const marks: number[] = []
    for (let index = first; index < operations.length; index++) {
      const { from, to } = operations[index]!
      if (done[index]) {
        marks.push(index)
        continue
      }
      if (from > deadline && to !== Infinity) {
        open = true
        break
      }
      deadline = Math.min(deadline, to)
      if (to !== Infinity) open = true
      candidates.push(index)
    }
    // What is left may never have happened.
    if (!open) return restore(before, true)
    const name = `${first}|${marks.join()}|${model.key(state)}`
    if (seen.has(name)) return restore(before, false)
    if (seen.size >= mostStates) return restore(before, true)
    seen.add(name)
    // Those that perhaps never happened come last: most histories need few of them.
    candidates.sort((a, b) => Number(operations[a]!.to === Infinity) - Number(operations[b]!.to === Infinity) || a - b)
    for (const index of candidates) {
      const operation = operations[index]!
      if (operation.from > deadline) continue
      const next = model.step(state, operation)
      if (next === undefined) continue
      done[index] = true
      if (search(next)) return true
      done[index] = false
    }
    return restore(before, false)
  }

  function restore(to: number, result: boolean): boolean {
    first = to
    return result
  }

  return search(model.init)
}
