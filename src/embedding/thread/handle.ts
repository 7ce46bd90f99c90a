import type { Worker } from 'node:worker_threads'
import { HivemindError, messageOf, ModelUnusable } from '../../kernel/errors.ts'
import { startThread } from '../../kernel/thread.ts'
import type { ModelInfo, ModelSource, Purpose } from '../types.ts'
import type { FromThread, ThreadOptions, ThreadProblem, ToThread } from './wire.ts'

export interface ThreadEvents {
  ready(info: ModelInfo): void
  answered(run: number, vectors: Float32Array): void
  failed(run: number, error: Error): void
  /** Nothing comes after this. `cause`: why, when it was not told to end. */
  exited(cause?: Error): void
}

/** The main side of one embedding thread. */
export interface EmbedderThread {
  run(run: number, purpose: Purpose, texts: readonly string[]): void
  /** Ends it; `exited` follows. */
  terminate(): void
  /** Nothing is heard of it any more. */
  abandon(): void
}

/** The module, without its ending, that serves a kind of model in a thread. */
export function threadModule({ kind }: ModelSource): URL {
  return new URL(`./${kind}`, import.meta.url)
}

export function startEmbedderThread(source: ModelSource, module: URL, events: ThreadEvents): EmbedderThread {
  const worker: Worker = startThread(module, { workerData: { source } satisfies ThreadOptions, name: 'hivemind-embedder' })
  let cause: Error | undefined
  let running = 0
  // An idle thread keeps no process alive.
  worker.unref()
  const settled = (): void => {
    running--
    if (running === 0) worker.unref()
  }
  worker.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'ready':
        events.ready(message.info)
        break
      case 'unusable':
        cause = errorOf(message.problem, source)
        break
      case 'answered':
        settled()
        events.answered(message.run, message.vectors)
        break
      case 'failed':
        settled()
        events.failed(message.run, errorOf(message.problem, source))
    }
  })
  worker.on('error', (error) => void (cause = new HivemindError('embedder_thread_failed', `a thread of the embedder failed: ${messageOf(error)}`, true, { cause: error })))
  worker.once('exit', () => events.exited(cause))
  return {
    run(run, purpose, texts) {
      running++
      worker.ref()
      worker.postMessage({ kind: 'run', run, purpose, text: texts.join(''), lengths: Uint32Array.from(texts, ({ length }) => length) } satisfies ToThread)
    },
    terminate: () => void worker.terminate(),
    abandon() {
      worker.removeAllListeners()
      worker.on('error', () => undefined)
      worker.unref()
    },
  }
}

function errorOf({ code, message, stack }: ThreadProblem, source: ModelSource): Error {
  const cause = Object.assign(new Error(message), stack === undefined ? {} : { stack })
  const model = source.kind === 'builtin' ? 'builtin' : source.path
  const lead = `the model "${model}" cannot be used: `
  if (code === 'model_unusable') return new ModelUnusable(model, message.startsWith(lead) ? message.slice(lead.length) : message, cause)
  return new HivemindError(code, message, true, { cause })
}
