/** A command a machine asked for: a named action and its params. */
export interface Command {
  type: string
  /** As the action got them; `any`, since every command has params of its own. */
  params: any
}

/** One step of a counterexample. `event` is null for the initial state. */
export interface PathStep<E> {
  event: E | null
  /** A plain picture of the state after the event. */
  state: unknown
  commands?: readonly Command[]
  /** What was thrown, when the event could not be carried out. */
  error?: string
}

/** What a space tells about the successors of a state. */
export interface Visitor {
  /**
   * An event led to `target`. `fresh`: seen for the first time. `effect`: the state changed, or a command left;
   * an event without effect was ignored.
   */
  successor(target: number, fresh: boolean, effect: boolean): void
  /** The event could not be carried out. */
  fault(kind: 'throw' | 'nondeterministic', message: string): void
}

/**
 * Numbered states and how to get from one to the next. States are numbered in the order they are found, from 0; so are events.
 * Between two calls of the visitor, `taken`, `before`, `after` and `commands` describe the step just taken.
 */
export interface Space<V, E> {
  readonly name: string
  readonly size: number
  roots(visit: (state: number, fresh: boolean) => void, fault: (message: string) => void): void
  /** Takes every event that is possible in `state`. Each state is expanded at most once, in order. */
  expand(state: number, visitor: Visitor): void
  /** The number of its event; events that nobody asks for get none. */
  readonly taken: number
  readonly before: V
  readonly after: V
  readonly commands: readonly Command[]
  /** The state last expanded has come to its declared end: nothing is expected to happen any more. */
  readonly ended: boolean
  /** Events that were numbered so far. */
  readonly eventCount: number
  event(number: number): E
  /** Pictures of the states along the path that these events take from the `root`th initial state. */
  path(root: number, events: readonly E[]): PathStep<E>[]
  /** Declared transitions that were never taken and state nodes that were never entered so far. */
  coverage(): { neverTaken: string[]; neverEntered: string[] }
  /** What was taken for granted, in words. */
  readonly assumptions: readonly string[]
}
