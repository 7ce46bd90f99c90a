import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { NodeReport, NodeTask } from './messages.ts'

export interface NodeProcess {
  readonly id: string
  readonly pid: number
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>
  /** Orderly. Twice, or after `kill`, is harmless. */
  stop(): Promise<void>
}

/** Starts a node as a process of its own and waits until it works. `onLeads` is called when it becomes the leader. */
export async function startNode(task: NodeTask, onLeads: (fence: number) => void): Promise<NodeProcess> {
  const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './node.ts' : './node.js', import.meta.url))
  const child = fork(script, [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const exited = once(child, 'exit')
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => { complaint = (complaint + String(chunk)).slice(-2000) })
  await new Promise<void>((resolve, reject) => {
    child.on('message', (report: NodeReport) => {
      if (report.type === 'ready') resolve()
      else if (report.type === 'leads') onLeads(report.fence)
      else reject(new Error(`node ${task.id}: ${report.message}`))
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`node ${task.id} ended with ${code ?? signal}: ${complaint.trim()}`)))
  }).catch((error: unknown) => {
    child.kill()
    throw error
  })
  return {
    id: task.id, pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      if (isRunning(child) && child.connected) child.send('stop')
      await exited
    },
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}
