import type { Command } from './space.ts'

/** Holds of one step. An event that is ignored is a step too: `after` is `before`, and there are no commands. */
export type StepProperty<V, E> = (before: V, event: E, after: V, commands: readonly Command[]) => boolean

/**
 * Actions a fair environment may not neglect: each entry is one action, given by the type of its event or by a test of the event.
 * `true` stands for every event type, each on its own.
 */
export type Fair<E> = true | readonly ((E extends { type: infer T } ? T : string) | ((event: E) => boolean))[]

/**
 * Wherever `from` holds, `to` holds then or later. Without fairness the environment may stop at any time, so that only a `from` that implies `to` passes:
 * name what cannot be withheld for ever.
 */
export interface LeadsTo<V, E> {
  from: (state: V) => boolean
  to: (state: V) => boolean
  /** Weak fairness: an action that stays possible is taken some time (a timer that runs fires, a pending reply arrives). */
  weak?: Fair<E>
  /** Strong fairness: an action that is possible again and again is taken some time (a message that is resent for ever gets through). */
  strong?: Fair<E>
}

export interface Properties<V, E> {
  /** Hold in every reachable state. */
  invariants?: Record<string, (state: V) => boolean>
  /** Hold in every step from every reachable state. */
  steps?: Record<string, StepProperty<V, E>>
  /** Hold in some reachable state. */
  reachable?: Record<string, (state: V) => boolean>
  leadsTo?: Record<string, LeadsTo<V, E>>
  /** States in which it is right that nothing more happens. Final states always are. */
  mayStop?: (state: V) => boolean
}
