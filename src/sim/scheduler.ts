import { DueQueue } from '../kernel/due-queue.ts'

/** What the simulated `setImmediate` returns. */
class Immediate {
  constructor(public run: () => void) {}

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

/** Steps handed to the event loop at once: each runs with all its microtasks before the next one begins. */
const stepsPerTurn = 64

/**
 * Virtual time for everything in a simulation. Whatever is due runs in the order of its time, then of its scheduling, one step
 * after the other with all the microtasks it sets off. While a scheduler runs, `setImmediate` of the whole process is its
 * own, so that what code puts off until the next turn of the event loop still comes before anything later in virtual time.
 */
export class Scheduler {
  #now = 0
  #order = 0
  #steps = 0
  readonly #due = new DueQueue()
  #soon: Immediate[] = []
  #soonAt = 0

  /** ms since the simulation began. */
  get now(): number {
    return this.#now
  }

  get steps(): number {
    return this.#steps
  }

  at(time: number, run: () => void): void {
    this.#due.push({ at: Math.max(time, this.#now), order: this.#order++, run })
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + Math.max(0, ms), run)
  }

  /** Runs until the given time, or until `until()` holds; rejects with what a step throws. One run at a time in a process. */
  run(limit: number, until: () => boolean = () => false): Promise<void> {
    const { setImmediate: real, clearImmediate: realClear } = globalThis
    const trapped = (run: (...args: unknown[]) => void, ...args: unknown[]): Immediate => {
      const immediate = new Immediate(() => run(...args))
      this.#soon.push(immediate)
      return immediate
    }
    globalThis.setImmediate = trapped as unknown as typeof setImmediate
    globalThis.clearImmediate = ((handle: unknown) => {
      if (handle instanceof Immediate) handle.run = () => {}
      else realClear(handle as NodeJS.Immediate)
    }) as typeof clearImmediate
    return new Promise<void>((resolve, reject) => {
      let over = false
      const end = (failure?: { error: unknown }): void => {
        if (over) return
        over = true
        globalThis.setImmediate = real
        globalThis.clearImmediate = realClear
        if (failure === undefined) resolve()
        else reject(failure.error)
      }
      const step = (): void => {
        if (over) return
        try {
          if (until() || !this.#step(limit)) end()
        } catch (error) {
          end({ error })
        }
      }
      const turn = (): void => {
        if (over) return
        for (let count = 0; count < stepsPerTurn; count++) real(step)
        real(turn)
      }
      real(turn)
    })
  }

  /** False when nothing is due by `limit`. */
  #step(limit: number): boolean {
    this.#steps++
    if (this.#soonAt < this.#soon.length) {
      const immediate = this.#soon[this.#soonAt++] as Immediate
      if (this.#soonAt === this.#soon.length) {
        this.#soon = []
        this.#soonAt = 0
      }
      immediate.run()
      return true
    }
    const next = this.#due.first
    if (next === undefined || next.at > limit) {
      this.#now = Math.max(this.#now, limit)
      return false
    }
    this.#due.pop()
    this.#now = next.at
    next.run()
    return true
  }
}
