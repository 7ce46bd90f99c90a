import type { Command } from './space.ts'

/** How one kind of model is run, one state and one event at a time. `V` is what properties get to see of a state `S`. */
export interface Stepper<S, V, E> {
  readonly name: string
  /** May throw: that is a finding. */
  initial(): { state: S; commands: readonly Command[] }[]
  events(state: S): readonly E[]
  /** The next state, or undefined when the event is ignored. May throw: that is a finding. Leaves the commands in `commands`. */
  step(state: S, event: E): S | undefined
  readonly commands: readonly Command[]
  /** What tells the state apart from others, as a list of values; meant to be plain data. */
  told(state: S): readonly unknown[]
  view(state: S): V
  show(state: S): unknown
  ended(state: S): boolean
  /** The state with its data replaced; where it is in its states stays. */
  rename(state: S, data: (value: unknown) => unknown): S
  coverage(): { neverTaken: string[]; neverEntered: string[] }
  readonly assumptions: readonly string[]
}
