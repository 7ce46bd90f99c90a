import type { Clock, Timer } from '../../src/kernel/clock.ts'

interface Expiring {
  expired(deadlineMs: number): void
}

/** One deadline for all handlers of a reader: as each has the same time, the first to begin is the first to be late, and one timer does. */
export class Deadlines {
  private readonly running = new Map<Expiring, number>()
  private timer: Timer | undefined

  constructor(private readonly clock: Clock, private readonly deadlineMs: number) {}

  add(handler: Expiring): void {
    if (!Number.isFinite(this.deadlineMs)) return
    this.running.set(handler, this.clock.monotonic() + this.deadlineMs)
    this.timer ??= this.clock.timer(this.deadlineMs, () => this.look(), { background: true })
  }

  remove(handler: Expiring): void {
    this.running.delete(handler)
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.running.clear()
  }

  /** The timer is not moved when a handler ends in time, so that most looks only set the next one. */
  private look(): void {
    this.timer = undefined
    const now = this.clock.monotonic()
    for (const [handler, due] of this.running) {
      if (due > now) {
        this.timer ??= this.clock.timer(due - now, () => this.look(), { background: true })
        return
      }
      this.running.delete(handler)
      handler.expired(this.deadlineMs)
    }
  }
}
