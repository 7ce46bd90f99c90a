import type { Clock } from './clock.ts'

/** Something with messages to handle. */
export interface Runnable {
  scheduled: boolean
  /** Handles at most `most` messages; returns how many it did. Never throws. */
  run(most: number): number
  /** Whether it could go on at once. */
  readonly ready: boolean
}

/** Messages one actor handles before the next one has its turn. */
const slice = 16
/** Messages, and milliseconds, after which timers and I/O have their turn. */
const turnMessages = 2048
const turnMs = 5

/** Cheaper than queueMicrotask, which makes an AsyncResource each time. */
const settled = Promise.resolve()

/**
 * The run queue of all actors. It is worked off in a microtask, so that a message costs no trip through the event loop, and
 * goes on in `setImmediate` once a turn is used up. What is left of a turn carries over between microtasks:
 * actors that keep waking each other cannot starve the event loop.
 */
export class Dispatcher {
  readonly #clock: Clock
  #queue: Runnable[] = []
  #head = 0
  #armed = false
  #messagesLeft = turnMessages
  #msLeft = turnMs

  constructor(clock: Clock) {
    this.#clock = clock
  }

  schedule(runnable: Runnable): void {
    runnable.scheduled = true
    this.#queue.push(runnable)
    if (!this.#armed) {
      this.#armed = true
      void settled.then(this.#drain)
    }
  }

  readonly #drain = (): void => {
    const start = this.#clock.monotonic()
    let unchecked = 0
    while (this.#head < this.#queue.length) {
      const next = this.#take()
      const handled = next.run(slice)
      if (next.ready) this.#queue.push(next)
      else next.scheduled = false
      this.#messagesLeft -= handled
      unchecked += handled + 1
      if (this.#messagesLeft <= 0 || (unchecked >= slice && this.#clock.monotonic() - start >= this.#msLeft)) {
        this.#messagesLeft = turnMessages
        this.#msLeft = turnMs
        setImmediate(this.#drain)
        return
      }
      if (unchecked >= slice) unchecked = 0
    }
    this.#msLeft -= this.#clock.monotonic() - start
    this.#armed = false
  }

  #take(): Runnable {
    const next = this.#queue[this.#head++] as Runnable
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return next
  }
}
