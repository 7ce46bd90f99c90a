import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const binary = join(root, 'dist/src/cli/main.js')

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves with the text so far once stdout (or stderr) holds a match; rejects when the process ends without one. */
  until(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<string>
}

const folders: string[] = []
const children = new Set<ChildProcess>()
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL')
    await once(child, 'exit').catch(() => undefined)
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hivemind-cli-')))
  folders.push(folder)
  return folder
}

export interface HowToRun {
  cwd?: string
  env?: NodeJS.ProcessEnv
  input?: string
  /** Run as this user, where this one may do that. */
  user?: number
}

/** Starts the built binary, in a folder of its own unless told otherwise. */
export function start(args: readonly string[], { cwd = temporaryFolder(), env = {}, input, user }: HowToRun = {}): Running {
  checkBuilt()
  const { REDIS_URL: _url, REDIS_HOST: _host, REDIS_PORT: _port, NODE_OPTIONS: _options, ...inherited } = process.env
  const child = spawn(process.execPath, [binary, ...args], { cwd, env: { ...inherited, ...env }, stdio: ['pipe', 'pipe', 'pipe'], ...(user !== undefined && process.getuid?.() === 0 && { uid: user, gid: user }) })
  children.add(child)
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  const text = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  let result: Finished | undefined
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk
      for (const look of watchers) look()
    })
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      children.delete(child)
      result = { code, ...text }
      for (const look of watchers) look()
      resolve(result)
    })
  })
  return {
    child, finished,
    until: (pattern, stream = 'stdout') => new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(text[stream])) resolve(text[stream])
        else if (result !== undefined) reject(new Error(`ended with ${result.code} before ${pattern}:\n${result.stdout}\n${result.stderr}`))
        else return
        watchers.delete(look)
      }
      watchers.add(look)
      look()
    }),
  }
}

export function run(args: readonly string[], how?: HowToRun): Promise<Finished> {
  return start(args, how).finished
}

let built = false

/** The binary is what is tested, so it must be that of these sources. */
function checkBuilt(): void {
  if (built) return
  const newest = Math.max(...['src', 'actors', 'machines', 'scenarios'].map((folder) => newestIn(join(root, folder))))
  if (!existsSync(binary) || statSync(binary).mtimeMs < newest) throw new Error('dist/ is older than the sources: run "npm run build" first ("npm test" does)')
  built = true
}

function newestIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).reduce((newest, entry) => (entry.isFile() ? Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs) : newest), 0)
}
