import { Ask, Carried } from './ask.ts'
import type { Timer } from './clock.ts'
import { ActorCrashed, ActorStopped, HandlerTimeout, MessageUnhandled, messageOf } from './errors.ts'
import { Flight, Flights } from './flight.ts'
import type { Item } from './flight.ts'
import { Inbox } from './inbox.ts'
import { LocalRef } from './ref.ts'
import type { Target, Watcher } from './ref.ts'
import type { Runtime } from './runtime.ts'
import { Scope } from './scope.ts'
import type { Host } from './scope.ts'
import { unhandled } from './types.ts'
import type { Behaviour, ExitReason, Message, RestartType, StopOptions, StopReason, Terminated, TreeNode } from './types.ts'
import { isThenable, settledWithin } from './wait.ts'

/** Whoever decides about the life of a cell. Each incarnation ends with exactly one of `failed`, `exited`, `stopped`. */
export interface CellSupervisor {
  started(cell: Cell): void
  failed(cell: Cell, error: unknown): void
  exited(cell: Cell): void
  stopped(cell: Cell): void
  stopCell(cell: Cell, options: StopOptions | undefined): void
}

/** When a halting cell gives up on its queue (`clock.monotonic()`), and on its handlers (ms). */
export interface HaltOptions {
  drainUntil: number
  graceMs: number
  /** It does not come back: no more messages are taken. */
  forGood: boolean
}

export const defaultGraceMs = 5_000

type Phase =
  /** Between two incarnations, before the first, or after the last. Messages wait. */
  | 'down'
  | 'starting'
  | 'running'
  /** Takes no more messages and works off those it has. */
  | 'draining'
  /** The incarnation is being torn down. */
  | 'ending'

/** One supervised actor: its mailbox and the life of its incarnations. Names, watches and dead letters hang on it. */
export class Cell extends Inbox implements Target, Host {
  readonly input: unknown
  readonly restart: RestartType
  readonly ref: LocalRef
  incarnation = 0
  scheduled = false
  handled = 0
  /** How the newest incarnation ended. */
  lastEnd: StopReason | undefined
  /** Options of whoever asked this one actor to stop. */
  stopOptions: StopOptions | undefined
  readonly #supervisor: CellSupervisor
  #phase: Phase = 'down'
  #scope: Scope | undefined
  #flights: Flights | undefined
  #drainTimer: Timer | undefined
  /** Set while the behaviour has the floor: what would end the incarnation under its feet waits in here. */
  #floor: (() => void)[] | undefined
  #watchers: Set<Watcher> | undefined
  #terminated: Terminated | undefined

  constructor(runtime: Runtime, supervisor: CellSupervisor, id: string, behaviour: Behaviour, input: unknown, restart: RestartType) {
    super(runtime, id, behaviour)
    this.#supervisor = supervisor
    this.input = input
    this.restart = restart
    this.ref = new LocalRef(this)
    runtime.register(id, this.ref)
  }

  // ------------------------------------------------------------ the loop

