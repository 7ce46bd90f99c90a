import { StoreBusy } from '../kernel/errors.ts'

export interface BatcherOptions<Item, Result> {
  /** What is batched, in the plural, for error messages ("calls of the store"). */
  what: string
  /** Items in one batch at most. */
  maxItems: number
  /** Sum of `sizeOf` in one batch at most; one item above it travels alone. */
  maxBytes: number
  /** Items waiting for their batch at most; `add` rejects with `StoreBusy` beyond it. */
  maxQueued: number
  /** Sum of `sizeOf` of what waits, at most; the same refusal beyond it. */
  maxQueuedBytes?: number
  sizeOf(item: Item): number
  /** Results in the order of the items. Rejecting fails every item of the batch with that error. */
  flush(items: Item[]): Promise<readonly Result[]>
  /** Batches on their way at once (default 1). With more than one, `flush` itself must keep their order. */
  inFlight?: number
}

export interface Batcher<Item, Result> {
  add(item: Item): Promise<Result>
  /** Items waiting plus items on their way. */
  readonly size: number
  /** Settles when nothing is waiting or on its way; never rejects. */
  idle(): Promise<void>
}

interface Waiting<Item, Result> {
  item: Item
  bytes: number
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Group commit: the calls of one tick travel together, and while a batch is on its way the next one gathers,
 * so that the slower the store is, the larger its batches are.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const inFlightLimit = options.inFlight ?? 1
  const maxQueuedBytes = options.maxQueuedBytes ?? Infinity
  let queue: Waiting<Item, Result>[] = []
  let queuedBytes = 0
  let scheduled = false
  let inFlight = 0
  let travelling = 0
  let idleWaiters: (() => void)[] = []

  function schedule(): void {
    if (scheduled || inFlight >= inFlightLimit || queue.length === 0) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      while (inFlight < inFlightLimit && queue.length > 0) void send(nextBatch())
    })
  }

  function nextBatch(): Waiting<Item, Result>[] {
    let count = 0
    let bytes = 0
    for (const waiting of queue) {
      bytes += waiting.bytes
      if (count === options.maxItems || (count > 0 && bytes > options.maxBytes)) break
      count++
    }
    const batch = queue.slice(0, count)
    queue = queue.slice(count)
    for (const waiting of batch) queuedBytes -= waiting.bytes
    return batch
  }

  async function send(batch: Waiting<Item, Result>[]): Promise<void> {
    inFlight++
    travelling += batch.length
    try {
      const results = await options.flush(batch.map((waiting) => waiting.item))
      if (results.length !== batch.length) throw new Error(`${options.what}: ${results.length} results for ${batch.length} items`)
      for (const [index, waiting] of batch.entries()) waiting.resolve(results[index] as Result)
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    }
    inFlight--
    travelling -= batch.length
    if (queue.length > 0) schedule()
    else if (inFlight === 0) {
      const waiters = idleWaiters
      idleWaiters = []
      for (const wake of waiters) wake()
    }
  }

  return {
    add(item) {
      if (queue.length >= options.maxQueued || queuedBytes >= maxQueuedBytes) return Promise.reject(new StoreBusy(options.what, queue.length))
      return new Promise((resolve, reject) => {
        const bytes = options.sizeOf(item)
        queue.push({ item, bytes, resolve, reject })
        queuedBytes += bytes
        schedule()
      })
    },
    get size() {
      return queue.length + travelling
    },
    idle() {
      if (queue.length === 0 && inFlight === 0) return Promise.resolve()
      return new Promise((resolve) => idleWaiters.push(resolve))
    },
  }
}
