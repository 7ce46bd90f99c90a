import type { AnyMachineSnapshot } from 'xstate'

/** A state of a machine, as a snapshot of its place and a context. The snapshot of both is only made when somebody looks at it. */
export interface Placed {
  /** Everything but the context. */
  readonly at: AnyMachineSnapshot
  readonly context: unknown
  snapshot: AnyMachineSnapshot | undefined
}

export function placed(snapshot: AnyMachineSnapshot): Placed {
  return { at: snapshot, context: snapshot.context, snapshot }
}

export function snapshotOf(state: Placed): AnyMachineSnapshot {
  return (state.snapshot ??= { ...state.at, context: state.context } as AnyMachineSnapshot)
}
