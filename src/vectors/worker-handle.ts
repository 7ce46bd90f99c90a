import type { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../kernel/clock.ts'
import { RecallFailed } from '../kernel/errors.ts'
import { startThread } from '../kernel/thread.ts'
import type { RecallProblem } from './types.ts'
import { fromWire } from './wire.ts'
import type { Call, FromWorker, ToWorker, WorkerOptions } from './wire.ts'

export interface WorkerHandleOptions extends WorkerOptions {
  clock: Clock
  /** The module of the worker, see `startThread`. */
  module: URL
  onProblem(problem: RecallProblem): void
  onReply(id: number, reply: { value: unknown } | { error: Error }): void
  /** What was sent to the worker gets no answer. */
  onDeath(error: Error): void
  /** It takes calls again. */
  onReady(): void
}

/** The main thread's side of the worker: started when needed, again after a death. */
export interface WorkerHandle {
  /** False: it cannot take calls now; `onReady` is called when it can. */
  send(id: number, call: Call): boolean
  /** Whether a running worker keeps the process alive. */
  hold(busy: boolean): void
  restarts(): number
  close(): Promise<void>
}

const backOffMs = [0, 100, 500, 2_000, 10_000]

export function createWorkerHandle(options: WorkerHandleOptions): WorkerHandle {
  let worker: Worker | undefined
  let pause: Timer | undefined
  let deaths = 0
  let restarts = 0
  let busy = false
  let closed = false
  const exits = new Set<Promise<void>>()

  function start(): Worker {
    const workerData: WorkerOptions = { dataDir: options.dataDir, database: options.database, buildAt: options.buildAt }
    const started = startThread(options.module, { name: 'hivemind-recall', workerData })
    const exited = new Promise<void>((resolve) => started.once('exit', () => resolve()))
    exits.add(exited)
    void exited.then(() => exits.delete(exited))
    let failure: Error | undefined
    started.on('error', (error) => { failure = error })
    started.on('exit', (code) => died(started, failure ?? new Error(`exit code ${code}`)))
    started.on('message', (message: FromWorker) => {
      if (started === worker) receive(message)
    })
    return started
  }

  function receive(message: FromWorker): void {
    switch (message.kind) {
      case 'problem':
        options.onProblem(message.problem)
        break
      case 'result':
        deaths = 0
        options.onReply(message.id, { value: message.value })
        break
      case 'failed':
        options.onReply(message.id, { error: fromWire(message.error) })
    }
  }

  function died(which: Worker, cause: Error): void {
    if (which !== worker) return
    worker = undefined
    if (closed) return
    restarts++
    const waitMs = backOffMs[Math.min(deaths++, backOffMs.length - 1)]!
    options.onProblem({ kind: 'worker-exit', message: `the recall worker ended (${cause.message}): it is started again in ${waitMs} ms` })
    pause = options.clock.timer(waitMs, () => {
      pause = undefined
      options.onReady()
    }, { background: !busy })
    options.onDeath(new RecallFailed(`its worker ended (${cause.message})`, cause))
  }

  return {
    send(id, call) {
      if (closed || pause !== undefined) return false
      worker ??= start()
      worker.postMessage({ kind: 'call', id, call } satisfies ToWorker)
      return true
    },
    hold(wanted) {
      busy = wanted
      if (busy) worker?.ref()
      else worker?.unref()
    },
    restarts: () => restarts,
    async close() {
      closed = true
      pause?.cancel()
      worker?.ref()
      worker?.postMessage({ kind: 'close' } satisfies ToWorker)
      await Promise.all(exits)
    },
  }
}
