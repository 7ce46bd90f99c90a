import type { Worker } from 'node:worker_threads'
import type { Clock } from '../../kernel/clock.ts'
import { InvalidArgument, StoreUnavailable, messageOf } from '../../kernel/errors.ts'
import { startThread } from '../../kernel/thread.ts'
import { createBatcher } from '../batcher.ts'
import { fromWire, toWire } from './wire.ts'
import type { FromWorker, Reply, ToWorker, WorkerOptions } from './wire.ts'
import type { CallArgs, CallName, CallResult, Request } from './worker/calls.ts'
import type { Rung } from './worker/rooms.ts'

export interface ClientOptions {
  dataDir: string
  durability: 'process' | 'fsync'
  clock: Clock
  /** A damaged file was moved to this path and a new one begun. */
  onSetAside(path: string): void
  /** This process appended. */
  onRung(rung: Rung): void
}

/** The main thread's side of the writer worker. Calls of one tick, and calls made while others run, share transactions. */
export interface Client {
  /** Starts the worker, or says why the folder cannot be used. Returns where the ring stands. */
  start(): Promise<number>
  /** `bytes`: how large the arguments are, roughly. */
  call<Name extends CallName>(name: Name, args: CallArgs<Name>, bytes?: number): Promise<CallResult<Name>>
  /** Keeps the process alive until the returned function is called; pending calls do so by themselves. */
  hold(): () => void
  close(): Promise<void>
}

interface Running {
  worker: Worker
  ring: number
  inFlight: Map<number, { resolve(replies: readonly Reply[]): void; reject(error: Error): void }>
}

export function createClient(options: ClientOptions): Client {
  let running: Promise<Running> | undefined
  /** Of every worker that was started and has not ended. */
  const exits = new Set<Promise<void>>()
  let closing: Promise<void> | undefined
  let batches = 0
  let holders = 0

  const batcher = createBatcher<{ request: Request; bytes: number }, Reply>({
    what: 'calls of the store',
    maxItems: 2_000,
    maxBytes: 4 * 2 ** 20,
    maxQueued: 100_000,
    maxQueuedBytes: 256 * 2 ** 20,
    inFlight: 2,
    sizeOf: (item) => item.bytes,
    flush: (items) => flush(items.map((item) => item.request)),
  })

  function ensure(): Promise<Running> {
    if (running === undefined) {
      const worker = newWorker(options)
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      exits.add(exited)
      void exited.then(() => exits.delete(exited))
      const starting = start(worker, options, () => {
        if (running === starting) running = undefined
      })
      starting.then(keepAlive, () => undefined)
      running = starting
    }
    return running
  }

  async function flush(requests: Request[]): Promise<readonly Reply[]> {
    const current = await ensure()
    const { worker, inFlight } = current
    const id = ++batches
    try {
      worker.postMessage({ kind: 'calls', id, now: now(), requests } satisfies ToWorker)
    } catch (error) {
      // Something in it cannot be sent to a thread: that call alone is refused.
      if (requests.length === 1) return [{ error: toWire(new InvalidArgument(requests[0]!.name, messageOf(error))) }]
      return (await Promise.all(requests.map((request) => flush([request])))).flat()
    }
    const replies = new Promise<readonly Reply[]>((resolve, reject) => inFlight.set(id, { resolve, reject }))
    keepAlive(current)
    try {
      return await replies
    } finally {
      inFlight.delete(id)
      keepAlive(current)
    }
  }

  function keepAlive({ worker, inFlight }: Running): void {
    if (holders > 0 || inFlight.size > 0) worker.ref()
    else worker.unref()
  }

  const now = (): number => Math.trunc(options.clock.now())

  async function stop(): Promise<void> {
    await batcher.idle()
    const current = await running?.catch(() => undefined)
    current?.worker.ref()
    current?.worker.postMessage({ kind: 'close' } satisfies ToWorker)
    await Promise.all(exits)
  }

  return {
    start: async () => (await ensure()).ring,
    async call(name, args, bytes = 100) {
      if (closing !== undefined) throw new StoreUnavailable('the store is closed')
      const reply = await batcher.add({ request: { name, args }, bytes })
      if ('error' in reply) throw fromWire(reply.error)
      return reply.value as never
    },
    hold() {
      holders++
      void running?.then(keepAlive, () => undefined)
      let held = true
      return () => {
        if (held) holders--
        held = false
        void running?.then(keepAlive, () => undefined)
      }
    },
    close: () => (closing ??= stop()),
  }
}

/** Settles when the worker has opened the file or has failed to; `onGone` is called as soon as it takes no more calls. */
function start(worker: Worker, options: ClientOptions, onGone: () => void): Promise<Running> {
  const inFlight: Running['inFlight'] = new Map()
  return new Promise((resolve, reject) => {
    function fail(error: Error): void {
      onGone()
      reject(error)
      for (const batch of inFlight.values()) batch.reject(error)
      inFlight.clear()
    }
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          if (message.setAside !== undefined) options.onSetAside(message.setAside)
          resolve({ worker, ring: message.ring, inFlight })
          break
        case 'failed':
          fail(fromWire(message.error))
          break
        default:
          if (message.last) onGone()
          inFlight.get(message.id)?.resolve(message.replies)
          if (message.rung !== undefined) options.onRung(message.rung)
      }
    })
    worker.on('error', (error) => fail(new StoreUnavailable(`the writer of ${options.dataDir} failed (${messageOf(error)}): the next call starts it again`, error)))
    worker.on('exit', () => fail(new StoreUnavailable(`the writer of ${options.dataDir} has stopped: the next call starts it again`)))
  })
}

function newWorker({ dataDir, durability, clock }: ClientOptions): Worker {
  const workerData: WorkerOptions = { dataDir, durability, now: Math.trunc(clock.now()) }
  return startThread(new URL('./worker/main', import.meta.url), { workerData, name: 'hivemind-sqlite' })
}
