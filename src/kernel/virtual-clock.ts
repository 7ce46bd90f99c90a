import type { Clock, Timer } from './clock.ts'
import { DueQueue } from './due-queue.ts'
import type { Due } from './due-queue.ts'

/**
 * A clock that stands still until it is advanced. Timers fire in the order of their times, those of one time in the order they
 * were set, and what a timer sets off has run before the next one fires: one program gives one sequence of events.
 */
export class VirtualClock implements Clock {
  #elapsed = 0
  #set = 0
  readonly #epoch: number
  readonly #due = new DueQueue()

  /** `epoch`: what `now()` starts at, ms since 1970. */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch
  }

  now(): number {
    return this.#epoch + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  timer(ms: number, run: () => void): Timer {
    const due: Due = { at: this.#elapsed + Math.max(0, ms), order: this.#set++, run }
    this.#due.push(due)
    return {
      cancel: () => {
        due.run = cancelled
      },
    }
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get timers(): number {
    return this.#due.all().reduce((count, due) => (due.run === cancelled ? count : count + 1), 0)
  }

  /** Lets everything run that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Moves time on by `ms`, firing what is due on the way. Resolves when all of it has run its course. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms
    await this.settle()
    for (let next = this.#take(until); next !== undefined; next = this.#take(until)) {
      this.#elapsed = Math.max(this.#elapsed, next.at)
      next.run()
      await this.settle()
    }
    this.#elapsed = until
  }

  #take(until: number): Due | undefined {
    for (let first = this.#due.first; first !== undefined; first = this.#due.first) {
      if (first.run !== cancelled && first.at > until) return undefined
      this.#due.pop()
      if (first.run !== cancelled) return first
    }
    return undefined
  }
}

const cancelled = (): void => {}
