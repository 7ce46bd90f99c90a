import type { Carried } from './ask.ts'
import type { Timer } from './clock.ts'
import type { Scope } from './scope.ts'
import type { Message } from './types.ts'

/** What waits in a mailbox. */
export type Item = Message | Carried

/** A handler that returned a promise and has not settled. */
export class Flight {
  readonly item: Item
  readonly scope: Scope
  /** `clock.monotonic()` */
  readonly since: number
  deadline: Timer | undefined
  /** Resolves when the handler has settled, whichever way. */
  settled: Promise<void> | undefined
  /** Its actor has given up on it: whatever comes is ignored. */
  abandoned = false

  constructor(item: Item, scope: Scope, since: number) {
    this.item = item
    this.scope = scope
    this.since = since
  }
}
