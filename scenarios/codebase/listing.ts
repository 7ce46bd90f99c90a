import { lstat, readdir, realpath } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { GitFailed, gitNames } from './git.ts'

/** A file as it travels in messages. */
export interface FileRef {
  /** Path inside the folder, with slashes; a name that is not UTF-8 is shown with `\xNN` for its bytes. */
  path: string
  /** The name's bytes in base64, when they are not UTF-8. */
  raw?: string
  /** When it was listed. */
  bytes: number
}

export type SkipReason = 'binary' | 'link' | 'special' | 'unreadable' | 'vanished' | 'no-text'

export type Listed = { kind: 'file'; file: FileRef } | { kind: 'skipped'; path: string; reason: SkipReason; why: string }

export interface ListOptions {
  /** Absolute real paths that are left out, with everything below. */
  exclude?: readonly string[]
  signal?: AbortSignal
}

/** Folders that hold no text of the project, where git is not there to say so. */
const unlisted = new Set(['.git', '.hg', '.svn', 'node_modules', 'dist', '.hivemind'])
const slash = Buffer.from('/')
const atOnce = 64

/**
 * Every file below `root` once, as a stream. Where git tracks the folder, git says which files there are (`.gitignore` counts), else all
 * but dependency and build folders. Links are named, never followed: what they lead to inside the folder is listed under its own name,
 * and nothing outside is read, so that links that loop end here.
 */
export async function* listFiles(root: string, options: ListOptions = {}): AsyncGenerator<Listed> {
  const top = Buffer.from(await realpath(root))
  const excluded = new Set(options.exclude)
  yield* listFolder(top, Buffer.alloc(0), excluded, options)
}

async function* listFolder(top: Buffer, folder: Buffer, excluded: ReadonlySet<string>, options: ListOptions): AsyncGenerator<Listed> {
  const names = await gitListing(join(top, folder), options)
  if (names === undefined) {
    yield* walk(top, folder, excluded, options)
    return
  }
  let batch: Buffer[] = []
  for await (const name of names) {
    batch.push(name)
    if (batch.length < atOnce) continue
    yield* look(top, folder, batch, excluded, options)
    batch = []
  }
  yield* look(top, folder, batch, excluded, options)
}

/** Nothing when git does not track the folder, or lists nothing there (it is ignored, but was asked for). */
async function gitListing(folder: Buffer, options: ListOptions): Promise<AsyncIterable<Buffer> | undefined> {
  const cwd = folder.toString()
  if (!Buffer.from(cwd).equals(folder)) return undefined
  const names = gitNames(['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'], { cwd, ...(options.signal && { signal: options.signal }) })
  try {
    const first = await names.next()
    if (first.done) return undefined
    return (async function* () {
      yield first.value
      yield* names
    })()
  } catch (error) {
    if (error instanceof GitFailed) return undefined
    throw error
  }
}

/** What git named: files, links, files deleted since, and folders (nested repositories), which are listed in turn. */
async function* look(top: Buffer, folder: Buffer, names: readonly Buffer[], excluded: ReadonlySet<string>, options: ListOptions): AsyncGenerator<Listed> {
  options.signal?.throwIfAborted()
  const found = await Promise.all(names.map(async (name) => {
    const path = join(folder, name.at(-1) === slash[0] ? name.subarray(0, -1) : name)
    return { path, stat: await lstat(join(top, path)).catch((error: NodeJS.ErrnoException) => error) }
  }))
  for (const { path, stat } of found) {
    if (isExcluded(top, path, excluded)) continue
    if (stat instanceof Error) {
      if (stat.code !== 'ENOENT') yield unreadable(path, stat)
    } else if (stat.isDirectory()) {
      yield* listFolder(top, path, excluded, options)
    } else {
      yield classify(path, stat, stat.size)
    }
  }
}

async function* walk(top: Buffer, folder: Buffer, excluded: ReadonlySet<string>, options: ListOptions): AsyncGenerator<Listed> {
  options.signal?.throwIfAborted()
  let entries: Dirent<Buffer>[]
  try {
    entries = await readdir(join(top, folder), { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    yield unreadable(folder, error as NodeJS.ErrnoException)
    return
  }
  entries.sort((a, b) => Buffer.compare(a.name, b.name))
  const folders: Buffer[] = []
  let files: Buffer[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) {
      if (!unlisted.has(entry.name.toString())) folders.push(join(folder, entry.name))
      continue
    }
    files.push(entry.name)
    if (files.length < atOnce) continue
    yield* look(top, folder, files, excluded, options)
    files = []
  }
  yield* look(top, folder, files, excluded, options)
  for (const path of folders) if (!isExcluded(top, path, excluded)) yield* walk(top, path, excluded, options)
}

interface Kind {
  isFile(): boolean
  isSymbolicLink(): boolean
}

function classify(path: Buffer, kind: Kind, bytes: number): Listed {
  if (kind.isFile()) return { kind: 'file', file: fileRef(path, bytes) }
  if (kind.isSymbolicLink()) return { kind: 'skipped', path: shown(path), reason: 'link', why: 'links are not followed' }
  return { kind: 'skipped', path: shown(path), reason: 'special', why: 'a pipe, socket or device' }
}

function unreadable(path: Buffer, error: NodeJS.ErrnoException): Listed {
  return { kind: 'skipped', path: shown(path) || '.', reason: 'unreadable', why: error.code ?? error.message }
}

function fileRef(path: Buffer, bytes: number): FileRef {
  const text = shown(path)
  return Buffer.from(text).equals(path) ? { path: text, bytes } : { path: text, raw: path.toString('base64'), bytes }
}

/** The path a file is opened under. */
export function pathOf(root: Buffer, file: { path: string; raw?: string }): Buffer {
  return join(root, file.raw === undefined ? Buffer.from(file.path) : Buffer.from(file.raw, 'base64'))
}

function isExcluded(top: Buffer, path: Buffer, excluded: ReadonlySet<string>): boolean {
  if (excluded.size === 0) return false
  const full = join(top, path).toString()
  for (const folder of excluded) if (full === folder || full.startsWith(`${folder}/`)) return true
  return false
}

function shown(path: Buffer): string {
  const text = path.toString()
  if (Buffer.from(text).equals(path)) return text
  return [...path].map((byte) => (byte > 127 ? `\\x${byte.toString(16)}` : String.fromCharCode(byte))).join('')
}

function join(folder: Buffer, name: Buffer): Buffer {
  if (folder.length === 0) return name
  return name.length === 0 ? folder : Buffer.concat([folder, slash, name])
}
