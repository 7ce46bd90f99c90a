import type { TimerEvent } from '../../machines/timers.ts'
import { roomConsumerMachine, type RoomConsumerEvent, type RoomConsumerInput } from '../../machines/room-consumer.ts'
import type { Clock, Randomness, Timer } from '../../src/kernel/clock.ts'
import { transitions } from '../../src/kernel/transitions.ts'
import { HandlerTimeout, InvalidArgument, messageOf, RoomFull, RoomUnknown, StaleOwner } from '../../src/kernel/errors.ts'
import type { CommitResult, Effects, EntryId } from '../../src/store/ports.ts'
import type { Deadlines } from './deadlines.ts'
import type { DeliveryState, DeliveryTable, Ending } from './delivery-table.ts'
import type { CommitRequest, DeliveryContext, RoomHandler, RoomMessage } from './types.ts'

/** What a delivery needs of the reader it belongs to: how the commands of the machine are carried out for a group or a member. */
export interface DeliveryHost {
  readonly room: string
  /** Name of the actor, for errors. */
  readonly actor: string
  readonly handler: RoomHandler
  readonly deadlines: Deadlines
  readonly table: DeliveryTable
  readonly clock: Clock
  readonly randomness: Randomness
  effectKey(message: RoomMessage): string
  prepare(message: RoomMessage, request: CommitRequest): Promise<Effects>
  record(key: string): Promise<unknown>
  /** With effects, or a plain acknowledgement. */
  commit(delivery: Delivery, effects: Effects | undefined): void
  bury(delivery: Delivery, reason: string): Promise<boolean>
  /** The number of the next attempt, `undefined` when the entry is not ours any more. */
  attempt(delivery: Delivery): Promise<number | undefined>
  /** The wait for the next attempt begins: until it is over, the delivery holds no place. */
  waits(delivery: Delivery): void
  /** It is over: `go` makes the attempt, once there is a place for it. */
  ready(delivery: Delivery, go: () => void): void
  /** A handler is over. */
  freed(delivery: Delivery): void
  ended(delivery: Delivery, ending: Ending): void
  /** What the log answered is an error: true when it may be tried again, else the reader fails with it. */
  mayRetry(error: unknown): boolean
}

/** The reason for a dead letter whose consumers died, each before it could tell how it went. */
const neverSettled = 'whoever held it never came back with an outcome'

interface PendingCommit {
  resolve(result: { posted: EntryId[] }): void
  reject(error: unknown): void
}

/** One entry at one reader: runs the room-consumer machine and carries its commands out. */
export class Delivery {
  state: DeliveryState
  /** The handler of the present attempt has not returned, nor run out of time. */
  running = false
  /** Why the last attempt failed, when that is known. */
  failure: unknown
  private attemptContext: AttemptContext | undefined
  private effects: Effects | undefined
  private pendingCommit: PendingCommit | undefined
  private timers: Map<string, Timer> | undefined

  constructor(
    private readonly host: DeliveryHost,
    readonly entry: EntryId,
    readonly messageId: string,
    /** Undefined when the body cannot be read; then `failure` says why, and each attempt fails at once. */
    readonly message: RoomMessage | undefined,
    attempt: number,
    resumed: boolean,
  ) {
    this.state = host.table.start(attempt, resumed)
    if (transitions.hasSubscribers) this.tell(this.state, { input: host.table.input(attempt, resumed) })
  }

  begin(): void {
    this.enter(this.state)
  }

  send(event: RoomConsumerEvent): void {
    if (this.state.ending) return
    const next = this.host.table.step(this.state, event)
    if (transitions.hasSubscribers) this.tell(next, { event })
    if (next !== this.state) this.enter(next)
  }

  /** Tells whoever records the run. */
  private tell({ snapshot, commands }: DeliveryState, cause: { event: RoomConsumerEvent } | { input: RoomConsumerInput }): void {
    transitions.publish({ machine: roomConsumerMachine.id, actor: `${this.host.actor} ${this.entry}`, instance: this, ...cause, snapshot, commands })
  }

  private enter(state: DeliveryState): void {
    this.state = state
    for (const { type, params } of state.commands) this.perform(type, params as never)
    if (state.ending && this.state === state) {
      for (const timer of this.timers?.values() ?? []) timer.cancel()
      this.host.ended(this, state.ending)
    }
  }

  private perform(command: string, params: { attempt: number; id: string; ms: number; nonce: number }): void {
    switch (command) {
      case 'handle':
        return this.handle(params.attempt)
      case 'acknowledge':
        return this.host.commit(this, undefined)
      case 'commit':
        return this.host.commit(this, this.effects)
      case 'bury':
        return this.request(this.host.bury(this, this.failure === undefined ? neverSettled : messageOf(this.failure)), (buried) => ({ type: buried ? 'applied' : 'stale' }))
      case 'attempt':
        return this.request(this.host.attempt(this), (attempt) => (attempt === undefined ? { type: 'stale' } : { type: 'attempted', attempt }))
      case 'abort':
        if (!this.running) return
        this.over(new StaleOwner(this.host.room))
        return this.host.freed(this)
      case 'startTimer':
        return this.startTimer(params.id, params.ms, { type: 'timer', id: params.id, nonce: params.nonce })
      case 'cancelTimer':
        this.timers?.get(params.id)?.cancel()
    }
  }

