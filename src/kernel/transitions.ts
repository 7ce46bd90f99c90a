import { channel } from 'node:diagnostics_channel'

/** One step of a running machine, as it is told before its commands are carried out. */
export interface Transition {
  /** Id of the machine. */
  readonly machine: string
  /** Id of the actor, or the name of what the machine runs for, as it is when the run begins. */
  readonly actor: string
  /** The same object for all steps of one run of the machine. */
  readonly instance: object
  /** Of the actor, where it has one. */
  readonly incarnation?: number
  /** Whether it is a machine of the user: what is in its events and context is not known to be harmless. */
  readonly foreign?: true
  /** Absent for the beginning, which has an `input`. */
  readonly event?: { readonly type: string }
  readonly input?: unknown
  readonly snapshot: { readonly value: unknown; readonly status: string; readonly context: unknown }
  readonly commands: readonly { readonly type: string; readonly params?: unknown }[]
}

/**
 * Every transition of the machines that run in this process. Ask `hasSubscribers` before making the message: nobody listens
 * unless a run is recorded. Subscribers get `Transition`s, see them as they are (nothing may be changed or kept), and must not throw.
 */
export const transitions = channel('hivemind:transition')
