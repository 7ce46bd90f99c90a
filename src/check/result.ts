import type { PathStep } from './space.ts'

export type ProblemKind = 'invariant' | 'step' | 'deadlock' | 'unreachable' | 'leads-to' | 'vacuous' | 'throw' | 'nondeterministic' | 'truncated'

/** What leads to a problem, as plain JSON: feed it to `replay`. */
export interface Replay<E = unknown> {
  machine: string
  input?: unknown
  /** Which initial state, when a model has several. */
  root: number
  events: readonly E[]
  /** Events that then go round for ever. */
  loop?: readonly E[]
}

export interface Problem<E = unknown> {
  kind: ProblemKind
  /** Name of the property, or of what was looked for. */
  property: string
  /** One sentence. */
  message: string
  /** A shortest path to the problem, from the initial state (whose event is null). Empty when there is none to show. */
  path: PathStep<E>[]
  /** For a leads-to property: what then repeats for ever. Empty: nothing happens any more. */
  loop?: PathStep<E>[]
  replay?: Replay<E>
}

export interface CheckResult<E = unknown> {
  machine: string
  /** No problem was found and every reachable state was seen. */
  ok: boolean
  /** Every reachable state was seen. */
  exhaustive: boolean
  states: number
  /** Steps with an effect. */
  transitions: number
  /** Length of the longest shortest path. */
  depth: number
  ms: number
  problems: Problem<E>[]
  /** Declared transitions that no reachable state takes, and offered events that none heeds. */
  neverTaken: string[]
  neverEntered: string[]
  /** What was taken for granted. */
  assumptions: string[]
}
