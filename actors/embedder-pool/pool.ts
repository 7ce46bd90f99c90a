import { EmbedCall } from '../../src/embedding/call.ts'
import { createQueue } from '../../src/embedding/queue.ts'
import type { BatchLimits, QueueLimits } from '../../src/embedding/queue.ts'
import { threadModule } from '../../src/embedding/thread/handle.ts'
import { readCharacters } from '../../src/embedding/types.ts'
import type { Embedder, EmbedOptions, Embeddings, ModelInfo, ModelSource, Purpose } from '../../src/embedding/types.ts'
import { createVectorCache } from '../../src/embedding/vector-cache.ts'
import { EmbedderBusy, EmbedderUnavailable, HivemindError, messageOf, ModelUnusable } from '../../src/kernel/errors.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { RefOf, Spawner, Terminated } from '../../src/kernel/types.ts'
import type { Cache } from '../../src/store/ports.ts'
import type { EmbedderItem, EmbedderWorkerInput } from '../../machines/embedder-worker.ts'
import { checkTexts, hashOf } from './texts.ts'
import { embedderWorker, type WorkerSlot } from './worker.ts'

export interface EmbedderPoolOptions {
  system: Spawner & { watch(ref: RefOf<typeof embedderWorker>): Promise<Terminated> }
  clock: Clock
  source: ModelSource
  /** Makes the model available before a thread is started: what it throws is why nothing can be embedded. */
  prepare?(signal: AbortSignal): Promise<unknown>
  /** What serves it in a thread. Default: the module of its kind. */
  module?: URL
  /** Threads at most; the first is started with the first text, others when all are busy. */
  workers: number
  /** Vectors kept in this process, bytes. */
  cacheBytes: number
  queue: QueueLimits
  /** Quiet time after which a thread is let go, ms; null keeps it. */
  idleMs: number | null
  /** Patience with a thread that loads its model, and with one that computes a batch; ms. */
  startMs: number
  batchMs: number
  /** The cache of the hive and the key of a vector in it. Left out for a model that is quicker than a round trip. */
  shared?: { cache: Cache; key(hash: string): string; ttlMs: number }
  onProblem(error: unknown): void
}

export interface EmbedderPool extends Embedder {
  /** Starts a thread, so that the first text need not wait for it. */
  warm(): Promise<ModelInfo>
  stats(): EmbedderStats
  /** Rejects what waits and ends the threads. Twice is harmless. */
  close(): Promise<void>
}

export interface EmbedderStats {
  workers: number
  waiting: number
  hits: number
  misses: number
  batches: number
  texts: number
}

interface Slot extends WorkerSlot {
  ref?: RefOf<typeof embedderWorker>
  /** It would take a batch. */
  free: boolean
  /** Its batch, until it was answered or given back. */
  batch: readonly EmbedderItem[]
}

/** What a worker is asked to do at once. A table look-up is over before a large batch is gathered; a graph wants its tokens together. */
const batchLimits: Readonly<Record<ModelSource['kind'], BatchLimits>> = {
  builtin: { texts: 256, tokens: 16_384 },
  folder: { texts: 256, tokens: 8_192 },
}
const maxAttempts = 3
const maxFailures = 5
/** How long it is left at rest after its workers were given up, ms. */
const restMs = 10_000
/** Of one call: texts that are looked up together, texts and characters that are on their way at once. */
const sliceTexts = 256
const windowTexts = 1_024
const windowCharacters = 8 * 1024 ** 2

