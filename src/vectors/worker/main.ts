// The recall worker: reads the table of memories over a connection of its own and ranks. One request at a time.
import { parentPort, workerData } from 'node:worker_threads'
import { toWire } from '../wire.ts'
import type { Call, FromWorker, ToWorker, WorkerOptions } from '../wire.ts'
import { Engine } from './engine.ts'

const port = parentPort
if (port === null) throw new Error('worker/main.ts is started as a worker thread')

const send = (message: FromWorker): void => port.postMessage(message)
const { database } = workerData as WorkerOptions
const engine = new Engine(database, (problem) => send({ kind: 'problem', problem }))

function answer(call: Call): unknown {
  switch (call.name) {
    case 'search': return engine.search(call.args)
    case 'similar': return engine.similar(call.args)
    case 'stats': return engine.stats()
    case 'rebuild': return undefined
  }
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'close') {
    engine.close()
    port.close()
    return
  }
  try {
    send({ kind: 'result', id: message.id, value: answer(message.call) })
  } catch (error) {
    send({ kind: 'failed', id: message.id, error: toWire(error) })
  }
})
