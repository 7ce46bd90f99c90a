import type { Randomness } from '../../src/kernel/clock.ts'

/** Randomness without surprises: halves, and ids that count. */
export function countingRandomness(): Randomness {
  let count = 0
  return { next: () => 0.5, id: () => `r${++count}` }
}
