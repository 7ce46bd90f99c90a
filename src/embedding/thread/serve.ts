import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { HivemindError, messageOf } from '../../kernel/errors.ts'
import type { EmbeddingModel, ModelSource } from '../types.ts'
import type { FromThread, ThreadOptions, ThreadProblem, ToThread } from './wire.ts'

function problemOf(error: unknown): ThreadProblem {
  return { code: error instanceof HivemindError ? error.code : 'embedding_failed', message: messageOf(error), ...(error instanceof Error && error.stack !== undefined && { stack: error.stack }) }
}

/** A thread of the embedder pool: one model, one batch at a time. What blocks an event loop blocks this one. */
export function serveThread(open: (source: ModelSource) => Promise<EmbeddingModel>): void {
  if (parentPort === null) throw new Error('an embedder thread is started as a worker thread')
  void serve(parentPort, workerData as ThreadOptions, open)
}

async function serve(port: MessagePort, { source }: ThreadOptions, open: (source: ModelSource) => Promise<EmbeddingModel>): Promise<void> {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  let model: EmbeddingModel
  try {
    model = await open(source)
  } catch (error) {
    send({ kind: 'unusable', problem: problemOf(error) })
    port.close()
    return
  }
  port.on('message', async ({ run, purpose, text, lengths }: ToThread) => {
    try {
      let from = 0
      const vectors = await model.embed(Array.from(lengths, (length) => text.slice(from, from += length)), purpose)
      const packed = new Float32Array(vectors.length * model.dimension)
      vectors.forEach((vector, index) => packed.set(vector, index * model.dimension))
      send({ kind: 'answered', run, vectors: packed }, [packed.buffer])
    } catch (error) {
      send({ kind: 'failed', run, problem: problemOf(error) })
    }
  })
  const { key, dimension, maxTokens } = model
  send({ kind: 'ready', info: { key, dimension, maxTokens } })
}
