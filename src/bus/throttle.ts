import type { Clock } from '../kernel/clock.ts'

/**
 * Lets one occurrence per key through in `everyMs`. Returns how many there were since the last one it let through,
 * or 0 to stay quiet. Keys must be few: they are kept.
 */
export function createThrottle(clock: Clock, everyMs: number): (key: string) => number {
  const seen = new Map<string, { until: number; held: number }>()
  return (key) => {
    const now = clock.monotonic()
    const entry = seen.get(key)
    if (entry && now < entry.until) {
      entry.held++
      return 0
    }
    seen.set(key, { until: now + everyMs, held: 0 })
    return 1 + (entry?.held ?? 0)
  }
}
