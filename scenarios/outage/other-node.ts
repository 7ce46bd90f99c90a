import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { OtherOrder, OtherReport, OtherTask } from './messages.ts'

export interface OtherNode {
  /** Sends an order, if one is given, and resolves with the next report of this kind (or one that came before and nobody took). */
  next<Kind extends OtherReport['type']>(kind: Kind, order?: OtherOrder): Promise<Extract<OtherReport, { type: Kind }>>
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
  const node: OtherNode = {
    async next(kind, order) {
      if (order !== undefined) child.send(order)
      for (;;) {
        const index = waiting.findIndex((message) => message.type === kind)
        if (index >= 0) return waiting.splice(index, 1)[0] as never
        if (failure !== undefined) throw failure
        await new Promise<void>((resolve) => { wake = resolve })
      }
    },
    async stop() {
      if (child.connected) child.send({ type: 'stop' } satisfies OtherOrder)
      await exited
    },
  }
  try {
    await node.next('ready')
  } catch (error) {
    child.kill()
    throw error
  }
  return node
}
