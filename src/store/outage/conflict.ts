import type { Append, StoredRecord } from '../ports.ts'

/** Two sides of one thing that changed apart during an outage, or a write that the shared store would not take afterwards. */
export type Conflict =
  | {
    kind: 'record'
    /** The node that wrote `ours`. */
    node: string
    /** Version both sides started from (0: it did not exist). */
    base: number
    /** Without a value the record was deleted on our side. */
    ours: { value?: unknown; ttlMs?: number }
    /** What the shared store held when the journal was replayed; absent: it was deleted there. */
    theirs?: StoredRecord
  }
  | {
    kind: 'document'
    node: string
    base: number
    /** `bytes` in base64. */
    ours: { value?: unknown; bytes?: string; ttlMs?: number }
    theirs?: StoredRecord
  }
  | {
    kind: 'write'
    node: string
    /** What the shared store said. */
    reason: string
    /** A post it refused (room full or gone), or another write that it will not take. */
    ours: { room: string; appends: readonly Append[] } | { write: unknown }
  }

export interface KeptConflict {
  id: string
  /** Key of the record, or name of the room. */
  subject: string
  /** Wall time, ms. */
  at: number
  conflict: Conflict
}

/**
 * `ours` writes our version over theirs, `theirs` drops ours, `both` leaves theirs under its key and keeps ours as a record of
 * its own under `<key>:ours:<conflict id>`.
 */
export type Resolution = 'ours' | 'theirs' | 'both'
