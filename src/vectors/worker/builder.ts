import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { outcomes } from './build-outcome.ts'
import type { BuildRequest } from './build-outcome.ts'

export type BuildOutcome = { kind: 'built' } | { kind: 'busy' } | { kind: 'failed'; message: string }

/** Runs the builder, one at a time. */
export class Builder {
  #running: { child: ChildProcess; outcome: Promise<BuildOutcome> } | undefined

  get running(): boolean {
    return this.#running !== undefined
  }

  /** The build that runs, or a new one. */
  run(request: BuildRequest): Promise<BuildOutcome> {
    if (this.#running === undefined) {
      const child = startProcess(request)
      const outcome = outcomeOf(child).finally(() => { this.#running = undefined })
      this.#running = { child, outcome }
    }
    return this.#running.outcome
  }

  /** Settles when it has ended. */
  async stop(): Promise<void> {
    const running = this.#running
    running?.child.kill('SIGKILL')
    await running?.outcome
  }
}

function startProcess(request: BuildRequest): ChildProcess {
  const argument = JSON.stringify(request)
  const options = { stdio: ['pipe', 'ignore', 'pipe'] as ['pipe', 'ignore', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } }
  if (!import.meta.url.endsWith('.ts')) return spawn(process.execPath, [fileURLToPath(new URL('./build-process.js', import.meta.url)), argument], options)
  const loader = createRequire(import.meta.url).resolve('tsx/cjs')
  const source = fileURLToPath(new URL('./build-process.ts', import.meta.url))
  return spawn(process.execPath, ['-e', `require(${JSON.stringify(loader)}); require(${JSON.stringify(source)})`, argument], options)
}

function outcomeOf(child: ChildProcess): Promise<BuildOutcome> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { said = (said + text).slice(-2_000) })
  // It may be gone before its input is closed.
  child.stdin?.on('error', () => undefined)
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ kind: 'failed', message: `the builder cannot be started (${error.message})` }))
    child.on('close', (code, signal) => {
      if (code === outcomes.built) resolve({ kind: 'built' })
      else if (code === outcomes.busy) resolve({ kind: 'busy' })
      else resolve({ kind: 'failed', message: said === '' ? `the builder ended (${signal ?? `exit code ${code}`})` : said })
    })
  })
}
