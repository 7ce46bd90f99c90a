import { Cancelled, RecallBusy, RecallClosed, RecallFailed, messageOf } from '../kernel/errors.ts'
import { checkedSearch, checkedSimilar } from './request.ts'
import { createWorkerHandle } from './worker-handle.ts'
import type { CallOptions, RecallIndex, RecallOptions, RecallProblem } from './types.ts'
import type { Call, Results } from './wire.ts'

const defaultMaxQueued = 1_000
/** One is answered while the next has arrived already. */
const atWorker = 2
/** Deaths of the worker over one request before it is given up. */
const maxDeaths = 2

interface Waiting {
  call: Call
  deaths: number
  settled: boolean
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * Opens the index over the table `memories` of a SQLite file, which need not exist yet. All work is done in a worker thread,
 * which is started by the first request and again, with back-off, when it dies; requests it had go to the next one once.
 */
export function openRecallIndex(options: RecallOptions, module = new URL('./worker/main', import.meta.url)): RecallIndex {
  const { clock, maxQueued = defaultMaxQueued } = options
  const onProblem = (problem: RecallProblem): void => options.onProblem(problem)
  let queue: Waiting[] = []
  const atWork = new Map<number, Waiting>()
  let calls = 0
  let closing: Promise<void> | undefined

  const worker = createWorkerHandle({
    dataDir: options.dataDir, database: options.database, buildAt: options.buildAt, clock, module, onProblem,
    onReply(id, reply) {
      const waiting = atWork.get(id)
      atWork.delete(id)
      if (waiting !== undefined) settle(waiting, reply)
      pump()
    },
    onDeath(error) {
      const survivors = [...atWork.values()].filter((waiting) => !waiting.settled)
      const [inHand] = survivors
      // Requests are answered in turn: it died of the first.
      if (inHand !== undefined && ++inHand.deaths === maxDeaths) {
        survivors.shift()
        settle(inHand, { error: new RecallFailed(`its worker ended ${maxDeaths} times over this request (${messageOf(error)})`, error) })
      }
      atWork.clear()
      queue = [...survivors, ...queue]
    },
    onReady: pump,
  })

  function settle(waiting: Waiting, reply: { value: unknown } | { error: Error }): void {
    if (waiting.settled) return
    waiting.settled = true
    if ('error' in reply) waiting.reject(reply.error)
    else waiting.resolve(reply.value)
  }

  function pump(): void {
    while (atWork.size < atWorker && queue.length > 0) {
      const id = ++calls
      if (!worker.send(id, queue[0]!.call)) return
      atWork.set(id, queue.shift()!)
    }
    worker.hold(atWork.size + queue.length > 0)
  }

  function ask<Name extends keyof Results>(call: Call & { name: Name }, { signal }: CallOptions = {}): Promise<Results[Name]> {
    if (closing !== undefined) return Promise.reject(new RecallClosed())
    if (signal?.aborted) return Promise.reject(new Cancelled(`the ${call.name} of memories`, signal.reason))
    if (queue.length + atWork.size >= maxQueued) return Promise.reject(new RecallBusy(maxQueued))
    return new Promise<Results[Name]>((resolve, reject) => {
      const waiting: Waiting = {
        call, deaths: 0, settled: false,
        resolve(value) {
          signal?.removeEventListener('abort', cancel)
          resolve(value as Results[Name])
        },
        reject(error) {
          signal?.removeEventListener('abort', cancel)
          reject(error)
        },
      }
      const cancel = (): void => {
        queue = queue.filter((other) => other !== waiting)
        settle(waiting, { error: new Cancelled(`the ${call.name} of memories`, signal?.reason) })
      }
      signal?.addEventListener('abort', cancel, { once: true })
      queue.push(waiting)
      pump()
    })
  }

  async function close(): Promise<void> {
    for (const waiting of [...atWork.values(), ...queue]) settle(waiting, { error: new RecallClosed() })
    queue = []
    await worker.close()
  }

  return {
    search: async (request, callOptions) => ask({ name: 'search', args: { ...checkedSearch(request), now: request.at ?? clock.now() } }, callOptions),
    similar: async (request, callOptions) => ask({ name: 'similar', args: checkedSimilar(request) }, callOptions),
    stats: async () => ({ ...await ask({ name: 'stats', args: undefined }), restarts: worker.restarts(), queued: queue.length + atWork.size }),
    rebuild: () => ask({ name: 'rebuild', args: undefined }),
    close: () => (closing ??= close()),
  }
}
