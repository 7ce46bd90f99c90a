import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'

/** A running timer. Cancelling twice, or after it fired, is harmless. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time. The system clock and the virtual clock of the simulator both implement it;
 * nothing else in the runtime reads the time or sets a timer.
 */
export interface Clock {
  /** Wall time in ms since 1970. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonic(): number
  /** Calls `run` once, no sooner than `ms` from now. A timer with `background` does not keep the process alive. */
  timer(ms: number, run: () => void, options?: { background?: boolean }): Timer
}

/** The only source of randomness. */
export interface Randomness {
  /** Uniform in [0, 1). */
  next(): number
  /** A unique id. */
  id(): string
}

/** setTimeout fires at once for anything above this, so longer waits are cut into pieces. */
const longestTimeoutMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, run, options) {
    let left = Math.max(0, ms)
    let handle: NodeJS.Timeout
    const arm = (): void => {
      const piece = Math.min(left, longestTimeoutMs)
      left -= piece
      handle = setTimeout(() => (left > 0 ? arm() : run()), piece)
      if (options?.background) handle.unref()
    }
    arm()
    return { cancel: () => clearTimeout(handle) }
  },
}

export const systemRandomness: Randomness = {
  next: () => Math.random(),
  id: () => randomUUID(),
}

/** A wait that ends early, and rejects with the signal's reason, when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
