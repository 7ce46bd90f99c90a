import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import { messageOf } from '../../src/kernel/errors.ts'
import { compareEntryIds, entrySequence, firstEntryId, type Append, type CommitResult, type EntryId } from '../../src/store/ports.ts'
import { Cursor, type Position } from './cursor.ts'
import { Deadlines } from './deadlines.ts'
import { Delivery, type DeliveryHost } from './delivery.ts'
import type { DeliveryTable, Ending } from './delivery-table.ts'
import { prepareEffects, type PreparedEffects } from './effects.ts'
import { maxStorePauseMs } from './limits.ts'
import type { KnownRoom, RoomNode } from './node.ts'
import type { ReaderControls, ReaderLife } from './reader.ts'
import { decodeEntry, type Decoded, type Tail } from './tail.ts'
import type { CommitRequest, RoomHandler, RoomMessage, Truncated } from './types.ts'
import { isRetryable } from './work.ts'

export interface MemberSpec {
  room: KnownRoom
  member: string
  handler: RoomHandler
  maxAttempts: number
  deadlineMs: number
  from: EntryId | 'end'
  onTruncated: ((truncated: Truncated) => void) | undefined
  /** Where the member stands, for whoever asks; kept over restarts. */
  position: Position
}

/** Posts of this node that wait to be handed over during an outage; more come later, as entries. */
const maxLocal = 1_000

/** One member of a room: every entry in order, one at a time, with a cursor that follows. */
export class MemberLife implements ReaderLife, DeliveryHost {
  readonly room: string
  readonly deadlines: Deadlines
  readonly table: DeliveryTable
  readonly clock: Clock
  readonly randomness: Randomness
  private phase: 'opening' | 'live' | 'paused' | 'stopping' = 'opening'
  private readonly tail: Tail
  /** Read, not begun. */
  private buffer: Decoded[] = []
  /** The last one read into the buffer. */
  private read: EntryId = firstEntryId
  /** The last one begun. */
  private begun: EntryId = firstEntryId
  private current: Delivery | undefined
  private readonly cursor: Cursor
  private more = true
  /** The room was told to have entries up to here. */
  private rungUpTo: EntryId = firstEntryId
  /** What we believe of our position is void: the stored cursor counts. */
  private lost = true
  private advancing = false
  private failures = 0
  private local: Append[] = []
  private onIdle: (() => void) | undefined
  private readonly stopListening: () => void

  constructor(private readonly node: RoomNode, private readonly spec: MemberSpec, private readonly controls: ReaderControls, readonly actor: string) {
    this.room = spec.room.name
    this.table = node.tableFor(spec.maxAttempts)
    this.clock = node.clock
    this.randomness = node.randomness
    this.deadlines = new Deadlines(node.clock, spec.deadlineMs)
    this.tail = node.tailOf(this.room)
    this.cursor = new Cursor(node, this.room, spec.member, spec.position, () => {
      if (this.phase !== 'stopping') this.advance()
      else this.onSettled()
    })
    const listening = node.log.local?.listen((post) => this.handOver(post))
    this.stopListening = () => void listening?.stop()
  }

  readonly handler: RoomHandler = (message, ctx) => {
    // Came back as an entry of the room after it had been handed over here during an outage.
    if (ctx.entry !== firstEntryId && this.node.log.local?.wasHanded(this.room, this.spec.member, message.id)) return undefined
    return this.spec.handler(message, ctx)
  }

  async pump(): Promise<void> {
    try {
      if (this.phase === 'opening') {
        const cursor = await this.node.log.openCursor(this.room, this.spec.member, this.node.owner(), this.spec.from)
        this.spec.position.cursor = cursor
        // After an outage what is in hand goes on, and its cursor moves follow.
        if (this.lost || compareEntryIds(cursor, this.begun) > 0) {
          this.read = this.begun = cursor
          this.buffer = []
        }
        this.lost = false
        if (this.phase === 'opening') this.phase = 'live'
      }
      if (this.phase === 'live' && this.more && this.buffer.length === 0) {
        this.more = false
        const { entries, more } = await this.tail.read(this.read)
        if (entries.length > 0 && !this.lost) {
          this.buffer = entries
          this.read = entries.at(-1)!.entry
          this.more = more || compareEntryIds(this.rungUpTo, this.read) > 0
        }
      }
      this.failures = 0
    } catch (error) {
      if (!isRetryable(error)) throw error
      this.pause()
    }
    this.advance()
  }

  async resume(): Promise<void> {
    if (this.phase === 'paused') this.phase = 'opening'
    await this.pump()
  }

  rung(entry: EntryId): void {
    if (compareEntryIds(entry, this.read) <= 0) return
    this.more = true
    if (compareEntryIds(entry, this.rungUpTo) > 0) this.rungUpTo = entry
    if (this.phase === 'live' && this.buffer.length === 0) this.controls.wake()
  }

  async drain(ms: number): Promise<void> {
    this.phase = 'stopping'
    this.buffer = []
    this.local = []
    this.cursor.hurry()
    if (this.current?.state.value === 'backingOff') this.current.send({ type: 'release' })
    if (!this.busy) return
    await new Promise<void>((resolve) => {
      const timer = this.clock.timer(ms, resolve)
      this.onIdle = () => {
        timer.cancel()
        resolve()
      }
    })
    this.abandon(new Error(`"${this.spec.member}" left "${this.room}" before the handler was done`))
  }

