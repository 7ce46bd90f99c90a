import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Records } from '../../src/store/ports.ts'

export interface RecordsFixture {
  records: Records
  close(): Promise<void>
}

/** What `src/store/ports.ts` promises of `Records`. Times to live run on the real clock, so that any store can be held to it. */
export function recordsContract(name: string, makeStore: () => Promise<RecordsFixture>): void {
  describe(`${name}: records`, () => {
    let fixture: RecordsFixture
    let records: Records
    let keys = 0

    beforeAll(async () => {
      fixture = await makeStore()
      records = fixture.records
    })
    afterAll(async () => {
      await fixture?.close()
    })

    const newKey = (): string => `session:{s-${process.pid}-${++keys}}`

    it('gives back what was put, with a version that starts at 1 and grows by one', async () => {
      const key = newKey()
      expect(await records.get(key)).toBeUndefined()
      expect(await records.put(key, { a: 1 })).toEqual({ ok: true, version: 1 })
      expect(await records.put(key, { a: 2 })).toEqual({ ok: true, version: 2 })
      expect(await records.get(key)).toEqual({ value: { a: 2 }, version: 2 })
    })

    it.each([
      ['null', null], ['false', false], ['zero', 0], ['a fraction', -1.5e-7], ['an empty string', ''], ['text', 'ß 漢 🐝 \u0000 \n " \\ {x}'],
      ['half a surrogate pair', '\ud800'], ['an empty array', []], ['an empty object', {}], ['nesting', { a: [{ b: [null, true, 'c'] }] }], ['a large string', 'x'.repeat(1 << 20)],
    ])('keeps %s', async (_, value) => {
      const key = newKey()
      await records.put(key, value)
      expect(await records.get(key)).toEqual({ value, version: 1 })
    })

    it('refuses what has no form in JSON', async () => {
      const key = newKey()
      await expect(records.put(key, undefined)).rejects.toMatchObject({ code: 'invalid_argument' })
      await expect(records.put(key, () => 1)).rejects.toMatchObject({ code: 'invalid_argument' })
      expect(await records.get(key)).toBeUndefined()
    })

    it('reads many in the order of the keys', async () => {
      const [a, b, c] = [newKey(), newKey(), newKey()]
      await records.put(a, 1)
      await records.put(c, 3)
      expect(await records.getMany([c, b, a, a])).toEqual([{ value: 3, version: 1 }, undefined, { value: 1, version: 1 }, { value: 1, version: 1 }])
      expect(await records.getMany([])).toEqual([])
    })

    it('writes only over the expected version, and says what is there instead', async () => {
      const key = newKey()
      expect(await records.put(key, 'x', { expect: 1 })).toEqual({ ok: false, reason: 'conflict', current: undefined })
      expect(await records.put(key, 'a', { expect: 0 })).toEqual({ ok: true, version: 1 })
      expect(await records.put(key, 'b', { expect: 0 })).toEqual({ ok: false, reason: 'conflict', current: { value: 'a', version: 1 } })
      expect(await records.put(key, 'b', { expect: 1 })).toEqual({ ok: true, version: 2 })
      expect(await records.put(key, 'c', { expect: 1 })).toEqual({ ok: false, reason: 'conflict', current: { value: 'b', version: 2 } })
      expect(await records.get(key)).toEqual({ value: 'b', version: 2 })
    })

    it('lets one of many concurrent compare-and-set writes win, and loses no count', async () => {
      const key = newKey()
      const race = await Promise.all(Array.from({ length: 30 }, (_, index) => records.put(key, index, { expect: 0 })))
      expect(race.filter((result) => result.ok)).toHaveLength(1)
      const increments = Array.from({ length: 10 }, async () => {
        for (;;) {
          const current = (await records.get(key))!
          if ((await records.put(key, (current.value as number) + 1000, { expect: current.version })).ok) return
        }
      })
      await Promise.all(increments)
      const end = (await records.get(key))!
      expect(end.version).toBe(11)
      expect(Math.floor((end.value as number) / 1000)).toBe(10)
    })

    it('deletes, on condition or without, and says which version there was', async () => {
      const key = newKey()
      await records.put(key, 1)
      expect(await records.delete(key, { expect: 2 })).toEqual({ ok: false, reason: 'conflict', current: { value: 1, version: 1 } })
      expect(await records.delete(key, { expect: 1 })).toEqual({ ok: true, version: 1 })
      expect(await records.get(key)).toBeUndefined()
      expect(await records.delete(key, { expect: 1 })).toEqual({ ok: false, reason: 'conflict', current: undefined })
      expect(await records.delete(key)).toEqual({ ok: true, version: 0 })
      expect(await records.put(key, 2, { expect: 0 })).toEqual({ ok: true, version: 1 })
    })

    it('lets a record expire, as if it had never been', async () => {
      const key = newKey()
      await records.put(key, 1)
      await records.put(key, 2, { ttlMs: 120 })
      expect(await records.get(key)).toEqual({ value: 2, version: 2 })
      await expect.poll(() => records.get(key), { timeout: 5000, interval: 20 }).toBeUndefined()
      expect((await records.scan(key)).keys).toEqual([])
      expect(await records.expire(key, 1000)).toBe(false)
      expect(await records.put(key, 3, { expect: 0 })).toEqual({ ok: true, version: 1 })
    })

    it('a write without ttlMs lives on without an expiry', async () => {
      const [kept, lost] = [newKey(), newKey()]
      for (const key of [kept, lost]) await records.put(key, 1, { ttlMs: 100 })
      await records.put(kept, 2)
      await expect.poll(() => records.get(lost), { timeout: 5000, interval: 20 }).toBeUndefined()
      expect(await records.get(kept)).toEqual({ value: 2, version: 2 })
    })

    it('restarts the time to live without changing the version', async () => {
      const [extended, lost] = [newKey(), newKey()]
      for (const key of [extended, lost]) await records.put(key, 1, { ttlMs: 100 })
      expect(await records.expire(extended, 60_000)).toBe(true)
      expect(await records.expire(newKey(), 60_000)).toBe(false)
      await expect.poll(() => records.get(lost), { timeout: 5000, interval: 20 }).toBeUndefined()
      expect(await records.get(extended)).toEqual({ value: 1, version: 1 })
    })

    it('scans a prefix in pages, each key once, and nothing else', async () => {
      const prefix = `scan_%${process.pid}*[a]?`
      const wanted = Array.from({ length: 25 }, (_, index) => `${prefix}:${index}`)
      for (const key of [...wanted, `scan_x${process.pid}*[a]?:1`, `scan_%${process.pid}`, `scan_%${process.pid}zz`]) await records.put(key, 1)
      const found: string[] = []
      let cursor: string | undefined
      let pages = 0
      do {
        const page = await records.scan(prefix, { cursor, limit: 7 })
        found.push(...page.keys)
        cursor = page.cursor
        if (++pages > 10_000) throw new Error('the scan does not end')
      } while (cursor !== undefined)
      expect(found.sort()).toEqual([...wanted].sort())
      expect((await records.scan(`${prefix}nothing`)).keys).toEqual([])
    })
  })
}
