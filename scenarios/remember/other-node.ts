import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { OtherOrder, OtherReport, OtherTask } from './messages.ts'

export interface OtherNode {
  /** Resolves with what the order gave. */
  do(order: OtherOrder): Promise<unknown>
  /** Resolves when the node has told this, now or before. */
  told(type: 'ready' | 'lost' | 'drained'): Promise<void>
  /** Twice is harmless. */
  stop(): Promise<void>
}

/** Starts the other node and waits until it is up. */
export async function startOther(task: OtherTask): Promise<OtherNode> {
  const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './other.ts' : './other.js', import.meta.url))
  const child = fork(script, [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const exited = once(child, 'exit')
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => { complaint = (complaint + String(chunk)).slice(-2000) })
  const waiting: OtherReport[] = []
  let failure: Error | undefined
  let wake = (): void => undefined
  child.on('message', (message: OtherReport) => {
    if (message.type === 'failed') failure = new Error(`the other node: ${message.message}`)
    else waiting.push(message)
    wake()
  })
  child.once('exit', (code, signal) => {
    failure ??= new Error(`the other node ended with ${code ?? signal}: ${complaint.trim()}`)
    wake()
  })
  const next = async (type: OtherReport['type']): Promise<OtherReport> => {
    for (;;) {
      const index = waiting.findIndex((message) => message.type === type)
      if (index >= 0) return waiting.splice(index, 1)[0] as OtherReport
      if (failure !== undefined) throw failure
      await new Promise<void>((resolve) => { wake = resolve })
    }
  }
  try {
    await next('ready')
  } catch (error) {
    child.kill()
    throw error
  }
  return {
    async do(order) {
      child.send(order)
      const report = await next('done')
      return report.type === 'done' ? report.value : undefined
    },
    told: async (type) => void await next(type),
    async stop() {
      if (child.connected) child.send({ type: 'stop' } satisfies OtherOrder)
      await exited
    },
  }
}
