import { createHash } from 'node:crypto'
import { InvalidArgument, StoreCorrupt } from '../../kernel/errors.ts'
import type { Blobs } from '../ports.ts'
import type { Backend } from './link.ts'

const chunkBytes = 1024 ** 2
/** Chunks on their way at once: more gains nothing and holds up other replies. */
const inFlight = 4

interface Manifest {
  bytes: number
  /** SHA-256 of each chunk. */
  chunks: string[]
}

/** Chunks of 1 MB, each with its hash, and the manifest last: a blob is there once it is whole. */
export function createBlobs(backend: Backend): Blobs {
  const { keys } = backend

  async function manifestOf(hash: string): Promise<Manifest | undefined> {
    checkHash(hash)
    const json = await backend.read((client) => client.get(keys.blob(hash)))
    return json === null ? undefined : (JSON.parse(json) as Manifest)
  }

  const expiry = (ttlMs: number | undefined): ['PX', number] | [] => (ttlMs === undefined ? [] : ['PX', Math.ceil(ttlMs)])

  /** The longer of what is asked for and what a blob that is there has left; undefined is for ever. */
  async function longest(hash: string, ttlMs: number | undefined): Promise<number | undefined> {
    if (ttlMs === undefined) return undefined
    const left = await backend.read((client) => client.pttl(keys.blob(hash)))
    return left === -1 ? undefined : Math.max(left, ttlMs)
  }

  async function set(key: string, value: Buffer | string, ttlMs: number | undefined): Promise<void> {
    await backend.write((client) => client.call('SET', key, value, ...expiry(ttlMs)))
  }

  async function eachChunk(count: number, work: (index: number) => Promise<void>): Promise<void> {
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < count) await work(next++)
    }
    await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane))
  }

  return {
    async put(bytes, options) {
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const hash = sha256(whole)
      const ttlMs = await longest(hash, options?.ttlMs)
      const manifest: Manifest = { bytes: whole.length, chunks: [] }
      await eachChunk(Math.ceil(whole.length / chunkBytes), async (index) => {
        const chunk = whole.subarray(index * chunkBytes, (index + 1) * chunkBytes)
        manifest.chunks[index] = sha256(chunk)
        await set(keys.blobChunk(hash, index), chunk, ttlMs)
      })
      await set(keys.blob(hash), JSON.stringify(manifest), ttlMs)
      return hash
    },
    async get(hash) {
      const manifest = await manifestOf(hash)
      if (manifest === undefined) return undefined
      const whole = Buffer.allocUnsafe(manifest.bytes)
      let evicted = false
      await eachChunk(manifest.chunks.length, async (index) => {
        const chunk = await backend.read((client) => client.getBuffer(keys.blobChunk(hash, index)))
        if (chunk === null) evicted = true
        else if (sha256(chunk) !== manifest.chunks[index]) throw new StoreCorrupt(`chunk ${index} of blob ${hash} does not match its hash: delete the blob and store it again`)
        else chunk.copy(whole, index * chunkBytes)
      })
      // The cache may drop single chunks; then the blob is not there.
      if (evicted) return undefined
      if (sha256(whole) !== hash) throw new StoreCorrupt(`blob ${hash} does not match its hash: delete it and store it again`)
      return whole
    },
    async has(hash) {
      const manifest = await manifestOf(hash)
      if (manifest === undefined) return false
      if (manifest.chunks.length === 0) return true
      return (await backend.read((client) => client.exists(...manifest.chunks.map((_, index) => keys.blobChunk(hash, index))))) === manifest.chunks.length
    },
    async delete(hash) {
      const manifest = await manifestOf(hash)
      if (manifest === undefined) return false
      await backend.write((client) => client.unlink(keys.blob(hash), ...manifest.chunks.map((_, index) => keys.blobChunk(hash, index))))
      return true
    },
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function checkHash(hash: string): void {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new InvalidArgument('hash', `"${hash}" is no SHA-256 in lower-case hex`)
}