/** Embeds on worker threads: batches as they arrive, each text once, however many ask for it. */
export function createEmbedderPool(options: EmbedderPoolOptions): EmbedderPool {
  const { system, clock, source, module = threadModule(source), shared } = options
  const queue = createQueue(options.queue)
  const cache = createVectorCache(options.cacheBytes)
  const limits = batchLimits[source.kind]
  const slots: Slot[] = []
  const ended = new Set<Promise<unknown>>()
  let model = deferred<ModelInfo>()
  let known: ModelInfo | undefined
  let lastKey: string | undefined
  let resting: { error: Error; until: number } | undefined
  let lastProblem: Error | undefined
  let closed = false
  const closing = new AbortController()
  let scheduled = false
  let batches = 0
  let texts = 0

  function dispatch(): void {
    scheduled = false
    for (const slot of slots) {
      if (queue.waiting === 0) return
      if (!slot.free || slot.ref === undefined) continue
      const batch = queue.take(limits, ({ id }) => attempts.has(id))
      slot.free = false
      slot.batch = batch.map(({ id }) => ({ id, attempt: attempts.get(id) ?? 1 }))
      batches++
      texts += batch.length
      slot.ref.tell({ type: 'work', items: slot.batch })
    }
    if (queue.waiting > 0 && slots.length < options.workers && slots.every(({ batch }) => batch.length > 0)) hire()
  }

  /** What is asked for in one turn goes together. */
  function schedule(): void {
    if (scheduled) return
    scheduled = true
    queueMicrotask(dispatch)
  }

  /** Tries of texts that were given back. */
  const attempts = new Map<string, number>()

  function hire(): void {
    const slot: Slot = {
      free: false,
      batch: [],
      threads: new Map(),
      textsOf(items) {
        const jobs = items.flatMap(({ id }) => queue.job(id) ?? [])
        return { purpose: jobs[0]?.purpose ?? 'passage', texts: jobs.map(({ text }) => text) }
      },
      ready(info) {
        if (known !== undefined && known.key !== info.key) {
          lastProblem = new ModelUnusable(known.key, `its files were changed while it was in use (they are ${info.key} now): start again`)
          slot.ref?.tell({ type: 'stop' })
          return
        }
        // Those who were told the old key wait for vectors of the old model.
        if (lastKey !== undefined && lastKey !== info.key) queue.fail(new EmbedderUnavailable(`its model has changed from ${lastKey} to ${info.key}: ask again`))
        known = info
        lastKey = info.key
        lastProblem = undefined
        model.resolve(info)
        slot.free = slot.batch.length === 0
        schedule()
      },
      answered: (items, vectors) => answered(slot, items, vectors),
      givenBack(again, failed, reason) {
        if (reason === 'hung') lastProblem = new HivemindError('embedder_thread_hung', `a batch was not done after ${options.batchMs} ms`, true)
        if (reason === 'not started') lastProblem ??= new HivemindError('embedder_thread_hung', `a thread was not ready after ${options.startMs} ms`, true)
        takeBack(slot, again, failed)
        if (reason === 'failed') slot.free = true
        schedule()
      },
      perhapsFree() {
        slot.free = true
        schedule()
      },
      problem(error) {
        lastProblem = error
        // Trying again would not help.
        if (error instanceof ModelUnusable) slot.ref?.tell({ type: 'stop' })
        else options.onProblem(error)
      },
    }
    slots.push(slot)
    const settings = { maxAttempts, maxFailures, startMs: options.startMs, batchMs: options.batchMs, exitMs: 2_000, idleMs: options.idleMs, backoff: { minMs: 50, maxMs: 5_000 } }
    const employed = employ(slot, settings).catch(options.onProblem).then(() => void ended.delete(employed))
    ended.add(employed)
  }

  async function employ(slot: Slot, settings: EmbedderWorkerInput): Promise<void> {
    let error: unknown
    try {
      await options.prepare?.(closing.signal)
      const ref = await system.spawn(embedderWorker, { input: { settings, source, module, slot }, supervision: { restart: 'temporary' } })
      slot.ref = ref
      ref.tell({ type: closed ? 'stop' : 'start' })
      error = (await system.watch(ref)).error
    } catch (refused) {
      error = refused
    }
    // The actor itself may have failed, or been stopped with the system.
    for (const thread of slot.threads.values()) {
      thread.abandon()
      thread.terminate()
    }
    slots.splice(slots.indexOf(slot), 1)
    if (closed) return
    const crashed = error !== undefined && slot.batch.length > 0
    if (error !== undefined) lastProblem = error instanceof Error ? error : new HivemindError('embedder_failed', messageOf(error), true)
    if (error !== undefined) options.onProblem(error)
    takeBack(slot, slot.batch.filter(({ attempt }) => attempt < maxAttempts).map(({ id, attempt }) => ({ id, attempt: attempt + 1 })), slot.batch.filter(({ attempt }) => attempt >= maxAttempts))
    if (slots.length > 0 || crashed) schedule()
    else rest()
  }

  /** The last worker was given up: whoever waits is told, and so is whoever asks before the rest is over. */
  function rest(): void {
    const error = lastProblem instanceof ModelUnusable || lastProblem instanceof EmbedderUnavailable ? lastProblem : new EmbedderUnavailable(`its threads end again and again${lastProblem === undefined ? '' : ` (${lastProblem.message})`}`, lastProblem)
    resting = { error, until: clock.monotonic() + restMs }
    known = undefined
    lastProblem = undefined
    model.reject(error)
    model = deferred()
    attempts.clear()
    queue.fail(error)
  }

  function takeBack(slot: Slot, again: readonly EmbedderItem[], failed: readonly EmbedderItem[]): void {
    queue.putBack(again.map(({ id }) => id))
    for (const { id, attempt } of again) if (queue.job(id) !== undefined && attempt > 1) attempts.set(id, attempt)
    for (const { id } of failed) settle(id, new EmbedderUnavailable(`a text was tried ${maxAttempts} times${lastProblem === undefined ? '' : ` (${lastProblem.message})`}`, lastProblem))
    slot.batch = []
  }

  function settle(id: string, outcome: Float32Array | Error): void {
    attempts.delete(id)
    queue.settle(id, outcome)
  }

  function answered(slot: Slot, items: readonly EmbedderItem[], vectors: Float32Array): void {
    slot.free = true
    slot.batch = []
    const dimension = known?.dimension ?? 0
    // Those that nobody waits for any more were not sent either.
    const jobs = items.flatMap(({ id }) => queue.job(id) ?? [])
    const fresh = jobs.map((job, index) => {
      const vector = vectors.subarray(index * dimension, (index + 1) * dimension)
      cache.set(job.hash, vector)
      settle(job.id, vector)
      return { hash: job.hash, vector }
    })
    schedule()
    if (shared !== undefined) {
      const entries = fresh.map(({ hash: name, vector }) => ({ key: shared.key(name), value: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), ttlMs: shared.ttlMs }))
      shared.cache.set(entries).catch(options.onProblem)
    }
  }

  async function info(): Promise<ModelInfo> {
    open()
    if (known !== undefined) return known
    if (slots.length === 0) hire()
    return model.promise
  }

  function open(): void {
    if (closed) throw new EmbedderUnavailable('the embedder is closed')
    if (resting === undefined) return
    if (clock.monotonic() < resting.until) throw resting.error
    resting = undefined
  }

  async function embed(asked: readonly string[], { purpose = 'passage', signal }: EmbedOptions = {}): Promise<Embeddings> {
    checkTexts(asked)
    const call = new EmbedCall(asked.length, queue, signal)
    try {
      const model = await call.during(info())
      const longest = readCharacters(model.maxTokens)
      for (let from = 0; from < asked.length; from += sliceTexts) {
        let missing: number[] = []
        for (let index = from; index < Math.min(asked.length, from + sliceTexts); index++) {
          const name = hashOf(model.key, purpose, asked[index] as string)
          call.hashes[index] = name
          const found = cache.get(name)
          if (found === undefined) missing.push(index)
          else {
            call.vectors[index] = found
            call.cached[index] = true
          }
        }
        if (shared !== undefined && missing.length > 0) missing = await call.during(lookUp(missing, call, model.dimension))
        for (const index of missing) {
          const text = (asked[index] as string).slice(0, longest)
          while (!send(call, index, purpose, text)) await call.progress()
        }
        // All of it known: whoever else has something to do comes first.
        if (missing.length === 0 && from + sliceTexts < asked.length) await call.during(new Promise<void>((resolve) => setImmediate(resolve)))
      }
      while (call.texts > 0) await call.progress()
      call.check()
      return call.embeddings(model)
    } finally {
      call.end()
    }
  }

  /** What another process of the hive has computed. Returns what nobody has. */
  async function lookUp(missing: readonly number[], call: EmbedCall, dimension: number): Promise<number[]> {
    const { cache: store, key } = shared as NonNullable<typeof shared>
    const found = await store.get(missing.map((index) => key(call.hashes[index] as string))).catch((error: unknown) => {
      options.onProblem(error)
      return []
    })
    return missing.filter((index, at) => {
      const bytes = found[at]
      if (bytes === undefined || bytes.byteLength !== 4 * dimension) return true
      const vector = new Float32Array(new Uint8Array(bytes).buffer)
      call.vectors[index] = vector.slice()
      call.cached[index] = true
      cache.set(call.hashes[index] as string, vector)
      return false
    })
  }

  /** False when there is no room: then wait for progress. Only a call that has nothing on its way is refused by a full queue. */
  function send(call: EmbedCall, index: number, purpose: Purpose, text: string): boolean {
    if (call.texts >= windowTexts || (call.texts > 0 && call.characters + text.length > windowCharacters)) return false
    try {
      call.send(index, purpose, text)
    } catch (error) {
      if (!(error instanceof EmbedderBusy) || call.texts === 0) throw error
      return false
    }
    schedule()
    return true
  }

  return {
    info,
    embed,
    warm: info,
    stats: () => ({ workers: slots.length, waiting: queue.waiting, hits: cache.hits, misses: cache.misses, batches, texts }),
    async close() {
      if (!closed) {
        closed = true
        closing.abort()
        const error = new EmbedderUnavailable('the embedder is closed')
        queue.fail(error)
        model.reject(error)
        for (const { ref } of slots) ref?.tell({ type: 'stop' })
      }
      await Promise.all(ended)
    },
  }
}

interface Deferred<Value> {
  promise: Promise<Value>
  resolve(value: Value): void
  reject(error: Error): void
}

function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (error: Error) => void
  const promise = new Promise<Value>((take, refuse) => {
    resolve = take
    reject = refuse
  })
  // Nobody may be waiting for it.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
