import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** The built runtime, which the script finds as an installed plugin would. */
const home = process.env.HIVEMIND_HOME ?? root
export const script = join(root, 'src/claude-plugin/hooks/hook.mjs')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  /** From the start of the process to its end. */
  ms: number
}

/** Runs the hook as Claude Code does: a process of its own, the event on stdin. */
export function runHook(input: string, dataDir: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  if (!existsSync(join(home, 'claude-hooks/alone.js')) && !existsSync(join(home, 'dist/src/claude-hooks/alone.js'))) throw new Error('dist/ is missing: run "npm run build" first ("npm test" does)')
  const { REDIS_URL: _url, REDIS_HOST: _host, REDIS_PORT: _port, NODE_OPTIONS: _options, ...inherited } = process.env
  const from = performance.now()
  const child = spawn(process.execPath, [script], { env: { ...inherited, HIVEMIND_HOME: home, HIVEMIND_DATA_DIR: dataDir, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const ran = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { ran.stdout += String(chunk) })
  child.stderr.on('data', (chunk: Buffer) => { ran.stderr += String(chunk) })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...ran, ms: performance.now() - from }))
  })
}

export type Fields = Record<string, unknown>

/** An event as Claude Code writes it. */
export function event(name: string, cwd: string, fields: Fields = {}, session = 'now'): string {
  return JSON.stringify({ session_id: session, transcript_path: join(cwd, 'none.jsonl'), cwd, permission_mode: 'default', hook_event_name: name, ...fields })
}

/** What would be put before the model. */
export function contextOf({ stdout }: Ran): string {
  return stdout === '' ? '' : (JSON.parse(stdout) as { hookSpecificOutput: { additionalContext: string } }).hookSpecificOutput.additionalContext
}
