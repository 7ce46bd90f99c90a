import { Ints } from './ints.ts'
import type { Space } from './space.ts'

/** Called while the states are found. Steps without effect are reported too. */
export interface Watch {
  state(state: number): void
  step(from: number): void
  /** No event has an effect in `state`, and it is not a declared end. */
  stuck(state: number): void
  fault(from: number, event: number, kind: 'throw' | 'nondeterministic', message: string): void
}

/** The transitions with an effect, grouped by their source: those of state `s` are `offset.at(s)` to `offset.at(s + 1)`. */
export interface Edges {
  offset: Ints
  target: Ints
  event: Ints
}

export interface Exploration {
  states: number
  transitions: number
  /** Steps of the longest shortest path. */
  depth: number
  /** False when `maxStates` was met, or a machine that gives two answers to one question stopped the exploration. */
  exhaustive: boolean
  truncated: boolean
  /** State from which each state was first reached; -1 - r for the r-th initial state. */
  parent: Ints
  /** The event it was first reached by. */
  via: Ints
  edges?: Edges
}

/** Breadth first, so that the path by `parent` is a shortest one. */
export function explore<V, E>(space: Space<V, E>, watch: Watch, options: { maxStates: number; edges: boolean }): Exploration {
  const parent = new Ints()
  const via = new Ints()
  const edges = options.edges ? { offset: new Ints(), target: new Ints(), event: new Ints() } : undefined
  let transitions = 0
  let depth = 0
  let expanding = 0
  let effects = 0
  let contradicted = false

  const found = (from: number, event: number, state: number): void => {
    parent.push(from)
    via.push(event)
    watch.state(state)
  }
  const visitor = {
    successor(target: number, fresh: boolean, effect: boolean): void {
      if (effect) {
        transitions++
        effects++
        if (edges) {
          edges.target.push(target)
          edges.event.push(space.taken)
        }
      }
      if (fresh) found(expanding, space.taken, target)
      watch.step(expanding)
    },
    fault(kind: 'throw' | 'nondeterministic', message: string): void {
      effects++
      if (kind === 'nondeterministic') contradicted = true
      watch.fault(expanding, space.taken, kind, message)
    },
  }

  let root = 0
  space.roots((state, fresh) => {
    root++
    if (fresh) found(-root, -1, state)
  }, (message) => watch.fault(-1, -1, 'throw', message))

  let level = space.size
  for (; expanding < space.size && space.size <= options.maxStates && !contradicted; expanding++) {
    if (expanding === level) {
      depth++
      level = space.size
    }
    effects = 0
    edges?.offset.push(edges.target.length)
    space.expand(expanding, visitor)
    if (effects === 0 && !space.ended) watch.stuck(expanding)
  }
  edges?.offset.push(edges.target.length)
  const exhaustive = expanding === space.size && !contradicted
  return { states: space.size, transitions, depth, exhaustive, truncated: !exhaustive && !contradicted, parent, via, edges }
}

/** The initial state (its number among the roots) and the events that lead to `state` on a shortest path. */
export function pathTo({ parent, via }: Exploration, state: number): { root: number; events: number[] } {
  const events: number[] = []
  let current = state
  while (parent.at(current) >= 0) {
    events.push(via.at(current))
    current = parent.at(current)
  }
  return { root: -1 - parent.at(current), events: events.reverse() }
}

/** Steps from the nearest initial state to each state. */
export function depthsOf({ parent, states }: Exploration): Int32Array {
  const depths = new Int32Array(states)
  for (let state = 0; state < states; state++) depths[state] = parent.at(state) < 0 ? 0 : depths[parent.at(state)]! + 1
  return depths
}
