import type { Clock, Randomness, Timer } from './clock.ts'
import { InvalidArgument, SpawnRefused } from './errors.ts'
import { bindLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { LocalRef } from './ref.ts'
import type { Target, Watcher } from './ref.ts'
import type { OwnedGroup, Owner, Runtime } from './runtime.ts'
import type { AnyRef, Behaviour, BehaviourContext, Definition, GroupSpec, Message, SpawnOptions, Terminated } from './types.ts'

/** What an incarnation needs of its cell. */
export interface Host {
  readonly id: string
  readonly input: unknown
  readonly ref: LocalRef
  readonly behaviour: Behaviour
  readonly runtime: Runtime
  /** Delivers through the control lane, if `scope` is still the present incarnation. */
  deliver(scope: Scope, message: Message): void
  /** Ends the incarnation as failed. Ignored when it is ending already. */
  crash(scope: Scope, error: unknown): void
  /** Ends the incarnation, without a failure, after the message in hand. */
  finish(scope: Scope): void
}

/**
 * One incarnation of an actor: the context that its behaviour sees, and all that ends with it (timers, watches, children, work
 * in flight). What few actors use is made when it is first asked for, so that an idle one stays small.
 */
export class Scope implements BehaviourContext, Owner {
  state: any = undefined
  readonly incarnation: number
  /** No message is taken any more; see `Host.finish`. */
  finishing = false
  /** The behaviour has started: its stop hook is due. */
  started = false
  /** A start that takes its time. */
  starting: PromiseLike<unknown> | undefined
  /** Handlers that have not settled. */
  flights = 0
  #ended = false
  readonly #host: Host
  #controller: AbortController | undefined
  #timers: Map<string | number, Timer> | undefined
  #watches: Map<Target, Watcher> | undefined
  #groups: Set<OwnedGroup> | undefined
  #work: Set<PromiseLike<unknown>> | undefined

  constructor(host: Host, incarnation: number) {
    this.#host = host
    this.incarnation = incarnation
  }

  get id(): string {
    return this.#host.id
  }

  get input(): unknown {
    return this.#host.input
  }

  get self(): AnyRef {
    return this.#host.ref
  }

  get clock(): Clock {
    return this.#host.runtime.clock
  }

  get randomness(): Randomness {
    return this.#host.runtime.randomness
  }

  get log(): Logger {
    return bindLogger(this.#host.runtime.logger, { actor: this.id, incarnation: this.incarnation })
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#ended) this.#controller.abort()
    }
    return this.#controller.signal
  }

  get prefix(): string {
    return `${this.id}/`
  }

  get groups(): Set<OwnedGroup> {
    this.#groups ??= new Set()
    return this.#groups
  }

  get ended(): boolean {
    return this.#ended
  }

  after(ms: number, message: Message): Timer {
    const timers = this.#openTimers()
    const timer = this.#arm(timers, timerKey++, ms, () => message)
    return timer
  }

  startTimer(id: string, ms: number, message: () => Message): void {
    const timers = this.#openTimers()
    timers.get(id)?.cancel()
    this.#arm(timers, id, ms, message)
  }

  cancelTimer(id: string): void {
    this.#timers?.get(id)?.cancel()
  }

  watch(ref: AnyRef): void {
    if (!this.#host.behaviour.handles('terminated')) {
      throw new InvalidArgument('handlers.terminated', `"${this.id}" watches "${ref.id}" and has no handler for "terminated": add one`)
    }
    const target = LocalRef.targetOf(ref)
    if (this.#ended || this.#watches?.has(target)) return
    const watcher: Watcher = { notify: (terminated) => this.#onTerminated(target, terminated) }
    this.#watches ??= new Map()
    this.#watches.set(target, watcher)
    target.addWatcher(watcher)
  }

  unwatch(ref: AnyRef): void {
    const target = LocalRef.targetOf(ref)
    const watcher = this.#watches?.get(target)
    if (watcher === undefined) return
    this.#watches?.delete(target)
    target.removeWatcher(watcher)
  }

  spawn(definition: Definition<any, any, any>, options?: SpawnOptions<any>): Promise<any> {
    if (this.#ended) return Promise.reject(new SpawnRefused(this.id))
    return this.#host.runtime.spawn(this, definition, options)
  }

  startGroup(spec: GroupSpec): Promise<void> {
    return this.#host.runtime.startGroup(this, spec)
  }

  stop(): void {
    this.#host.finish(this)
  }

  fail(error: unknown): void {
    this.#host.crash(this, error)
  }

  groupEscalated(error: unknown): void {
    this.#host.crash(this, error)
  }

  track(work: PromiseLike<unknown>): void {
    this.#work ??= new Set()
    this.#work.add(work)
    work.then(
      () => this.#work?.delete(work),
      (error: unknown) => {
        this.#work?.delete(work)
        this.#host.crash(this, error)
      },
    )
  }

  /** Work that has not settled: the end of the incarnation waits for it. */
  get pending(): PromiseLike<unknown>[] {
    return this.#work === undefined ? [] : [...this.#work]
  }

  get hasChildren(): boolean {
    return this.#groups !== undefined && this.#groups.size > 0
  }

  /** Aborts the signal, cancels the timers, ends the watches. */
  end(): void {
    this.#ended = true
    if (this.#timers !== undefined) for (const timer of this.#timers.values()) timer.cancel()
    if (this.#watches !== undefined) for (const [target, watcher] of this.#watches) target.removeWatcher(watcher)
    this.#watches = undefined
    this.#controller?.abort()
  }

  #openTimers(): Map<string | number, Timer> {
    this.#timers ??= new Map()
    return this.#timers
  }

  #arm(timers: Map<string | number, Timer>, key: string | number, ms: number, message: () => Message): Timer {
    let live = !this.#ended
    const drop = (): boolean => {
      if (!live) return false
      live = false
      if (timers.get(key) === timer) timers.delete(key)
      return true
    }
    const running = live
      ? this.clock.timer(ms, () => {
          if (drop()) this.#host.deliver(this, message())
        })
      : undefined
    const timer: Timer = {
      cancel: () => {
        if (drop()) running?.cancel()
      },
    }
    if (live) timers.set(key, timer)
    return timer
  }

  #onTerminated(target: Target, terminated: Terminated): void {
    if (this.#watches?.delete(target)) this.#host.deliver(this, terminated)
  }
}

let timerKey = 0
