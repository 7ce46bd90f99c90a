import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Randomness } from '../../kernel/clock.ts'
import { InvalidArgument, StoreCorrupt, StoreFull, StoreMisconfigured, StoreUnavailable, messageOf } from '../../kernel/errors.ts'
import type { Blobs } from '../ports.ts'

export interface BlobOptions {
  folder: string
  clock: Clock
  randomness: Randomness
  /** Wait until the bytes are on the disk itself. */
  fsync: boolean
}

/** Temporary files older than this were left by a process that died. */
const abandonedMs = 3_600_000

/**
 * Files under `<folder>/<first two digits>/`: `<hash>` for ever, `<hash>.<ms>` until that wall time. The expiry is part of the
 * name, so that removing an expired file can never hit one that was just stored again.
 */
export function createBlobs({ folder, clock, randomness, fsync }: BlobOptions): Blobs {
  const shardOf = (hash: string): string => join(folder, hash.slice(0, 2))

  async function put(bytes: Uint8Array, options: { ttlMs?: number } = {}): Promise<string> {
    const hash = sha256(bytes)
    const shard = shardOf(hash)
    const temporary = join(shard, `.${randomness.id()}.tmp`)
    try {
      await mkdir(shard, { recursive: true })
      await write(temporary, bytes, fsync)
      await rename(temporary, join(shard, options.ttlMs === undefined ? hash : `${hash}.${Math.trunc(clock.now() + options.ttlMs)}`))
      await purge(shard)
    } catch (error) {
      // What went wrong is told; a temporary file that cannot be removed either goes with a later purge.
      await rm(temporary, { force: true }).catch(() => undefined)
      throw fileError(folder, error)
    }
    return hash
  }

  /** Live files of a hash: the one kept for ever first, else the one that lives longest. */
  async function find(hash: string): Promise<string[]> {
    checkHash(hash)
    const shard = shardOf(hash)
    const names = await namesIn(shard)
    const now = clock.now()
    return names
      .filter((name) => name === hash || (name.startsWith(`${hash}.`) && expiryOf(name) > now))
      .toSorted((a, b) => expiryOf(b) - expiryOf(a))
      .map((name) => join(shard, name))
  }

  async function purge(shard: string): Promise<void> {
    const now = clock.now()
    for (const name of await namesIn(shard)) {
      const path = join(shard, name)
      if (name.endsWith('.tmp')) {
        // Absent by now when its writer has finished.
        const { mtimeMs } = (await stat(path).catch(() => undefined)) ?? { mtimeMs: now }
        if (now - mtimeMs > abandonedMs) await rm(path, { force: true })
      } else if (expiryOf(name) <= now) await rm(path, { force: true })
    }
  }

  return {
    put,
    async get(hash) {
      const [path] = await find(hash)
      if (path === undefined) return undefined
      let bytes: Uint8Array
      try {
        bytes = await readFile(path)
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw fileError(folder, error)
      }
      if (sha256(bytes) !== hash) throw new StoreCorrupt(`${path} does not hold the bytes its name says: store them again, or remove the file`)
      return bytes
    },
    has: async (hash) => (await find(hash)).length > 0,
    async delete(hash) {
      const paths = await find(hash)
      try {
        for (const path of paths) await rm(path, { force: true })
      } catch (error) {
        throw fileError(folder, error)
      }
      return paths.length > 0
    },
  }
}

async function write(path: string, bytes: Uint8Array, fsync: boolean): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    if (fsync) await file.sync()
  } finally {
    await file.close()
  }
}

async function namesIn(shard: string): Promise<string[]> {
  try {
    return await readdir(shard)
  } catch (error) {
    if (isAbsent(error)) return []
    throw fileError(shard, error)
  }
}

/** Wall time in ms; for ever when the name carries none. */
function expiryOf(name: string): number {
  const dot = name.indexOf('.')
  return dot < 0 ? Infinity : Number(name.slice(dot + 1))
}

function checkHash(hash: string): void {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new InvalidArgument('hash', `"${hash}" is no SHA-256 in lower-case hex`)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function fileError(folder: string, error: unknown): Error {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreFull(`no space left for blobs in ${folder}: free some disk space`, error)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new StoreMisconfigured(`blobs cannot be stored in ${folder} (${messageOf(error)}): make it a folder this user can write, or choose another data folder (HIVEMIND_DATA_DIR)`, error)
    default:
      return new StoreUnavailable(`blobs in ${folder} cannot be reached: ${messageOf(error)}`, error)
  }
}
