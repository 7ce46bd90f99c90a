// Stands in for the recall worker: answers every search with its text, and dies of the text "die".
import { parentPort } from 'node:worker_threads'
import type { ToWorker } from '../../src/vectors/wire.ts'

parentPort!.on('message', (message: ToWorker) => {
  if (message.kind === 'close') return parentPort!.close()
  const text = message.call.name === 'search' ? message.call.args.text : undefined
  if (text === 'die') process.exit(7)
  parentPort!.postMessage({ kind: 'result', id: message.id, value: { text } })
})