  deliver(scope: Scope, message: Message): void {
    if (this.#scope !== scope || scope.ended) return
    this.openMailbox().pushControl(new Carried(message))
    this.wake()
  }

  protected override wake(): void {
    if (!this.scheduled && this.ready) this.runtime.dispatcher.schedule(this)
  }

  get ready(): boolean {
    const scope = this.#scope
    return (
      scope !== undefined &&
      (this.#phase === 'running' || this.#phase === 'draining') &&
      !scope.finishing &&
      scope.flights < this.behaviour.concurrency &&
      this.mailbox !== undefined &&
      this.mailbox.length > 0
    )
  }

  run(most: number): number {
    let count = 0
    while (count < most && this.ready) {
      const item = this.mailbox?.shift()
      if (item === undefined) break
      count++
      this.handled++
      this.#handle(item, this.#scope as Scope)
    }
    if (this.#phase === 'draining') this.#endWhenDrained()
    return count
  }

  #handle(item: Item, scope: Scope): void {
    let message: Message
    let ask: Ask | undefined
    if (item instanceof Carried) {
      message = item.message
      if (item instanceof Ask) {
        if (item.settled) return
        ask = item
      }
    } else message = item

    this.#floor = noOne
    let result: unknown
    try {
      result = this.behaviour.receive(message, scope)
    } catch (error) {
      this.#giveBackFloor(() => this.#fail(scope, error, item))
      return
    }
    if (result === unhandled) this.bury(item, 'unhandled', ask && new MessageUnhandled(this.id, message.type))
    else if (isThenable(result)) this.#takeOff(item, scope, message.type, result)
    else if (ask !== undefined) ask.resolve(result)
    this.#giveBackFloor()
    if (scope.finishing) this.#endWhenFinished(scope)
  }

  #takeOff(item: Item, scope: Scope, type: string, result: PromiseLike<unknown>): void {
    const flight = new Flight(item, scope, this.runtime.clock.monotonic())
    const { deadlineMs } = this.behaviour
    const flights = (this.#flights ??= new Flights())
    flights.begin(flight)
    if (deadlineMs !== undefined) {
      flight.deadline = this.runtime.clock.timer(deadlineMs, () => this.#fail(scope, new HandlerTimeout(this.id, type, deadlineMs), item, flight))
    }
    flight.settled = Promise.resolve(result).then(
      (value) => {
        if (!flights.land(flight)) return
        if (item instanceof Ask) item.resolve(value)
        this.#afterFlight(scope)
      },
      (error: unknown) => {
        if (flight.abandoned) return
        if (this.#phase === 'ending') {
          flights.land(flight)
          this.bury(item, 'interrupted', new ActorStopped(this.id, { cause: error }), error)
        } else this.#fail(scope, error, item, flight)
      },
    )
  }

  #afterFlight(scope: Scope): void {
    if (this.#scope !== scope) return
    if (scope.finishing) this.#endWhenFinished(scope)
    else if (this.#phase === 'draining' && !this.ready) this.#endWhenDrained()
    else this.wake()
  }

  /** Then does what was put off; `first` goes before it. */
  #giveBackFloor(first?: () => void): void {
    const waiting = this.#floor
    this.#floor = undefined
    first?.()
    if (waiting !== undefined) for (const act of waiting) act()
  }

  /** Puts `act` off while the behaviour has the floor. */
  #whenFree(act: () => void): boolean {
    if (this.#floor === undefined) return false
    if (this.#floor === noOne) this.#floor = []
    this.#floor.push(act)
    return true
  }

  // ------------------------------------------------------------ life

  /** Begins an incarnation. */
  start(incarnation: number): void {
    this.incarnation = incarnation
    const scope = new Scope(this, incarnation)
    this.#scope = scope
    this.#phase = 'starting'
    this.#floor = noOne
    let result: void | PromiseLike<void>
    try {
      result = this.behaviour.start(scope)
    } catch (error) {
      this.#giveBackFloor(() => this.crash(scope, error))
      return
    }
    if (isThenable(result)) {
      scope.starting = result
      result.then(
        () => this.#onStarted(scope),
        (error: unknown) => this.crash(scope, error),
      )
      this.#giveBackFloor()
    } else {
      this.#onStarted(scope)
      this.#giveBackFloor()
    }
  }

  #onStarted(scope: Scope): void {
    scope.starting = undefined
    scope.started = true
    if (this.#scope !== scope) {
      // It was given up long ago, and now holds something that has to be let go.
      void this.#runStopHook(scope, { kind: 'stopped' }, 0)
      return
    }
    if (this.#phase !== 'starting') return
    this.#phase = 'running'
    this.runtime.emit(
      scope.incarnation === 1
        ? { type: 'actor.started', id: this.id, incarnation: 1 }
        : { type: 'actor.restarted', id: this.id, incarnation: scope.incarnation, restarts: scope.incarnation - 1 },
    )
    this.#supervisor.started(this)
    if (scope.finishing) this.#endWhenFinished(scope)
    else this.wake()
  }

  finish(scope: Scope): void {
    if (this.#scope !== scope || scope.finishing || this.#phase === 'ending') return
    scope.finishing = true
    if (this.#floor === undefined) this.#endWhenFinished(scope)
  }

  #endWhenFinished(scope: Scope): void {
    if (this.#scope !== scope || scope.flights > 0) return
    if (this.#phase === 'running') this.#end(scope, { kind: 'finished' }, defaultGraceMs)
    else if (this.#phase === 'draining') this.#end(scope, { kind: 'stopped' }, defaultGraceMs)
  }

  crash(scope: Scope, error: unknown): void {
    this.#fail(scope, error)
  }

  #fail(scope: Scope, error: unknown, item?: Item, flight?: Flight): void {
    if (this.#whenFree(() => this.#fail(scope, error, item, flight))) return
    if (this.#scope !== scope || this.#phase === 'ending') {
      if (item !== undefined && flight === undefined) this.bury(item, 'interrupted', new ActorStopped(this.id, { cause: error }), error)
      return
    }
    this.runtime.emit({ type: 'actor.crashed', id: this.id, incarnation: scope.incarnation, error })
    const crashed = new ActorCrashed(this.id, scope.incarnation, error)
    const items = this.#flights?.abandon() ?? []
    if (item !== undefined && flight === undefined) items.push(item)
    if (this.behaviour.redeliver && !this.closed) {
      // Signals belonged to this incarnation; the next one sets timers and watches of its own.
      for (const each of items.reverse()) if (!(each instanceof Carried) || each instanceof Ask) this.mailbox?.data.unshift(each)
    } else {
      for (const each of items) this.bury(each, each === item ? 'crashed' : 'interrupted', crashed, error)
    }
    this.#end(scope, { kind: 'failed', error }, defaultGraceMs)
  }

  /** Ends the present incarnation because the supervisor says so. */
  halt(options: HaltOptions): void {
    if (options.forGood) this.closed = true
    if (this.#whenFree(() => this.halt(options))) return
    const scope = this.#scope
    if (scope === undefined || this.#phase === 'ending' || this.#phase === 'draining') return
    const left = options.drainUntil - this.runtime.clock.monotonic()
    if (this.#phase === 'running' && options.forGood && left > 0) {
      this.#phase = 'draining'
      this.#drainTimer = this.runtime.clock.timer(left, () => this.#end(scope, { kind: 'stopped' }, options.graceMs))
      this.#endWhenDrained()
      return
    }
    this.#end(scope, { kind: 'stopped' }, options.graceMs)
  }

  #endWhenDrained(): void {
    const scope = this.#scope
    if (scope === undefined || this.#phase !== 'draining' || scope.flights > 0 || (this.mailbox !== undefined && this.mailbox.length > 0)) return
    this.#end(scope, { kind: 'stopped' }, defaultGraceMs)
  }

  #end(scope: Scope, reason: StopReason, graceMs: number): void {
    if (this.#scope !== scope || this.#phase === 'ending') return
    this.#phase = 'ending'
    this.#drainTimer?.cancel()
    this.#drainTimer = undefined
    scope.end()
    this.mailbox?.dropControl()
    const idle = scope.flights === 0 && scope.starting === undefined && scope.pending.length === 0 && !scope.hasChildren
    if (idle && (this.behaviour.stop === undefined || !scope.started)) {
      this.#afterEnd(scope, reason)
      return
    }
    void this.#tearDown(scope, reason, graceMs).then(() => this.#afterEnd(scope, reason))
  }

  /** Handlers first, then children, then the stop hook: each may still use what comes after it. */
  async #tearDown(scope: Scope, reason: StopReason, graceMs: number): Promise<void> {
    if (reason.kind !== 'failed') {
      const work = [...scope.pending, ...(this.#flights?.settled ?? [])]
      if (scope.starting !== undefined) work.push(scope.starting)
      await settledWithin(this.runtime.clock, graceMs, work)
      for (const item of this.#flights?.abandon() ?? []) this.bury(item, 'interrupted', new ActorStopped(this.id))
    }
    if (scope.hasChildren) for (const group of [...scope.groups].reverse()) await group.stop({ graceMs })
    if (scope.started) await this.#runStopHook(scope, reason, graceMs)
  }

  /** Waits for the hook, no longer than the grace. What it throws is logged, and stops nothing. */
  async #runStopHook(scope: Scope, reason: StopReason, graceMs: number): Promise<void> {
    try {
      const result = this.behaviour.stop?.(scope, reason)
      if (!isThenable(result)) return
      await settledWithin(this.runtime.clock, graceMs, [result.then(undefined, (error: unknown) => this.#logStopHook(error))])
    } catch (error) {
      this.#logStopHook(error)
    }
  }

  #logStopHook(error: unknown): void {
    this.runtime.logger.error({ actor: this.id, incarnation: this.incarnation, err: error }, `the stop hook of "${this.id}" failed: ${messageOf(error)}`)
  }

  #afterEnd(scope: Scope, reason: StopReason): void {
    if (this.#scope !== scope) return
    this.#scope = undefined
    this.#phase = 'down'
    this.lastEnd = reason
    if (reason.kind === 'failed') this.#supervisor.failed(this, reason.error)
    else if (reason.kind === 'finished') this.#supervisor.exited(this)
    else this.#supervisor.stopped(this)
  }

  /** The end for good: the name is free, what waits goes to dead letters, watchers are told. */
  retire(reason: ExitReason, error: unknown): void {
    if (this.#terminated !== undefined) return
    this.closed = true
    this.runtime.unregister(this.id)
    this.#terminated = { type: 'terminated', id: this.id, incarnation: this.incarnation, reason, ...(error === undefined ? {} : { error }) }
    this.flush()
    this.runtime.emit({ ...this.#terminated, type: 'actor.stopped' })
    const watchers = this.#watchers
    this.#watchers = undefined
    if (watchers !== undefined) for (const watcher of watchers) watcher.notify(this.#terminated)
  }

  // ------------------------------------------------------------ from outside

  stop(options: StopOptions | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.addWatcher({ notify: () => resolve() })
      if (this.#terminated === undefined) this.#supervisor.stopCell(this, options)
    })
  }

  addWatcher(watcher: Watcher): void {
    if (this.#terminated !== undefined) {
      watcher.notify(this.#terminated)
      return
    }
    this.#watchers ??= new Set()
    this.#watchers.add(watcher)
  }

  removeWatcher(watcher: Watcher): void {
    this.#watchers?.delete(watcher)
  }

  node(): TreeNode {
    const busySince = this.#flights?.since
    const children = this.#scope?.hasChildren ? [...this.#scope.groups].flatMap((group) => group.nodes()) : []
    return {
      id: this.id,
      kind: this.behaviour.kind,
      name: this.behaviour.name,
      state: this.#show(),
      mailbox: this.mailbox?.length ?? 0,
      restarts: Math.max(0, this.incarnation - 1),
      incarnation: this.incarnation,
      handled: this.handled,
      ...(busySince === undefined ? {} : { busyMs: this.runtime.clock.monotonic() - busySince }),
      children,
    }
  }

  #show(): string {
    if (this.#terminated !== undefined) return 'stopped'
    if (this.#phase === 'draining' || (this.#phase === 'ending' && this.closed)) return 'stopping'
    if (this.#phase === 'ending') return 'restarting'
    if (this.#phase === 'running') {
      const more = this.#scope === undefined ? undefined : this.behaviour.show?.(this.#scope)
      return more === undefined ? 'running' : `running: ${more}`
    }
    return this.incarnation > 1 || (this.#phase === 'down' && this.incarnation === 1) ? 'restarting' : 'starting'
  }
}

/** The floor is taken and nothing waits for it yet. Never written to. */
const noOne: (() => void)[] = []
