import type { Clock, Timer } from '../kernel/clock.ts'
import type { Scheduler } from './scheduler.ts'

/** What the wall clocks of a simulation start at. */
export const epochMs = Date.UTC(2026, 0, 1)

/** A computer that a node runs on: its clock, which may run fast, slow, or be set; and the process that runs now. */
export class Machine {
  #offset = 0
  running: Process | undefined

  /** `rate`: ms that pass on its clock while one passes in truth. */
  constructor(readonly name: string, readonly scheduler: Scheduler, readonly rate: number) {}

  /** Sets the wall clock forward, or back. */
  jump(ms: number): void {
    this.#offset += ms
  }

  get wall(): number {
    return epochMs + this.#offset + this.monotonic
  }

  get monotonic(): number {
    return this.scheduler.now * this.rate
  }

  start(): Process {
    this.running = new Process(this)
    return this.running
  }
}

/** One life of a node. What reaches it after its end is lost; what reaches it while it is paused waits. */
export class Process implements Clock {
  alive = true
  /** 0 while it runs. */
  #pausedUntil = 0
  #held: (() => void)[] = []

  constructor(readonly machine: Machine) {}

  now(): number {
    return this.machine.wall
  }

  monotonic(): number {
    return this.machine.monotonic
  }

  timer(ms: number, run: () => void): Timer {
    let cancelled = false
    this.after(Math.max(0, ms) / this.machine.rate, () => {
      if (!cancelled) run()
    })
    return {
      cancel() {
        cancelled = true
      },
    }
  }

  /** In true time. */
  after(ms: number, run: () => void): void {
    this.at(this.machine.scheduler.now + ms, run)
  }

  at(time: number, run: () => void): void {
    const { scheduler } = this.machine
    scheduler.at(time, () => {
      if (!this.alive) return
      if (this.#pausedUntil > 0) this.#held.push(run)
      else run()
    })
  }

  /** Stops it for a while, as SIGSTOP or a long garbage collection does. */
  pause(ms: number): void {
    const { scheduler } = this.machine
    const until = scheduler.now + ms
    if (until <= this.#pausedUntil) return
    this.#pausedUntil = until
    scheduler.at(until, () => {
      if (until === this.#pausedUntil) this.resume()
    })
  }

  /** Goes on: what came meanwhile is there, in its order. */
  resume(): void {
    this.#pausedUntil = 0
    const held = this.#held
    this.#held = []
    for (const run of held) this.after(0, run)
  }

  /** Ends it at once, as kill -9 does. */
  kill(): void {
    this.alive = false
    if (this.machine.running === this) this.machine.running = undefined
  }
}
