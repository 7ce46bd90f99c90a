import type { Clock } from './clock.ts'

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Resolves when all have settled, whichever way, but no later than in `ms`. Never rejects. */
export function settledWithin(clock: Clock, ms: number, work: readonly PromiseLike<unknown>[]): Promise<void> {
  if (work.length === 0) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.timer(ms, () => resolve())
    void Promise.allSettled(work).then(() => {
      timer.cancel()
      resolve()
    })
  })
}
