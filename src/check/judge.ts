import { messageOf } from '../kernel/errors.ts'
import { depthsOf, pathTo, type Edges, type Exploration, type Watch } from './explore.ts'
import { fairActions } from './fairness.ts'
import { findUnfulfilled } from './liveness.ts'
import type { Properties, StepProperty } from './properties.ts'
import type { Problem, ProblemKind } from './result.ts'
import type { Space } from './space.ts'
import { describe } from './taker.ts'

/** A problem as states and events by number, before its path is drawn. */
interface Finding {
  kind: ProblemKind
  property: string
  message: string
  /** The path ends in this state, then goes by `then`. -1: there is no path. */
  state: number
  then: readonly number[]
  loop?: readonly number[]
}

/**
 * Holds the properties against the states and steps of a space as they are found. Each property is reported once, at the shortest path that breaks it.
 */
export class Judge<V, E> implements Watch {
  /** The fairness that the leads-to properties lean on. */
  readonly assumptions: string[] = []
  readonly #findings: Finding[] = []
  readonly #broken = new Set<string>()
  readonly #unreached: Map<string, (state: V) => boolean>
  readonly #invariants: [string, (state: V) => boolean][]
  readonly #steps: [string, StepProperty<V, E>][]
  readonly #promises: { name: string; from: number[]; to: number[] }[]

  constructor(readonly space: Space<V, E>, readonly properties: Properties<V, E>) {
    this.#invariants = Object.entries(properties.invariants ?? {})
    this.#steps = Object.entries(properties.steps ?? {})
    this.#unreached = new Map(Object.entries(properties.reachable ?? {}))
    this.#promises = Object.keys(properties.leadsTo ?? {}).map((name) => ({ name, from: [], to: [] }))
  }

  state(state: number): void {
    const { space, properties } = this
    const view = space.after
    for (const [name, holds] of this.#invariants) {
      if (!this.#broken.has(`invariant ${name}`)) this.#ask('invariant', name, () => holds(view), 'does not hold', state)
    }
    for (const [name, holds] of this.#unreached) {
      this.#ask('unreachable', name, () => {
        if (holds(view)) this.#unreached.delete(name)
        return true
      }, '', state)
    }
    for (const promise of this.#promises) {
      const { from, to } = properties.leadsTo![promise.name]!
      this.#ask('leads-to', promise.name, () => {
        promise.from.push(from(view) ? 1 : 0)
        promise.to.push(to(view) ? 1 : 0)
        return true
      }, '', state)
    }
  }

  step(from: number): void {
    if (this.#steps.length === 0) return
    const { space } = this
    const { before, after, commands, taken } = space
    const event = space.event(taken)
    for (const [name, holds] of this.#steps) {
      if (!this.#broken.has(`step ${name}`)) this.#ask('step', name, () => holds(before, event, after, commands), 'does not hold for the last step', from, [taken])
    }
  }

  stuck(state: number): void {
    if (this.#broken.has('deadlock deadlock')) return
    const { mayStop } = this.properties
    this.#ask('deadlock', 'deadlock', () => mayStop?.(this.space.before) ?? false,
      `no event leads on from here, and ${mayStop === undefined ? 'no mayStop says that it may end here' : 'mayStop does not allow the end'}`, state)
  }

  fault(from: number, event: number, kind: 'throw' | 'nondeterministic', message: string): void {
    const property = event < 0 ? 'initial state' : typeName(this.space.event(event))
    if (this.#broken.has(`${kind} ${property}`)) return
    this.#find({ kind, property, message, state: from, then: event < 0 ? [] : [event] })
  }

  /** What can only be said once everything was seen. */
  conclude(exploration: Exploration, maxStates: number): void {
    if (exploration.truncated) {
      const open = [
        ...(this.#promises.length > 0 ? ['leads-to properties were not checked'] : []),
        ...(this.#unreached.size > 0 ? [`not seen so far: ${[...this.#unreached.keys()].join(', ')}`] : []),
      ]
      const { root, events } = pathTo(exploration, exploration.states - 1)
      const last = describe(this.space.path(root, events.map((event) => this.space.event(event))).at(-1)!.state)
      const message = [`stopped after ${exploration.states} states (maxStates ${maxStates}): what lies beyond is unknown`, ...open].join('; ')
        + `. If that is more than expected, look for what grows in the last state found, ${exploration.depth} steps away: ${last.slice(0, 500)}`
      this.#find({ kind: 'truncated', property: 'maxStates', message, state: -1, then: [] })
    }
    if (!exploration.exhaustive) return
    for (const name of this.#unreached.keys()) {
      this.#find({ kind: 'unreachable', property: name, message: 'holds in no reachable state', state: -1, then: [] })
    }
    for (const promise of this.#promises) {
      if (!this.#broken.has(`leads-to ${promise.name}`)) this.#fulfilled(promise, exploration, exploration.edges!)
    }
  }

  #fulfilled({ name, from, to }: { name: string; from: number[]; to: number[] }, exploration: Exploration, edges: Edges): void {
    if (!from.includes(1)) {
      this.#find({ kind: 'vacuous', property: name, message: 'its "from" holds in no reachable state, so that it says nothing', state: -1, then: [] })
      return
    }
    const fair = fairActions(this.space, this.properties.leadsTo![name]!, this.space.eventCount)
    if (fair.names.length > 0) this.assumptions.push(`"${name}" is held under ${fair.names.join(', ')}`)
    const lasso = findUnfulfilled(exploration.states, edges, depthsOf(exploration), from, to, fair)
    if (!lasso) return
    const under = fair.names.length === 0 ? 'without any fairness (name what cannot be withheld for ever in `weak` or `strong`)' : `under ${fair.names.join(', ')}`
    const message = `"from" holds and "to" need never come, ${under}: ${lasso.loop.length === 0 ? 'nothing more happens' : 'the loop may go on for ever'}`
    this.#find({ kind: 'leads-to', property: name, message, state: lasso.start, then: lasso.stem, loop: lasso.loop })
  }

  /** Asks a property; a property that throws is broken there. */
  #ask(kind: ProblemKind, property: string, holds: () => boolean, message: string, state: number, then: readonly number[] = []): void {
    let text = message
    try {
      if (holds()) return
    } catch (error) {
      text = `the property itself throws: ${messageOf(error)}`
      if (this.#broken.has(`${kind} ${property}`)) return
    }
    this.#find({ kind, property, message: text, state, then })
  }

  #find(finding: Finding): void {
    this.#broken.add(`${finding.kind} ${finding.property}`)
    this.#findings.push(finding)
  }

  /** The problems with their paths. */
  problems(exploration: Exploration, input: unknown): Problem<E>[] {
    const { space } = this
    return this.#findings.map(({ kind, property, message, state, then, loop }) => {
      if (state < 0) return { kind, property, message, path: [] }
      const { root, events } = pathTo(exploration, state)
      const named = (numbers: readonly number[]): E[] => numbers.map((number) => space.event(number))
      const there = named([...events, ...then])
      const round = loop && named(loop)
      const steps = space.path(root, [...there, ...(round ?? [])])
      // As they are in the path: a space that merges what is alike names them otherwise.
      const taken = steps.slice(1).map(({ event }) => event!)
      return {
        kind,
        property,
        message,
        path: steps.slice(0, there.length + 1),
        ...(round && { loop: steps.slice(there.length + 1) }),
        replay: { machine: space.name, ...(input === undefined ? {} : { input }), root, events: taken.slice(0, there.length), ...(round && { loop: taken.slice(there.length) }) },
      }
    })
  }
}

function typeName(event: unknown): string {
  return typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : JSON.stringify(event)
}
