import { components } from './components.ts'
import type { Edges } from './explore.ts'
import type { FairActions } from './fairness.ts'

/** A run that breaks a leads-to property: to `state`, then round `loop` for ever (empty: nothing happens any more). */
export interface Lasso {
  /** A state where `from` holds; the run reaches it on a shortest path. */
  start: number
  /** Events from `start` to the first state of the loop. */
  stem: number[]
  loop: number[]
}

/** The graph of the states in which the goal has not been met yet. */
interface Graph {
  size: number
  edges: Edges
  waiting: (state: number) => boolean
  /** Actions possible in a state. */
  enabled: Int32Array
  fair: FairActions
}

/**
 * Finds a fair run from a state where `from` holds that never meets `to`. Each state may also be left alone for ever (stutter),
 * which is fair when no fair action is owed there.
 */
export function findUnfulfilled(size: number, edges: Edges, depth: ArrayLike<number>, from: ArrayLike<number>, to: ArrayLike<number>, fair: FairActions): Lasso | undefined {
  const waiting = (state: number): boolean => to[state] !== 1
  const enabled = new Int32Array(size)
  for (let state = 0; state < size; state++) {
    for (let edge = edges.offset.at(state); edge < edges.offset.at(state + 1); edge++) enabled[state]! |= fair.of(edges.event.at(edge))
  }
  const graph: Graph = { size, edges, waiting, enabled, fair }

  const starts: number[] = []
  for (let state = 0; state < size; state++) if (from[state] === 1 && waiting(state)) starts.push(state)
  const reached = search(graph, starts, () => false, waiting, depth)
  const fairSets = refine(graph, reached.order, waiting)
  if (fairSets.length === 0) return undefined

  const inSet = new Map<number, number[]>()
  for (const set of fairSets) for (const state of set) inSet.set(state, set)
  const entry = reached.order.find((state) => inSet.has(state))!
  const stem = reached.pathTo(entry)
  return { start: stem.start, stem: stem.events, loop: loopThrough(graph, entry, inSet.get(entry)!) }
}

/** Components in which a run can stay for ever without neglecting a fair action. */
function refine(graph: Graph, states: readonly number[], member: (state: number) => boolean): number[][] {
  const { edges, enabled, fair, size } = graph
  const kept: number[][] = []
  for (const component of components(states, member, edges, size)) {
    const set = new Set(component)
    const taken = actionsWithin(edges, component, set, fair)
    const alwaysPossible = component.reduce((bits, state) => bits & enabled[state]!, -1)
    if ((alwaysPossible & fair.weak & ~taken) !== 0) continue
    const neglected = fair.strong & ~taken & component.reduce((bits, state) => bits | enabled[state]!, 0)
    if (neglected === 0) {
      kept.push(component)
      continue
    }
    // A strongly fair action that no step inside takes: a run may stay only where it is not possible.
    const rest = component.filter((state) => (enabled[state]! & neglected) === 0)
    if (rest.length > 0) {
      const restSet = new Set(rest)
      kept.push(...refine(graph, rest, (state) => restSet.has(state)))
    }
  }
  return kept
}

function actionsWithin({ offset, target, event }: Edges, component: readonly number[], set: ReadonlySet<number>, fair: FairActions): number {
  let taken = 0
  for (const state of component) {
    for (let edge = offset.at(state); edge < offset.at(state + 1); edge++) if (set.has(target.at(edge))) taken |= fair.of(event.at(edge))
  }
  return taken
}

/** The events of a round trip from `entry` inside the component that owes nothing to any fair action. */
function loopThrough(graph: Graph, entry: number, component: readonly number[]): number[] {
  const { edges, enabled, fair } = graph
  const set = new Set(component)
  const inside = (state: number): boolean => set.has(state)
  const possible = component.reduce((bits, state) => bits | enabled[state]!, 0)
  const loop: number[] = []
  let current = entry
  let done = 0
  const owed = (): number => {
    const strong = fair.strong & possible & ~done
    return strong !== 0 ? strong : fair.weak & ~done
  }
  const notice = (state: number): void => {
    done |= fair.weak & ~enabled[state]!
  }
  notice(current)
  while (owed() !== 0) {
    const wanted = owed()
    const takes = (state: number): number => {
      for (let edge = edges.offset.at(state); edge < edges.offset.at(state + 1); edge++) {
        if (inside(edges.target.at(edge)) && (fair.of(edges.event.at(edge)) & wanted) !== 0) return edge
      }
      return -1
    }
    const excuses = (state: number): boolean => (fair.weak & wanted & ~enabled[state]!) !== 0
    const walk = search(graph, [current], (state) => takes(state) >= 0 || excuses(state), inside)
    const goal = walk.goal!
    loop.push(...walk.pathTo(goal).events)
    for (const state of walk.pathTo(goal).states) notice(state)
    current = goal
    const edge = takes(goal)
    if ((owed() & wanted) === wanted && edge >= 0) {
      loop.push(edges.event.at(edge))
      done |= fair.of(edges.event.at(edge))
      current = edges.target.at(edge)
      notice(current)
    }
  }
  if (current !== entry) loop.push(...search(graph, [current], (state) => state === entry, inside).pathTo(entry).events)
  return loop
}

/**
 * Breadth first from `starts` among the states in `inside`, until `isGoal`. With `depth`, a start counts as that many steps already gone
 * (starts come in the order of their depth), so that the whole run is a shortest one.
 */
function search({ edges, size }: Graph, starts: readonly number[], isGoal: (state: number) => boolean, inside: (state: number) => boolean, depth?: ArrayLike<number>) {
  const parent = new Int32Array(size).fill(-2)
  const via = new Int32Array(size)
  const steps = new Int32Array(size)
  const order: number[] = []
  let goal: number | undefined
  let started = 0
  for (let head = 0; ; head++) {
    while (started < starts.length && (head >= order.length || depth === undefined || depth[starts[started]!]! <= steps[order[head]!]!)) {
      const start = starts[started++]!
      if (parent[start] !== -2) continue
      parent[start] = -1
      steps[start] = depth?.[start] ?? 0
      order.push(start)
    }
    if (head >= order.length) break
    const state = order[head]!
    if (isGoal(state)) {
      goal = state
      break
    }
    for (let edge = edges.offset.at(state); edge < edges.offset.at(state + 1); edge++) {
      const next = edges.target.at(edge)
      if (parent[next] !== -2 || !inside(next)) continue
      parent[next] = state
      via[next] = edges.event.at(edge)
      steps[next] = steps[state]! + 1
      order.push(next)
    }
  }
  const pathTo = (state: number): { start: number; events: number[]; states: number[] } => {
    const events: number[] = []
    const states = [state]
    let current = state
    while (parent[current]! >= 0) {
      events.push(via[current]!)
      current = parent[current]!
      states.push(current)
    }
    return { start: current, events: events.reverse(), states: states.reverse() }
  }
  return { order, goal, pathTo }
}
