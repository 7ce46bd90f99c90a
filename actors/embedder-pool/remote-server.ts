import { setMaxListeners } from 'node:events'
import { readRequest, replyChannel, requestChannel, workingMs } from '../../src/embedding/remote-wire.ts'
import type { RemoteReply, RemoteRequest } from '../../src/embedding/remote-wire.ts'
import type { Embedder } from '../../src/embedding/types.ts'
import type { Clock, Timer } from '../../src/kernel/clock.ts'
import { messageOf } from '../../src/kernel/errors.ts'
import type { Signals, Stoppable } from '../../src/store/ports.ts'

export interface RemoteServerOptions {
  node: string
  signals: Signals
  clock: Clock
  embedder: Embedder
  onProblem(error: unknown): void
}

/** Requests that are worked on at once: the next is refused, and whoever asks goes to the next node. */
const maxRequests = 32

/** Embeds for nodes that cannot, as long as it is not stopped. */
export async function serveEmbeddings({ node, signals, clock, embedder, onProblem }: RemoteServerOptions): Promise<Stoppable> {
  const stopping = new AbortController()
  setMaxListeners(maxRequests, stopping.signal)
  const working = new Set<Promise<void>>()

  async function tell(to: string, reply: RemoteReply): Promise<void> {
    await signals.publish(replyChannel(to), JSON.stringify(reply)).catch(onProblem)
  }

  async function serve({ id, from, model, purpose, texts }: RemoteRequest): Promise<void> {
    let beat: Timer
    const alive = (): void => {
      void tell(from, { id, kind: 'working' })
      beat = clock.timer(workingMs, alive)
    }
    alive()
    let reply: RemoteReply
    try {
      const info = await embedder.info()
      if (model !== undefined && model !== info.key) reply = { id, kind: 'refused', problem: `its model is ${info.key}, and ${model} was asked for` }
      else {
        const { vectors } = await embedder.embed(texts, { purpose, signal: stopping.signal })
        const packed = Buffer.concat(vectors.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)))
        reply = { id, kind: 'answered', model: info.key, dimension: info.dimension, maxTokens: info.maxTokens, vectors: packed.toString('base64') }
      }
    } catch (error) {
      reply = { id, kind: 'refused', problem: messageOf(error) }
    } finally {
      beat!.cancel()
    }
    await tell(from, reply)
  }

  const subscription = await signals.subscribe(requestChannel(node), (payload) => {
    const request = readRequest(payload)
    if (request === undefined || stopping.signal.aborted) return
    const work = (working.size >= maxRequests ? tell(request.from, { id: request.id, kind: 'refused', problem: `${maxRequests} requests are waiting already` }) : serve(request)).then(() => void working.delete(work))
    working.add(work)
  }, () => undefined)
  return {
    async stop() {
      stopping.abort()
      await subscription.stop()
      await Promise.all(working)
    },
  }
}
