import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { HivemindError } from '../../kernel/errors.ts'

interface Frame {
  id?: number
  result?: { isError?: boolean; content?: { text: string }[] }
  error?: { message: string }
}

/** A server over stdio, spoken to as plainly as the protocol allows: what is measured is the server. */
export interface McpProcess {
  request(method: string, params: object): Promise<NonNullable<Frame['result']>>
  /** Calls a tool; rejects when it answers with an error. */
  call(name: string, args: object): Promise<string>
  close(): Promise<void>
}

export class McpFailed extends HivemindError {
  constructor(problem: string) {
    super('bench_failed', problem, false)
  }
}

/** Starts it and shakes hands. */
export async function startMcp(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<McpProcess> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...env } })
  const waiting = new Map<number, { resolve(result: NonNullable<Frame['result']>): void; reject(error: Error): void }>()
  let last = 0
  const failAll = (problem: string): void => {
    for (const { reject } of waiting.values()) reject(new McpFailed(`${file}: ${problem}`))
    waiting.clear()
  }
  child.once('error', (error) => failAll(error.message))
  child.once('exit', (code) => failAll(`ended with ${code}`))
  child.stdin.on('error', (error) => failAll(error.message))
  createInterface(child.stdout).on('line', (line) => {
    const { id, result, error } = JSON.parse(line) as Frame
    const asked = waiting.get(id ?? -1)
    if (id === undefined || asked === undefined) return
    waiting.delete(id)
    if (result === undefined) asked.reject(new McpFailed(error?.message ?? 'no result'))
    else asked.resolve(result)
  })
  const send = (frame: object): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`)
  const request: McpProcess['request'] = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject })
    send({ id: last, method, params })
  })
  await request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } })
  send({ method: 'notifications/initialized' })
  return {
    request,
    async call(name, given) {
      const { isError, content } = await request('tools/call', { name, arguments: given })
      const text = content?.[0]?.text ?? ''
      if (isError) throw new McpFailed(`${name}: ${text}`)
      return text
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
