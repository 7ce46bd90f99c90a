import { systemClock, type Clock } from '../../../src/kernel/clock.ts'

/** The system's clock, but background timers (sweeps, watchdog) fire only when `tick` is called. */
export function handClock(): Clock & { tick(): void } {
  let due: (() => void)[] = []
  return {
    ...systemClock,
    timer(ms, run, options) {
      if (!options?.background) return systemClock.timer(ms, run, options)
      due.push(run)
      return { cancel: () => void (due = due.filter((other) => other !== run)) }
    },
    tick() {
      const now = due
      due = []
      for (const run of now) run()
    },
  }
}
