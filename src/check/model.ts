import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import { describe } from './taker.ts'

/** A plain model: no machine, just a state and what may happen to it. */
export interface Model<S, E> {
  name?: string
  /** The initial state, or a function that gives several. */
  init: S | (() => readonly S[])
  /** The events possible in a state. */
  events: readonly E[] | ((state: S) => readonly E[])
  /** The state after the event; undefined when it cannot happen in this state. */
  next(state: S, event: E): S | undefined
  /** Commands that leave with the step. */
  commands?(state: S, event: E, next: S): readonly Command[]
  /** What tells states apart; the whole state by default. Must be plain data. */
  key?(state: S): unknown
  /** A picture of the state for people. */
  show?(state: S): unknown
}

export function isModel(value: unknown): value is Model<unknown, unknown> {
  return typeof value === 'object' && value !== null && 'init' in value && typeof (value as { next?: unknown }).next === 'function'
}

export function modelStepper<S, E>(model: Model<S, E>): Stepper<S, S, E> {
  const { events, key, show } = model
  const taken = new Set<string>()
  const labels = new Set<string>()
  const labelOf = (event: E): string => (typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : describe(event))
  let commands: readonly Command[] = []
  return {
    name: model.name ?? 'model',
    initial: () => (typeof model.init === 'function' ? (model.init as () => readonly S[])() : [model.init]).map((state) => ({ state, commands: [] })),
    events: typeof events === 'function' ? events : () => events,
    step(state, event) {
      const next = model.next(state, event)
      labels.add(labelOf(event))
      if (next !== undefined) taken.add(labelOf(event))
      commands = (next !== undefined && model.commands?.(state, event, next)) || []
      return next
    },
    get commands() {
      return commands
    },
    told: key === undefined ? (state) => [state] : (state) => [key(state)],
    view: (state) => state,
    show: (state) => (show === undefined ? state : show(state)),
    ended: () => false,
    rename: (state, data) => data(state) as S,
    coverage: () => ({ neverTaken: [...labels].filter((label) => !taken.has(label)), neverEntered: [] }),
    assumptions: key === undefined ? [] : ['states are told apart by the model\'s own key: states it merges are taken to behave alike'],
  }
}
