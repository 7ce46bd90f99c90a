import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'

/**
 * The project that a folder belongs to, as memories name it: the address of its git repository without scheme, user and `.git`
 * (`github.com/me/app`, the same on every machine), else the path of the repository, else the path of the folder itself.
 */
export function projectOf(folder: string): string {
  const from = real(resolve(folder))
  for (let at = from; ; at = dirname(at)) {
    const config = gitConfigOf(join(at, '.git'))
    if (config !== undefined) return originOf(config) ?? at
    if (dirname(at) === at) return from
  }
}

function real(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

/** Text of the configuration of a repository; the `.git` of a worktree or submodule is a file that says where it is. */
function gitConfigOf(git: string): string | undefined {
  const kind = statSync(git, { throwIfNoEntry: false })
  if (kind === undefined) return undefined
  if (kind.isDirectory()) return read(join(git, 'config'))
  const pointed = /^gitdir: *(.+)$/m.exec(read(git) ?? '')?.[1]?.trim()
  if (pointed === undefined) return undefined
  const own = isAbsolute(pointed) ? pointed : resolve(dirname(git), pointed)
  const common = read(join(own, 'commondir'))?.trim()
  return read(join(common === undefined ? own : resolve(own, common), 'config')) ?? ''
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

function originOf(config: string): string | undefined {
  const section = /^\s*\[remote "origin"\]\s*\n((?:(?!\s*\[).*\n?)*)/m.exec(config)?.[1] ?? ''
  const url = /^\s*url\s*=\s*(.+?)\s*$/m.exec(section)?.[1]
  if (url === undefined) return undefined
  const [, host, path] = /^(?:[a-z+]+:\/\/)?(?:[^@/]+@)?([a-z0-9.-]+\.[a-z]{2,}|localhost)(?::\d+)?[:/](.+)$/i.exec(url) ?? []
  if (host === undefined || path === undefined) return undefined
  return `${host.toLowerCase()}/${path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')}`
}
