import type { Timer } from '../../src/kernel/clock.ts'
import { compareEntryIds, type CommitResult, type EntryId } from '../../src/store/ports.ts'
import type { Delivery } from './delivery.ts'
import type { PreparedEffects } from './effects.ts'
import type { RoomNode } from './node.ts'

/** Entries handled whose cursor move has not been sent. */
const maxWaiting = 256
/** The cursor follows within this time (ms), or after this many entries: one move for all of them. After a crash they come again. */
const followMs = 20
const followEntries = 64

export interface Position {
  /** Up to here everything was handled, and the store knows. */
  cursor: EntryId
}

/** Moves the stored cursor of a member: with effects or a dead letter at once, else soon, for many entries together. */
export class Cursor {
  private waiting: Delivery[] = []
  private sent: Delivery[] = []
  private timer: Timer | undefined
  private hurried = false

  constructor(private readonly node: RoomNode, private readonly room: string, private readonly member: string, private readonly position: Position, private readonly onMoved: () => void) {}

  get idle(): boolean {
    return this.waiting.length === 0 && this.sent.length === 0
  }

  /** No more should be handled before some have been acknowledged. */
  get full(): boolean {
    return this.waiting.length >= maxWaiting
  }

  /** Acknowledges an entry without effects. */
  add(delivery: Delivery): void {
    this.waiting.push(delivery)
    this.follow()
  }

  /** From now on it does not wait for more. */
  hurry(): void {
    this.hurried = true
    this.send()
  }

  abandon(reason: unknown): void {
    this.timer?.cancel()
    for (const delivery of [...this.sent, ...this.waiting]) delivery.abandon(reason)
  }

  move(entry: EntryId, effects: PreparedEffects | undefined, dead: { reason: string; attempts: number } | undefined, done: (result: CommitResult | undefined, error?: unknown) => void): void {
    this.node.committer.add({ kind: 'cursor', room: this.room, member: this.member, owner: this.node.owner(), entry, effects, dead }, (result, error) => {
      if (result?.ok && compareEntryIds(entry, this.position.cursor) > 0) this.position.cursor = entry
      done(result, error)
    })
  }

  private follow(): void {
    if (this.waiting.length >= followEntries || this.hurried) this.send()
    else if (this.waiting.length > 0) this.timer ??= this.node.clock.timer(followMs, () => this.send(), { background: true })
  }

  private send(): void {
    this.timer?.cancel()
    this.timer = undefined
    if (this.sent.length > 0 || this.waiting.length === 0) return
    this.sent = this.waiting
    this.waiting = []
    const target = this.sent.map(({ entry }) => entry).reduce((last, entry) => (compareEntryIds(entry, last) > 0 ? entry : last))
    this.move(target, undefined, undefined, (result, error) => {
      const covered = this.sent
      this.sent = []
      // A later move of ours went first.
      const passed = result && !result.ok && result.reason === 'stale' && compareEntryIds(target, this.position.cursor) <= 0
      for (const delivery of covered) delivery.committed(passed ? { ok: true, posted: [] } : result, error)
      this.follow()
      this.onMoved()
    })
  }
}
