import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Blobs } from '../../src/store/ports.ts'

export interface BlobsFixture {
  blobs: Blobs
  /** Damages the stored bytes of a hash behind the store's back. */
  damage(hash: string): Promise<void>
  close(): Promise<void>
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What `src/store/ports.ts` promises of `Blobs`. Times to live run on the real clock. */
export function blobsContract(name: string, makeStore: () => Promise<BlobsFixture>): void {
  describe(`${name}: blobs`, () => {
    let fixture: BlobsFixture
    let blobs: Blobs

    beforeAll(async () => {
      fixture = await makeStore()
      blobs = fixture.blobs
    })
    afterAll(async () => {
      await fixture?.close()
    })

    it.each([0, 1, 1000, 3 << 20])('gives back %i bytes under their hash', async (size) => {
      const bytes = new Uint8Array(randomBytes(size))
      const hash = await blobs.put(bytes)
      expect(hash).toBe(hashOf(bytes))
      expect(await blobs.has(hash)).toBe(true)
      const read = await blobs.get(hash)
      expect(read).toBeInstanceOf(Uint8Array)
      expect(Buffer.compare(read!, bytes)).toBe(0)
    })

    it('stores a view by its own bytes, not those around it', async () => {
      const bytes = new Uint8Array(randomBytes(100)).subarray(10, 20)
      const hash = await blobs.put(bytes)
      expect(hash).toBe(hashOf(Uint8Array.from(bytes)))
      expect((await blobs.get(hash))!.length).toBe(10)
    })

    it('stores the same bytes twice without harm, also at once', async () => {
      const bytes = randomBytes(5000)
      const hashes = await Promise.all(Array.from({ length: 8 }, () => blobs.put(bytes)))
      expect(new Set(hashes).size).toBe(1)
      expect(Buffer.compare((await blobs.get(hashes[0]!))!, bytes)).toBe(0)
    })

    it('says what it does not have, and refuses what is no hash', async () => {
      const absent = hashOf(randomBytes(10))
      expect(await blobs.get(absent)).toBeUndefined()
      expect(await blobs.has(absent)).toBe(false)
      expect(await blobs.delete(absent)).toBe(false)
      for (const hash of ['../../etc/passwd', '', absent.toUpperCase(), absent.slice(1)]) {
        await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'invalid_argument' })
      }
    })

    it('deletes', async () => {
      const hash = await blobs.put(randomBytes(10))
      expect(await blobs.delete(hash)).toBe(true)
      expect(await blobs.delete(hash)).toBe(false)
      expect(await blobs.get(hash)).toBeUndefined()
    })

    it('lets bytes expire, but not those that were also stored for ever', async () => {
      const [short, kept] = [randomBytes(10), randomBytes(10)]
      await blobs.put(kept)
      const shortHash = await blobs.put(short, { ttlMs: 120 })
      const keptHash = await blobs.put(kept, { ttlMs: 100 })
      expect(await blobs.has(shortHash)).toBe(true)
      await expect.poll(() => blobs.has(shortHash), { timeout: 5000, interval: 20 }).toBe(false)
      expect(await blobs.get(shortHash)).toBeUndefined()
      expect(Buffer.compare((await blobs.get(keptHash))!, kept)).toBe(0)
      await blobs.put(short)
      expect(await blobs.has(shortHash)).toBe(true)
    })

    it('never hands out bytes that do not match the hash; storing them again mends it', async () => {
      const bytes = randomBytes(2000)
      const hash = await blobs.put(bytes)
      await fixture.damage(hash)
      await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'store_corrupt' })
      await blobs.put(bytes)
      expect(Buffer.compare((await blobs.get(hash))!, bytes)).toBe(0)
    })
  })
}
