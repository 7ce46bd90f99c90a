import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import { HivemindError } from '../../src/kernel/errors.ts'
import { compareEntryIds, firstEntryId, type Delivery as LogDelivery, type EntryId, type Owner } from '../../src/store/ports.ts'
import { Deadlines } from './deadlines.ts'
import { Delivery, type DeliveryHost } from './delivery.ts'
import type { DeliveryTable, Ending } from './delivery-table.ts'
import { prepareEffects, type PreparedEffects } from './effects.ts'
import { maxStorePauseMs } from './limits.ts'
import type { KnownRoom, RoomNode } from './node.ts'
import type { ReaderControls, ReaderLife } from './reader.ts'
import { decodeEntry } from './tail.ts'
import type { CommitRequest, RoomHandler, RoomMessage } from './types.ts'

export interface WorkSpec {
  room: KnownRoom
  group: string
  /** Name of this consumer on its node. */
  consumer: string
  /** Whose rights its effects are checked for, and the source of its posts. */
  as: string
  handler: RoomHandler
  concurrency: number
  maxAttempts: number
  deadlineMs: number
  from: EntryId | 'end'
}

/** One consumer of a work group: takes entries, as many at a time as it may handle, and settles each on its own. */
export class WorkLife implements ReaderLife, DeliveryHost {
  readonly room: string
  readonly handler: RoomHandler
  readonly deadlines: Deadlines
  readonly table: DeliveryTable
  readonly clock: Clock
  readonly randomness: Randomness
  /** Opening again comes first, and after each error of the store: what is owned already is drained before anything new is taken. */
  private phase: 'opening' | 'draining' | 'live' | 'paused' | 'stopping' = 'opening'
  private drained: EntryId = firstEntryId
  private readonly inFlight = new Map<EntryId, Delivery>()
  /** Those whose handler runs, or is about to. */
  private readonly places = new Set<Delivery>()
  /** Places kept for entries that are being fetched. */
  private fetching = 0
  /** Retries that are due and wait for a place. They go before anything new. */
  private due: { delivery: Delivery; go: () => void }[] = []
  /** There may be entries nobody took yet. */
  private more = true
  private lastTaken: EntryId = firstEntryId
  private failures = 0
  private onIdle: (() => void) | undefined
  private nodeOwner: Owner = { name: '', fence: -1 }
  private ownOwner = this.nodeOwner

  constructor(private readonly node: RoomNode, private readonly spec: WorkSpec, private readonly controls: ReaderControls, readonly actor: string) {
    this.room = spec.room.name
    this.handler = spec.handler
    this.table = node.tableFor(spec.maxAttempts)
    this.clock = node.clock
    this.randomness = node.randomness
    this.deadlines = new Deadlines(node.clock, spec.deadlineMs)
  }

  /** Under the node's present fence; one object as long as that stays. */
  private get owner(): Owner {
    const node = this.node.owner()
    if (this.nodeOwner.fence !== node.fence || this.nodeOwner.name !== node.name) {
      this.nodeOwner = node
      this.ownOwner = { name: `${node.name}/${this.spec.consumer}`, fence: node.fence }
    }
    return this.ownOwner
  }

  /** Entries that may be started now. Those that wait for their acknowledgement or their next attempt hold no place, but are bounded too. */
  private get free(): number {
    const { concurrency } = this.spec
    return Math.min(concurrency - this.places.size - this.fetching, concurrency * 4 + 64 - this.inFlight.size)
  }

  async pump(): Promise<void> {
    const { log } = this.node
    const { group } = this.spec
    try {
      if (this.phase === 'opening') {
        await log.openGroup(this.room, group, this.spec.from)
        this.drained = firstEntryId
        this.enter('opening', 'draining')
      }
      while (this.phase === 'draining' && this.free > 0) {
        const batch = await this.fetch(true, (count) => log.owned(this.room, group, this.owner, { after: this.drained, count }))
        this.drained = batch.at(-1)?.entry ?? this.drained
        if (batch.length === 0) this.enter('draining', 'live')
      }
      while (this.phase === 'live' && this.more && this.free > 0) {
        this.more = false
        await this.fetch(false, (count) => log.take(this.room, group, this.owner, count))
      }
      this.failures = 0
    } catch (error) {
      this.storeFailed(error)
    }
  }

  async resume(): Promise<void> {
    this.enter('paused', 'opening')
    await this.pump()
  }

  async sweep(): Promise<void> {
    // What it owned before is held as well while it is drained, and a handler of it may take its time.
    if (this.phase !== 'live' && this.phase !== 'draining') return
    const { log, limits } = this.node
    const { group } = this.spec
    try {
      const held = [...this.inFlight]
      if (held.length > 0) {
        const ours = new Set(await log.extend(this.room, group, this.owner, held.map(([entry]) => entry)))
        for (const [entry, delivery] of held) {
          if (!ours.has(entry)) delivery.send({ type: 'overtaken' })
        }
      }
      if (this.phase === 'live' && this.free > 0) await this.fetch(false, (count) => log.takeOver(this.room, group, this.owner, { minIdleMs: limits.takeOverMs, count }))
    } catch (error) {
      this.storeFailed(error)
    }
  }

  rung(entry: EntryId): void {
    if (compareEntryIds(entry, this.lastTaken) <= 0) return
    this.more = true
    if (this.phase === 'live' && this.free > 0) this.controls.wake()
  }

