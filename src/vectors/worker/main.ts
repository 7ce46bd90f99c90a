// The recall worker: reads the table of memories over a connection of its own and ranks. One request at a time.
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { systemClock } from '../../kernel/clock.ts'
import { RecallFailed } from '../../kernel/errors.ts'
import { loadUsearch } from '../scan/graph.ts'
import { toWire } from '../wire.ts'
import type { Call, FromWorker, ToWorker, WorkerOptions } from '../wire.ts'
import { Builder } from './builder.ts'
import { search, similar, stats } from './engine.ts'
import { State } from './state.ts'

/** Before a build that failed, or that another process was busy with, is tried again. */
const tryAgainMs = { failed: 60_000, busy: 5_000 }
/** An explicit rebuild waits its turn. */
const rebuildWaitMs = 600_000

function serve(port: MessagePort, options: WorkerOptions): void {
  const send = (message: FromWorker): void => port.postMessage(message)
  const state = new State(options, (problem) => send({ kind: 'problem', problem }))
  const builder = new Builder()
  const { dataDir, database } = options
  let notBefore = 0
  let reading = false
  let closed = false

  if (loadUsearch() === undefined) send({ kind: 'problem', problem: { kind: 'usearch-missing', message: 'usearch has no binary for this system: large scopes are searched vector by vector' } })

  async function answer(call: Call): Promise<unknown> {
    switch (call.name) {
      case 'search': return search(state, call.args)
      case 'similar': return similar(state, call.args)
      case 'stats': return { ...stats(state), building: builder.running }
      case 'rebuild': return rebuild()
    }
  }

  async function rebuild(): Promise<void> {
    const outcome = await builder.run({ dataDir, database, waitMs: rebuildWaitMs })
    if (outcome.kind === 'failed') throw new RecallFailed(`its base could not be built (${outcome.message})`)
    if (outcome.kind === 'busy') throw new RecallFailed('another process has been building its base for ten minutes')
    state.current(() => undefined)
  }

  async function build(): Promise<void> {
    if (closed || builder.running || !state.wantsBase || systemClock.monotonic() < notBefore) return
    const outcome = await builder.run({ dataDir, database, waitMs: 0 })
    if (closed || outcome.kind === 'built') return
    notBefore = systemClock.monotonic() + tryAgainMs[outcome.kind]
    if (outcome.kind === 'failed') send({ kind: 'problem', problem: { kind: 'build-failed', message: `the recall index of ${dataDir} could not be built: ${outcome.message}; searches go on without it` } })
  }

  /** Reads what is missing in small pieces, so that requests come in between. */
  function readOn(): void {
    if (reading || closed || state.behind === 0) return
    reading = true
    setImmediate(() => {
      reading = false
      if (!closed && state.readOn()) readOn()
    })
  }

  async function handle(id: number, call: Call): Promise<void> {
    try {
      send({ kind: 'result', id, value: await answer(call) })
    } catch (error) {
      if (!closed) send({ kind: 'failed', id, error: toWire(error) })
    }
    readOn()
    void build()
  }

  async function close(): Promise<void> {
    closed = true
    await builder.stop()
    state.close()
    port.close()
  }

  port.on('message', (message: ToWorker) => void (message.kind === 'close' ? close() : handle(message.id, message.call)))
}

if (parentPort === null) throw new Error('worker/main.ts is started as a worker thread')
serve(parentPort, workerData as WorkerOptions)