  private handle(attempt: number): void {
    const { host, message } = this
    this.running = true
    if (!message) {
      this.handlerOver({ type: 'failed', attempt }, this.failure)
      return
    }
    const context = (this.attemptContext = new AttemptContext(this, host, message, attempt))
    host.deadlines.add(this)
    const succeeded = (): void => {
      if (context === this.attemptContext) this.handlerOver({ type: 'handled', attempt })
    }
    const failed = (error: unknown): void => {
      if (context === this.attemptContext) this.handlerOver({ type: 'failed', attempt }, error ?? new Error('the handler rejected without a reason'))
    }
    let result: unknown
    try {
      result = host.handler(message, context)
    } catch (error) {
      failed(error)
      return
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function') (result as PromiseLike<unknown>).then(succeeded, failed)
    else succeeded()
  }

  private handlerOver(event: RoomConsumerEvent, failure?: unknown): void {
    if (event.type === 'failed') this.failure = failure
    this.over(failure)
    this.send(event)
    this.host.freed(this)
  }

  /** Ends the present attempt: what its handler does from here on has no effect. A reason aborts its signal. */
  private over(reason: unknown): void {
    this.host.deadlines.remove(this)
    this.attemptContext?.end(reason)
    this.attemptContext = undefined
    this.running = false
  }

  /** The handler of the present attempt has had its time. */
  expired(deadlineMs: number): void {
    const { attemptContext } = this
    if (attemptContext) this.handlerOver({ type: 'failed', attempt: attemptContext.attempt }, new HandlerTimeout(this.host.actor, attemptContext.message.type, deadlineMs))
  }

  /** `ctx.commit`. */
  async commitEffects(context: AttemptContext, request: CommitRequest): Promise<{ posted: EntryId[] }> {
    const effects = await this.host.prepare(context.message, request)
    if (this.state.ending === 'committed' || this.pendingCommit) throw new InvalidArgument('commit', 'a delivery is committed once: put all its posts and records into one call')
    if (context !== this.attemptContext || this.state.value !== 'handling') throw new StaleOwner(`${this.host.room} ${this.entry}`)
    this.effects = effects
    return new Promise((resolve, reject) => {
      this.pendingCommit = { resolve, reject }
      this.send({ type: 'commit', attempt: context.attempt })
    })
  }

  /** The answer of the log to `host.commit`. */
  committed(result: CommitResult | undefined, error?: unknown): void {
    if (!result) {
      if (this.host.mayRetry(error)) this.send({ type: 'unknown' })
      return
    }
    const pending = this.pendingCommit
    this.pendingCommit = undefined
    if (result.ok) {
      pending?.resolve({ posted: result.posted })
      this.send({ type: 'applied' })
    } else if (result.reason === 'stale') {
      pending?.reject(new StaleOwner(`${this.host.room} ${this.entry}`))
      this.send({ type: 'stale' })
    } else {
      const refusal = result.reason === 'room_full' ? new RoomFull(result.room) : new RoomUnknown(result.room)
      this.failure = refusal
      pending?.reject(refusal)
      this.send({ type: 'refused' })
    }
  }

  /** The reader is going down: nobody answers a commit that is on its way. */
  abandon(reason: unknown): void {
    this.send({ type: 'release' })
    this.pendingCommit?.reject(reason)
    this.pendingCommit = undefined
  }

  private request<T>(answer: Promise<T>, toEvent: (result: T) => RoomConsumerEvent): void {
    answer.then((result) => this.send(toEvent(result)), (error: unknown) => {
      if (this.host.mayRetry(error)) this.send({ type: 'unknown' })
    })
  }

  private startTimer(id: string, ms: number, event: TimerEvent): void {
    this.timers ??= new Map()
    this.timers.get(id)?.cancel()
    // Full jitter: readers that failed together do not come back together.
    const go = (): void => this.send(event)
    const isRetry = id === 'retry'
    if (isRetry) this.host.waits(this)
    this.timers.set(id, this.host.clock.timer(ms * this.host.randomness.next(), isRetry ? () => this.host.ready(this, go) : go))
  }
}

/** What the handler gets; one per attempt, so that a handler of an earlier one is told apart. */
class AttemptContext implements DeliveryContext {
  private controller: AbortController | undefined
  private reason: unknown

  constructor(
    private readonly delivery: Delivery,
    private readonly host: DeliveryHost,
    readonly message: RoomMessage,
    readonly attempt: number,
  ) {}

  get room(): string {
    return this.host.room
  }

  get entry(): EntryId {
    return this.delivery.entry
  }

  get effectKey(): string {
    return this.host.effectKey(this.message)
  }

  /** Made when first asked for: most handlers do not, and one costs 0.8 KB. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.reason !== undefined) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  commit(request: CommitRequest = {}): Promise<{ posted: EntryId[] }> {
    return this.delivery.commitEffects(this, request)
  }

  record(key: string): Promise<unknown> {
    return this.host.record(key)
  }

  end(reason: unknown): void {
    this.reason = reason
    if (reason !== undefined) this.controller?.abort(reason)
  }
}