  abandon(reason: unknown): void {
    this.phase = 'stopping'
    this.stopListening()
    this.deadlines.stop()
    this.cursor.abandon(reason)
    this.current?.abandon(reason)
  }

  private get busy(): boolean {
    return this.current !== undefined || !this.cursor.idle
  }

  private onSettled(): void {
    if (!this.busy) this.onIdle?.()
  }

  /** Begins the next message when the one before it lets it. */
  private advance(): void {
    if (this.advancing) return
    this.advancing = true
    while (this.phase !== 'stopping' && !this.current) {
      const post = this.local.shift()
      if (post) {
        this.begin(decodeEntry({ entry: firstEntryId, messageId: post.messageId, body: post.body }, this.node.catalogue))
        continue
      }
      if (this.phase !== 'live' || this.cursor.full) break
      const next = this.buffer.shift()
      if (!next) {
        if (this.more) this.controls.wake()
        break
      }
      const missed = entrySequence(next.entry) - entrySequence(this.begun) - 1
      if (missed > 0) this.truncated({ room: this.room, member: this.spec.member, from: this.begun, to: next.entry, count: missed })
      this.begun = next.entry
      this.begin(next)
    }
    this.advancing = false
  }

  private begin(decoded: Decoded): void {
    const delivery = new Delivery(this, decoded.entry, decoded.messageId, decoded.message, 1, false)
    delivery.failure = decoded.failure
    this.current = delivery
    delivery.begin()
    this.pass(delivery)
  }

  /** Lets go of the delivery in hand once nothing after it has to wait. */
  private pass(delivery: Delivery): void {
    if (this.current !== delivery || delivery.running || delivery.state.blocking) return
    this.current = undefined
    if (this.phase === 'stopping') this.onSettled()
    else this.advance()
  }

  private truncated(truncated: Truncated): void {
    this.node.announceTruncated(this.spec.room, truncated)
    try {
      this.spec.onTruncated?.(truncated)
    } catch (error) {
      this.node.system.logger.error({ room: this.room, member: this.spec.member, problem: messageOf(error) }, 'onTruncated of a member failed')
    }
  }

  /** The store was away, or somebody else moved the cursor: open it again in a while. */
  private pause(): void {
    if (this.phase === 'paused' || this.phase === 'stopping') return
    this.phase = 'paused'
    this.more = true
    const { minMs, maxMs } = this.node.limits.retry
    this.controls.pause(Math.min(maxMs, maxStorePauseMs, minMs * 2 ** this.failures++) * this.randomness.next())
  }

  private handOver(post: Append): void {
    if (post.room !== this.room || this.phase === 'stopping' || this.local.length >= maxLocal) return
    if (this.node.log.local!.wasHanded(this.room, this.spec.member, post.messageId)) return
    this.local.push(post)
    this.advance()
  }

  // What deliveries ask for

  effectKey(message: RoomMessage): string {
    return `${this.room}/${this.spec.member}/${message.id}`
  }

  prepare(message: RoomMessage, request: CommitRequest): Promise<PreparedEffects> {
    return prepareEffects(this.node, request, { room: this.room, as: this.spec.member, effectKey: this.effectKey(message), message })
  }

  record(key: string): Promise<unknown> {
    return this.node.log.record(this.room, key)
  }

  commit(delivery: Delivery, effects: PreparedEffects | undefined): void {
    if (delivery.entry === firstEntryId) {
      this.node.log.local!.handed(this.room, this.spec.member, delivery.messageId, effects).then((result) => delivery.committed(result), (error: unknown) => delivery.committed(undefined, error))
    } else if (effects) {
      this.cursor.move(delivery.entry, effects, undefined, (result, error) => {
        if (result?.ok) effects.applied(result.posted)
        delivery.committed(result, error)
      })
    } else {
      this.cursor.add(delivery)
    }
  }

  async bury(delivery: Delivery, reason: string): Promise<boolean> {
    // Not an entry yet: it is tried again when it comes back as one.
    if (delivery.entry === firstEntryId) return true
    const { member, room } = this.spec
    const attempts = delivery.state.attempt
    const result = await new Promise<CommitResult>((resolve, reject) => {
      this.cursor.move(delivery.entry, undefined, { reason, attempts }, (answer, error) => (answer ? resolve(answer) : reject(error)))
    })
    if (result.ok) this.node.announceDead(room, { entry: delivery.entry, group: member, attempts, reason })
    return result.ok
  }

  attempt(delivery: Delivery): Promise<number | undefined> {
    return Promise.resolve(delivery.state.attempt + 1)
  }

  waits(_delivery: Delivery): void {}

  ready(_delivery: Delivery, go: () => void): void {
    go()
  }

  freed(delivery: Delivery): void {
    if (this.phase === 'stopping' && delivery.state.value === 'backingOff') delivery.send({ type: 'release' })
    this.pass(delivery)
  }

  ended(delivery: Delivery, ending: Ending): void {
    this.pass(delivery)
    if (ending !== 'lost' || delivery.entry === firstEntryId) return
    this.lost = true
    this.buffer = []
    this.current?.send({ type: 'overtaken' })
    this.pause()
  }

  mayRetry(error: unknown): boolean {
    if (isRetryable(error)) return true
    this.controls.fail(error)
    return false
  }
}
