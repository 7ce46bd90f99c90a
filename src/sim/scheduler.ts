interface Due {
  at: number
  order: number
  run(): void
}

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
  readonly #heap: Due[] = []
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
    push(this.#heap, { at: Math.max(time, this.#now), order: this.#order++, run })
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
    const next = this.#heap[0]
    if (next === undefined || next.at > limit) {
      this.#now = Math.max(this.#now, limit)
      return false
    }
    pop(this.#heap)
    this.#now = next.at
    next.run()
    return true
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Due[], due: Due): void {
  let hole = heap.length
  heap.push(due)
  for (let parent = (hole - 1) >> 1; hole > 0 && before(due, heap[parent] as Due); parent = (hole - 1) >> 1) {
    heap[hole] = heap[parent] as Due
    hole = parent
  }
  heap[hole] = due
}

function pop(heap: Due[]): void {
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
