import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import type { McpServer } from '@modelcontextprotocol/server'
import { fileURLToPath } from 'node:url'
import { sleep } from '../kernel/clock.ts'
import type { Clock } from '../kernel/clock.ts'
import { projectOf } from '../project.ts'
import { createConfirmations } from './confirm.ts'
import type { LazyHive } from './lazy-hive.ts'
import { createMcpServer } from './server.ts'
import { frames } from './stdout-guard.ts'

const parentCheckMs = 500
const rootsWaitMs = 2_000
/** How long stores may take to close when the client has gone, ms. */
const closeMs = 1_200

export interface StdioOptions {
  hive: LazyHive
  clock: Clock
  /** Absent: the root that the client names, else the project of the working folder. `all`: none, the client says it with each call. */
  project?: string | { all: true }
  signal: AbortSignal
  onProblem(error: unknown): void
}

/** Serves one client over stdin and stdout until it goes away, or the signal aborts. */
export async function serveOverStdio({ hive, clock, project, signal, onProblem }: StdioOptions): Promise<void> {
  const transport = new StdioServerTransport(process.stdin, frames)
  const confirmations = createConfirmations(clock)
  const gone = new Promise<void>((resolve) => {
    const check = parentCheck(clock, resolve)
    const end = (): void => {
      check.cancel()
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    process.stdin.once('end', end).once('close', end)
    frames.once('error', end)
  })
  const handle = serveStdio(() => {
    let bound: Promise<string | undefined> | undefined
    const server: McpServer = createMcpServer({
      hive: hive.get, confirmations, onProblem,
      project: () => (bound ??= project === undefined ? rootOf(server, onProblem) : Promise.resolve(typeof project === 'string' ? project : undefined)),
    })
    return server
  }, { transport, onerror: onProblem })
  await gone
  await handle.close()
  const closed = new AbortController()
  await Promise.race([
    hive.stop(closeMs / 2).catch(onProblem),
    sleep(clock, closeMs, closed.signal).catch(() => undefined),
  ])
  closed.abort()
}

/** Calls `gone` when the parent of this process has ended: a pipe that somebody else holds open does not tell. */
function parentCheck(clock: Clock, gone: () => void): { cancel(): void } {
  const parent = process.ppid
  const look = (): void => {
    if (process.ppid !== parent) gone()
    else timer = clock.timer(parentCheckMs, look, { background: true })
  }
  let timer = clock.timer(parentCheckMs, look, { background: true })
  return { cancel: () => timer.cancel() }
}

/** The project of the first root that a client of 2025 names, else of the working folder. */
async function rootOf({ server }: McpServer, onProblem: (error: unknown) => void): Promise<string> {
  if (server.getClientCapabilities()?.roots === undefined) return projectOf(process.cwd())
  const roots = await server.listRoots(undefined, { timeout: rootsWaitMs }).then(({ roots: named }) => named, (error: unknown) => {
    onProblem(error)
    return []
  })
  const folder = roots.find(({ uri }) => uri.startsWith('file://'))
  return projectOf(folder === undefined ? process.cwd() : fileURLToPath(folder.uri))
}
