import type { TransitionTable } from './table.ts'

/** What to do next on a tour of every transition: take this event (its position among the state's events), or begin anew. */
export type TourStep = { event: number } | 'reset'

/**
 * A walk over a table that takes every transition, with as few resets as a greedy walk gets by with: an untaken transition of the current state first,
 * else the shortest way to a state that has one, else a reset.
 */
export class Tour {
  readonly #untaken: Set<number>[]
  #left: number
  /** Events on the way to a state with an untaken transition. */
  #way: number[] = []

  constructor(readonly table: TransitionTable) {
    this.#untaken = table.next.map((events) => new Set(events.keys()))
    this.#left = table.next.reduce((sum, events) => sum + events.length, 0)
  }

  get left(): number {
    return this.#left
  }

  /** What to do in `state`; undefined when all is done. */
  step(state: number): TourStep | undefined {
    if (this.#left === 0) return undefined
    if (this.#way.length === 0) {
      const [untaken] = this.#untaken[state] ?? []
      if (untaken !== undefined) return { event: untaken }
      const way = this.#wayFrom(state)
      if (way === undefined) return state === 0 ? undefined : 'reset'
      this.#way = way
    }
    return { event: this.#way.shift()! }
  }

  taken(state: number, event: number): void {
    if (this.#untaken[state]!.delete(event)) this.#left--
  }

  #wayFrom(start: number): number[] | undefined {
    const from = new Map<number, { state: number; event: number }>([[start, { state: -1, event: -1 }]])
    for (const state of from.keys()) {
      if ((this.#untaken[state]?.size ?? 0) > 0) {
        const way: number[] = []
        for (let step = from.get(state)!; step.state >= 0; step = from.get(step.state)!) way.push(step.event)
        return way.reverse()
      }
      this.table.next[state]?.forEach((next, event) => {
        if (!from.has(next)) from.set(next, { state, event })
      })
    }
    return undefined
  }
}