  reset(): void {
    this.lastTaken = firstEntryId
    this.more = true
    if (this.phase === 'live' && this.free > 0) this.controls.wake()
  }

  async drain(ms: number): Promise<void> {
    this.phase = 'stopping'
    for (const delivery of this.inFlight.values()) this.letGo(delivery)
    if (this.inFlight.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = this.clock.timer(ms, resolve)
      this.onIdle = () => {
        timer.cancel()
        resolve()
      }
    })
    this.abandon(new Error(`the reader of "${this.room}" stopped before the handler was done`))
  }

  abandon(reason: unknown): void {
    this.phase = 'stopping'
    this.deadlines.stop()
    for (const delivery of this.inFlight.values()) delivery.abandon(reason)
  }

  private enter(from: WorkLife['phase'], to: WorkLife['phase']): void {
    if (this.phase === from) this.phase = to
  }

  /** Begins what `get` gives for the free places, which are kept for it meanwhile. */
  private async fetch(resumed: boolean, get: (count: number) => Promise<LogDelivery[]>): Promise<LogDelivery[]> {
    const count = this.free
    this.fetching = count
    let batch: LogDelivery[]
    try {
      batch = await get(count)
    } finally {
      this.fetching = 0
    }
    if (batch.length === count) this.more = true
    for (const entry of batch) this.start(entry, resumed)
    this.admit()
    return batch
  }

  private start(entry: LogDelivery, resumed: boolean): void {
    if (compareEntryIds(entry.entry, this.lastTaken) > 0) this.lastTaken = entry.entry
    if (this.inFlight.has(entry.entry)) return
    const { message, failure } = decodeEntry(entry, this.node.catalogue)
    const delivery = new Delivery(this, entry.entry, entry.messageId, message, entry.attempt, resumed)
    delivery.failure = failure
    this.inFlight.set(entry.entry, delivery)
    this.places.add(delivery)
    if (this.phase === 'stopping') delivery.abandon(undefined)
    else delivery.begin()
  }

  private storeFailed(error: unknown): void {
    if (!isRetryable(error)) throw error
    if (this.phase === 'paused' || this.phase === 'stopping') return
    this.phase = 'paused'
    this.more = true
    const { minMs, maxMs } = this.node.limits.retry
    this.controls.pause(Math.min(maxMs, maxStorePauseMs, minMs * 2 ** this.failures++) * this.randomness.next())
  }

  // What deliveries ask for

  effectKey(message: RoomMessage): string {
    return `${this.room}/${this.spec.group}/${message.id}`
  }

  prepare(message: RoomMessage, request: CommitRequest): Promise<PreparedEffects> {
    return prepareEffects(this.node, request, { room: this.room, as: this.spec.as, effectKey: this.effectKey(message), message })
  }

  record(key: string): Promise<unknown> {
    return this.node.log.record(this.room, key)
  }

  commit(delivery: Delivery, effects: PreparedEffects | undefined): void {
    this.node.committer.add({ kind: 'work', room: this.room, group: this.spec.group, owner: this.owner, entry: delivery.entry, effects }, (result, error) => {
      if (result?.ok) effects?.applied(result.posted)
      delivery.committed(result, error)
    })
  }

  async bury(delivery: Delivery, reason: string): Promise<boolean> {
    const { group } = this.spec
    const buried = await this.node.log.bury(this.room, group, this.owner, delivery.entry, reason)
    if (buried) this.node.announceDead(this.spec.room, { entry: delivery.entry, group, attempts: delivery.state.attempt, reason })
    return buried
  }

  attempt(delivery: Delivery): Promise<number | undefined> {
    return this.node.log.retry(this.room, this.spec.group, this.owner, delivery.entry)
  }

  waits(delivery: Delivery): void {
    this.leave(delivery)
  }

  ready(delivery: Delivery, go: () => void): void {
    if (this.places.size + this.fetching >= this.spec.concurrency) this.due.push({ delivery, go })
    else {
      this.places.add(delivery)
      go()
    }
  }

  freed(delivery: Delivery): void {
    if (this.phase === 'stopping') this.letGo(delivery)
    this.leave(delivery)
  }

  ended(delivery: Delivery, _ending: Ending): void {
    this.inFlight.delete(delivery.entry)
    // A handler that goes on after its commit keeps its place.
    if (!delivery.running) this.leave(delivery)
    if (this.inFlight.size === 0) this.onIdle?.()
  }

  mayRetry(error: unknown): boolean {
    if (isRetryable(error)) return true
    this.controls.fail(error)
    return false
  }

  /** Gives up the place, to a retry that waits for one or to the next entry. */
  private leave(delivery: Delivery): void {
    this.places.delete(delivery)
    if (this.phase === 'stopping') return
    this.admit()
    if ((this.phase === 'draining' || (this.phase === 'live' && this.more)) && this.free > 0) this.controls.wake()
  }

  private admit(): void {
    while (this.due.length > 0 && this.places.size + this.fetching < this.spec.concurrency) {
      const next = this.due.shift()!
      if (!next.delivery.state.ending) this.ready(next.delivery, next.go)
    }
  }

  /** While stopping, nothing waits for another attempt. */
  private letGo(delivery: Delivery): void {
    if (delivery.state.value === 'backingOff') delivery.send({ type: 'release' })
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof HivemindError && error.retryable
}

