import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue, sessionField, sessionFields } from '../../src/store/keys.ts'
import type { Document, DocumentChange, Documents } from '../../src/store/ports.ts'

export interface DocumentsFixture {
  documents: Documents
  close(): Promise<void>
}

/** A memory as it may be written. */
export function memory(text: string, more: object = {}): Record<string, unknown> {
  return { text, kind: 'episodic', state: 'live', at: 1_763_600_000_000, trust: 0.7, ...more }
}

/** Settles once `enough` says so of what was told so far. */
export function following(documents: Documents): { until(enough: (told: ReadonlyMap<string, DocumentChange>) => boolean): Promise<ReadonlyMap<string, DocumentChange>>; stop(): Promise<void> } {
  const told = new Map<string, DocumentChange>()
  let wake = (): void => {}
  const { stop } = documents.follow((changes) => {
    for (const change of changes) told.set(change.key, change)
    wake()
  })
  return {
    stop,
    async until(enough) {
      while (!enough(told)) await new Promise<void>((resolve) => { wake = resolve })
      return told
    },
  }
}

/** What `src/store/ports.ts` promises of `Documents`. */
export function documentsContract(name: string, makeStore: () => Promise<DocumentsFixture>): void {
  describe(`${name}: documents`, () => {
    let fixture: DocumentsFixture
    let documents: Documents
    let count = 0

    beforeAll(async () => {
      fixture = await makeStore()
      documents = fixture.documents
    })
    afterAll(async () => {
      await fixture?.close()
    })

    const newMemory = (): string => catalogue.memory.build(`id${process.pid}x${++count}`)
    const newField = (): string => sessionField(`s-${process.pid}-${++count}`, 'task')
    const get = async (key: string): Promise<Document | undefined> => (await documents.get([key]))[0]
    const put = async (key: string, value: unknown, more: { expect?: number; bytes?: Uint8Array; ttlMs?: number } = {}) => (await documents.write([{ key, value, ...more }]))[0]!
    const version = async (key: string, value: unknown, more: { expect?: number; bytes?: Uint8Array; ttlMs?: number } = {}): Promise<number> => {
      const result = await put(key, value, more)
      if (!result.ok) throw new Error(`refused: ${result.reason}`)
      return result.version
    }

    describe.each([['memory', newMemory, (n: number) => memory(`text ${n}`)], ['session field', newField, (n: number) => ({ n })]] as const)('%s', (family, newKey, value) => {
      it('is read back at once, with a version that grows', async () => {
        const key = newKey()
        expect(await get(key)).toBeUndefined()
        const first = await version(key, value(1))
        expect(await get(key)).toMatchObject({ key, version: first, value: value(1) })
        const second = await version(key, value(2))
        expect(second).toBeGreaterThan(first)
        expect(await get(key)).toMatchObject({ key, version: second, value: value(2) })
      })

      it('keeps bytes with the value, as they are, until it is written without', async () => {
        const key = newKey()
        const bytes = Uint8Array.from({ length: 388 }, (_, index) => index % 256)
        await put(key, value(1), { bytes })
        expect(new Uint8Array((await get(key))!.bytes!)).toEqual(bytes)
        await put(key, value(2))
        expect(await get(key)).not.toHaveProperty('bytes')
      })

      it('is written only over the expected version, and says what is there instead', async () => {
        const key = newKey()
        expect(await put(key, value(0), { expect: 7 })).toEqual({ ok: false, reason: 'conflict' })
        const first = await version(key, value(1), { expect: 0 })
        expect(await put(key, value(2), { expect: 0 })).toMatchObject({ ok: false, reason: 'conflict', current: { key, version: first, value: value(1) } })
        const second = await version(key, value(2), { expect: first })
        expect(await put(key, value(3), { expect: first })).toMatchObject({ ok: false, reason: 'conflict', current: { version: second, value: value(2) } })
        expect((await get(key))!.value).toEqual(value(2))
      })

      it('is gone once it is deleted, and comes back above every version it had', async () => {
        const key = newKey()
        const first = await version(key, value(1))
        expect(await put(key, undefined, { expect: first + 1 })).toMatchObject({ ok: false, reason: 'conflict', current: { version: first } })
        const deleted = await version(key, undefined, { expect: first })
        expect(deleted).toBeGreaterThan(first)
        expect(await get(key)).toBeUndefined()
        expect(await put(key, value(2), { expect: first })).toEqual({ ok: false, reason: 'conflict' })
        expect(await version(key, value(3), { expect: 0 })).toBeGreaterThan(deleted)
      })

      it('deleting what is not there is no failure', async () => {
        expect(await put(newKey(), undefined)).toMatchObject({ ok: true })
      })

      it('each write stands alone', async () => {
        const [a, b, c] = [newKey(), newKey(), newKey()]
        await put(b, value(0))
        const results = await documents.write([{ key: a, value: value(1), expect: 0 }, { key: b, value: value(1), expect: 0 }, { key: c, value: value(1), expect: 0 }])
        expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
        expect((await documents.get([a, b, c, newKey()])).map((found) => found?.value)).toEqual([value(1), value(0), value(1), undefined])
      })

      it('one of many writers at once wins a comparison', async () => {
        const key = newKey()
        const results = await Promise.all(Array.from({ length: 20 }, (_, n) => put(key, value(n), { expect: 0 })))
        expect(results.filter(({ ok }) => ok)).toHaveLength(1)
        expect((await get(key))!.value).toEqual(value(results.findIndex(({ ok }) => ok)))
      })

      it('repeated in one call, the last write of a key stands', async () => {
        const key = newKey()
        const results = await documents.write([{ key, value: value(1) }, { key, value: value(2) }, { key, value: value(3) }])
        const versions = results.map((result) => (result.ok ? result.version : 0))
        expect(versions.toSorted((x, y) => x - y)).toEqual(versions)
        expect(await get(key)).toMatchObject({ value: value(3), version: versions[2] })
      })

      it('is erased for good: nothing is left, and a new write begins anew', async () => {
        const [a, b, absent] = [newKey(), newKey(), newKey()]
        await documents.write([{ key: a, value: value(1) }, { key: b, value: value(1) }])
        expect(await documents.erase([a, b, absent])).toBe(2)
        expect(await documents.get([a, b])).toEqual([undefined, undefined])
        expect(await put(a, value(2), { expect: 0 })).toMatchObject({ ok: true })
        expect((await get(a))!.value).toEqual(value(2))
        expect(await documents.erase([])).toBe(0)
      })

      it('tells followers, also of deletions', async () => {
        const [a, b] = [newKey(), newKey()]
        const feed = following(documents)
        // What happened before it began is not told for certain: a first change that comes through says that it has.
        const began = newKey()
        for (let n = 0; ; n++) {
          await put(began, value(n))
          const came = await Promise.race([feed.until((told) => told.has(began)), new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))])
          if (came !== undefined) break
        }
        const first = await version(a, value(1))
        await put(b, value(1))
        const deleted = await version(b, undefined)
        const told = await feed.until((all) => all.get(b)?.deleted === true && all.has(a))
        expect(told.get(a)).toEqual({ key: a, version: first, deleted: false })
        expect(told.get(b)).toEqual({ key: b, version: deleted, deleted: true })
        await feed.stop()
        await feed.stop()
      })

      it('keeps text of every kind', async () => {
        const texts = ['', 'ß 漢 🐝 \n " \\ {x}', 'مرحبا', 'x'.repeat(1 << 20)]
        const keys = texts.map(newKey)
        await documents.write(texts.map((text, index) => ({ key: keys[index]!, value: family === 'memory' ? memory(text) : text })))
        expect((await documents.get(keys)).map((found) => (family === 'memory' ? (found!.value as { text: string }).text : found!.value))).toEqual(texts)
      })
    })

    it('keeps what else a memory holds', async () => {
      const key = newMemory()
      const value = memory('more', { project: 'p', agent: 'a', session: 's', kind: 'semantic', state: 'superseded', model: 'm', tags: ['x', { y: null }], source: { channel: 'user' } })
      await put(key, value)
      expect((await get(key))!.value).toEqual(value)
    })

    it('lists the fields of a session in order, in pages', async () => {
      const session = `list ${process.pid}:{x}`
      const names = ['a', 'b', 'c#d', 'e f', 'z']
      await documents.write(names.map((field) => ({ key: sessionField(session, field), value: field })))
      await put(sessionField(session, 'deleted'), 1)
      await put(sessionField(session, 'deleted'), undefined)
      const prefix = sessionFields(session)
      const first = await documents.list(prefix, { limit: 2 })
      expect(first.map(({ value }) => value)).toEqual(['a', 'b'])
      const rest = await documents.list(prefix, { limit: 10, after: first[1]!.key })
      expect(rest.map(({ value }) => value)).toEqual(['c#d', 'e f', 'z'])
    })

    it('lists memories by id, in pages, without what is gone', async () => {
      const keys = Array.from({ length: 5 }, (_, n) => catalogue.memory.build(`zz-list-${process.pid}-${n}`))
      await documents.write(keys.map((key) => ({ key, value: memory(key) })))
      await put(keys[3]!, undefined)
      const page = await documents.list('memory:', { after: keys[0]!, limit: 3 })
      expect(page.map(({ key }) => key)).toEqual([keys[1], keys[2], keys[4]])
    })

    it('a session expires as a whole, counted from its last write', async () => {
      const [a, b] = ['a', 'b'].map((field) => sessionField(`ttl-${process.pid}`, field)) as [string, string]
      await put(a, 1, { ttlMs: 60_000 })
      const before = (await get(a))!.expiresAt!
      expect(before - Date.now()).toBeGreaterThan(50_000)
      await put(b, 2)
      expect((await get(a))!.expiresAt! - before).toBeGreaterThan(6 * 24 * 3_600_000)
      const brief = sessionField(`brief-${process.pid}`, 'x')
      await put(brief, 1, { ttlMs: 30 })
      while (await get(brief) !== undefined) await new Promise((resolve) => setImmediate(resolve))
      // The server's last millisecond may not be over when the folder's is.
      await expect.poll(async () => (await put(brief, 2, { expect: 0 })).ok, { interval: 2 }).toBe(true)
    })

    it.each([
      ['a key of another family', { key: 'cache:x', value: 1 }, 'writes[0].key'],
      ['a memory in another group', { key: 'memory:{m99}:x', value: memory('x') }, 'writes[0].key'],
      ['a value without JSON', { key: newField(), value: () => 1 }, 'writes[0].value'],
      ['a memory that is none', { key: newMemory(), value: 'text' }, 'writes[0].value'],
      ['half a surrogate pair', { key: newMemory(), value: memory('\ud800') }, 'writes[0].value.text'],
      ['NUL', { key: newMemory(), value: memory('a\0b') }, 'writes[0].value.text'],
      ['a trust above 1', { key: newMemory(), value: memory('x', { trust: 1.1 }) }, 'writes[0].value.trust'],
      ['a state of the store', { key: newMemory(), value: memory('x', { state: 'gone' }) }, 'writes[0].value.state'],
      ['a time to live of a memory', { key: newMemory(), value: memory('x'), ttlMs: 1 }, 'writes[0].ttlMs'],
      ['no version', { key: newField(), value: 1, expect: -1 }, 'writes[0].expect'],
      ['what is too large', { key: newField(), value: 'x'.repeat(9 << 20) }, 'writes[0].value'],
    ])('refuses %s, and all of the call', async (_, write, field) => {
      const innocent = newField()
      await expect(documents.write([write, { key: innocent, value: 1 }])).rejects.toMatchObject({ code: 'invalid_argument', field })
      expect(await get(innocent)).toBeUndefined()
    })

    it('says where its data comes from', () => {
      expect(['embedded', 'connected']).toContain(documents.freshness().source)
    })
  })
}
