import type { Clock, Randomness, Timer } from '../../src/kernel/clock.ts'

/** Time that moves when the test says so. */
export class ManualClock implements Clock {
  #now = 1_000_000
  #timers = new Set<{ at: number; run: () => void }>()

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  timer(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  get pending(): number {
    return this.#timers.size
  }

  /** Fires what is due, in order of time. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
    }
    this.#now = until
  }
}

/** Lets everything that needs no timer run to its end. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve))
}

export function countingRandomness(): Randomness {
  let count = 0
  return { next: () => 0.5, id: () => `r${++count}` }
}
