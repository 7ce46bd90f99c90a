import type { Clock, Timer } from './clock.ts'

interface Due {
  at: number
  order: number
  run: () => void
}

/**
 * A clock that stands still until it is advanced. Timers fire in the order of their times, those of one time in the order they
 * were set, and what a timer sets off has run before the next one fires: one program gives one sequence of events.
 */
export class VirtualClock implements Clock {
  #elapsed = 0
  #set = 0
  readonly #epoch: number
  /** A heap: the next timer is first. */
  readonly #due: Due[] = []

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
    this.#push(due)
    return {
      cancel: () => {
        due.run = cancelled
      },
    }
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get timers(): number {
    return this.#due.reduce((count, due) => (due.run === cancelled ? count : count + 1), 0)
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
    for (let first = this.#due[0]; first !== undefined; first = this.#due[0]) {
      if (first.run !== cancelled && first.at > until) return undefined
      this.#pop()
      if (first.run !== cancelled) return first
    }
    return undefined
  }

  #push(due: Due): void {
    const heap = this.#due
    let hole = heap.length
    heap.push(due)
    for (let parent = (hole - 1) >> 1; hole > 0 && before(due, heap[parent] as Due); parent = (hole - 1) >> 1) {
      heap[hole] = heap[parent] as Due
      hole = parent
    }
    heap[hole] = due
  }

  #pop(): void {
    const heap = this.#due
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let hole = 0
    for (let child = 1; child < heap.length; child = hole * 2 + 1) {
      const right = heap[child + 1]
      if (right !== undefined && before(right, heap[child] as Due)) child++
      if (!before(heap[child] as Due, last)) break
      heap[hole] = heap[child] as Due
      hole = child
    }
    heap[hole] = last
  }
}

const cancelled = (): void => {}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
