import { HivemindError, StoreUnavailable } from '../kernel/errors.ts'
import type { RedisLink, LinkEvent } from '../store/redis/link.ts'
import { createRecent } from '../store/redis/recent.ts'
import type { Recent } from '../store/redis/recent.ts'
import type { Defects } from './defects.ts'
import type { Process } from './machine.ts'
import { Pipe } from './network.ts'
import type { Network } from './network.ts'
import type { CallArgs, CallName, CallResult, SimServer } from './server/server.ts'

/** As the real adapter has them, ms. */
const watchdogMs = 5_000
const tickMs = 1_000
const keepMs = 3_000
const reconnectMs = { min: 50, max: 2_000 }

interface Waiting {
  sentAt: number
  reject(error: unknown): void
}

export interface Subscription {
  channel: string
  onPayload(payload: string): void
  /** Whatever was published since the connection was lost is lost to this subscriber. */
  onGap(): void
}

/**
 * The connection of one process to the server. While it is up, calls travel in order and so do their answers. When it breaks,
 * what was on its way is refused with `StoreUnavailable`, whether it arrived or not; it may even arrive later. Comes back by
 * itself, and sends again what the server acknowledged last if that is another one than before.
 */
export class Connection implements RedisLink {
  state: 'up' | 'down' = 'down'
  readonly recent: Recent
  readonly defects: Defects
  readonly #listeners = new Set<(event: LinkEvent) => void>()
  readonly #subscriptions = new Set<Subscription>()
  #waiting = new Set<Waiting>()
  #out: Pipe
  #in: Pipe
  /** Which connection this is: packets of an earlier one are ghosts. */
  #number = 0
  #runId: number | undefined
  #attempts = 0
  #closed = false

  constructor(private readonly network: Network, private readonly server: SimServer, readonly process: Process) {
    this.defects = network.defects
    this.recent = createRecent(process, keepMs, 64 * 1024 ** 2)
    this.#out = new Pipe(network, process.machine.name)
    this.#in = new Pipe(network, process.machine.name)
  }

