import { spawn } from 'node:child_process'

export interface GitOptions {
  /** Folder to run in. */
  cwd: string
  signal?: AbortSignal
  /** Bytes of output after which git is ended. Default 256 MB. */
  limitBytes?: number
}

/** Git is not there, the folder is no repository, or git refused. */
export class GitFailed extends Error {
  constructor(command: string, reason: string) {
    super(`git ${command}: ${reason}`)
    this.name = 'GitFailed'
  }
}

/**
 * A foreign repository's configuration must not run programs: no hooks, no file system monitor, no external diff, no signature check.
 */
const safe = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'log.showSignature=false', '-c', 'core.quotePath=false', '--no-pager', '--literal-pathspecs']

/** Runs git without a shell and hands out its output as it comes. Throws `GitFailed`. */
async function* output(args: string[], options: GitOptions): AsyncGenerator<Buffer> {
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...env } = process.env
  const child = spawn('git', [...safe, ...args], {
    cwd: options.cwd, env: { ...env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe'], signal: options.signal,
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 500) complaint += chunk.toString()
  })
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not installed' : error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : complaint.trim().split('\n')[0] || `it ended with ${code ?? signal}`))
  })
  let bytes = 0
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > (options.limitBytes ?? 256 * 1024 ** 2)) throw new GitFailed(args[0] ?? '', 'it printed too much')
      yield chunk
    }
    const problem = await ended
    options.signal?.throwIfAborted()
    if (problem !== undefined) throw new GitFailed(args[0] ?? '', problem)
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL')
  }
}

/** Names as raw bytes: they need not be UTF-8. */
export async function* gitNames(args: string[], options: GitOptions): AsyncGenerator<Buffer> {
  yield* pieces(args, options, 0)
}

export async function* gitLines(args: string[], options: GitOptions): AsyncGenerator<string> {
  for await (const line of pieces(args, options, 10)) yield line.toString()
}

async function* pieces(args: string[], options: GitOptions, separator: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of output(args, options)) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let end = rest.indexOf(separator)
    while (end >= 0) {
      yield rest.subarray(0, end)
      rest = rest.subarray(end + 1)
      end = rest.indexOf(separator)
    }
  }
  if (rest.length > 0) yield rest
}