  on(listener: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async ping(): Promise<number> {
    const asked = this.process.monotonic()
    await this.call('inspect', [''])
    return this.process.monotonic() - asked
  }

  call<Name extends CallName>(name: Name, args: CallArgs<Name>): Promise<CallResult<Name>> {
    if (this.state === 'down') return Promise.reject(away())
    return this.#send(name, args)
  }

  /** Also while the connection is coming back. */
  callUnchecked<Name extends CallName>(name: Name, args: CallArgs<Name>): Promise<CallResult<Name>> {
    return this.#send(name, args)
  }

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription)
    return () => void this.#subscriptions.delete(subscription)
  }

  /** The server publishes: what becomes of it on its way is up to the weather. */
  published(channel: string, payload: string): void {
    if (this.state === 'down' || !this.process.alive) return
    const { prng } = this.network
    const weather = this.network.weather(this.process.machine.name)
    const copies = weather.publicationLost > 0 && prng.chance(weather.publicationLost) ? 0 : weather.publicationTwice > 0 && prng.chance(weather.publicationTwice) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const late = weather.publicationLate > 0 && prng.chance(weather.publicationLate) ? prng.next() * 200 : 0
      const number = this.#number
      this.process.at(this.#in.arrival() + late, () => {
        if (number !== this.#number) return
        this.network.packets++
        for (const subscription of this.#subscriptions) if (subscription.channel === channel) subscription.onPayload(payload)
      })
    }
  }

  /** Connects for the first time; rejects when nobody answers, and may then be tried again. */
  async open(): Promise<void> {
    await this.#connect()
    this.#watch()
  }

  close(): void {
    this.#closed = true
    this.break('closed')
  }

  /** The connection is lost. */
  break(reason: string): void {
    const { trace, scheduler } = this.network
    const waiting = this.#waiting
    this.#number++
    this.#waiting = new Set()
    this.#out = new Pipe(this.network, this.process.machine.name)
    this.#in = new Pipe(this.network, this.process.machine.name)
    const wasUp = this.state === 'up'
    this.state = 'down'
    if (!this.process.alive) return
    trace.add(scheduler.now, this.process.machine.name, `connection lost: ${reason}`)
    for (const { reject } of waiting) reject(away())
    if (wasUp) {
      this.#emit({ type: 'down', error: away() })
      this.#reconnectSoon()
    }
  }

  #reconnectSoon(): void {
    if (this.#closed) return
    const ms = Math.min(reconnectMs.max, reconnectMs.min * 2 ** this.#attempts++) * (0.5 + this.network.prng.next() / 2)
    this.process.timer(ms, () => {
      if (this.#closed || this.state === 'up') return
      this.#connect().catch(() => this.#reconnectSoon())
    })
  }

  async #connect(): Promise<void> {
    const { server } = this
    const number = ++this.#number
    const { blockedUntil } = this.network.weather(this.process.machine.name)
    if (!server.up || blockedUntil > this.network.scheduler.now) {
      await new Promise<void>((resolve) => this.process.after(server.up ? Math.min(1_000, blockedUntil - this.network.scheduler.now) : 1, resolve))
      throw away()
    }
    await this.#send('inspect', [''])
    const known = this.#runId
    this.#runId = server.runId
    if (known !== undefined && known !== server.runId) {
      let result: { repeated: number; refused: number }
      try {
        result = this.network.defects.noRepeat ? { repeated: 0, refused: 0 } : await this.recent.repeatAll()
      } catch (error) {
        // It is still the server that lacks what was acknowledged.
        this.#runId = known
        throw error
      }
      this.network.trace.add(this.network.scheduler.now, this.process.machine.name, `repeated ${result.repeated}, refused ${result.refused}`)
      this.#emit({ type: 'restarted', reason: 'run-id', ...result })
    }
    if (number !== this.#number || this.#closed) throw away()
    this.#attempts = 0
    this.state = 'up'
    this.network.trace.add(this.network.scheduler.now, this.process.machine.name, 'connected')
    this.network.connected(this.process)
    this.#emit({ type: 'up' })
    for (const { onGap } of this.#subscriptions) onGap()
  }

  /** A connection on which nothing comes back is thrown away. */
  #watch(): void {
    this.process.timer(tickMs, () => {
      if (this.#closed) return
      const [oldest] = this.#waiting
      if (oldest !== undefined && this.process.monotonic() - oldest.sentAt >= watchdogMs) {
        this.#emit({ type: 'frozen', connection: 'writer', silentMs: this.process.monotonic() - oldest.sentAt })
        this.break('silent')
      } else if (this.state === 'up') this.call('inspect', ['']).then(() => this.recent.alive(), () => undefined)
      this.#watch()
    })
  }

  #send<Name extends CallName>(name: Name, args: CallArgs<Name>): Promise<CallResult<Name>> {
    const { network, process, server } = this
    const number = this.#number
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { sentAt: process.monotonic(), reject }
      this.#waiting.add(waiting)
      const arrive = (ghost: boolean): void => {
        if (!server.up) return
        if (number !== this.#number || !process.alive) {
          // What was in the buffers of a connection that broke is lost, or read later all the same.
          if (!ghost && network.prng.chance(0.5)) network.scheduler.after(network.prng.next() ** 3 * 2_000, () => arrive(true))
          if (!ghost) return
        }
        network.packets++
        const answer = this.#execute(name, args)
        if (ghost) return
        process.at(this.#in.arrival(), () => {
          if (number !== this.#number) return
          network.packets++
          this.#waiting.delete(waiting)
          if (answer.ok) {
            resolve(answer.result)
            network.answered(process, name, args, answer.result)
          } else reject(answer.error)
        })
      }
      network.scheduler.at(this.#out.arrival(), () => arrive(false))
    })
  }

  #execute<Name extends CallName>(name: Name, args: CallArgs<Name>): { ok: true; result: CallResult<Name> } | { ok: false; error: unknown } {
    const { trace, scheduler } = this.network
    trace.add(scheduler.now, this.process.machine.name, name)
    try {
      return { ok: true, result: this.server.execute(name, args) }
    } catch (error) {
      if (!(error instanceof HivemindError)) throw error
      return { ok: false, error }
    }
  }

  #emit(event: LinkEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function away(): StoreUnavailable {
  return new StoreUnavailable('the simulated store is away')
}
