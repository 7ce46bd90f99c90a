import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Append, Effects, EntryId, Log, LogConfig, Owner } from '../../src/store/ports.ts'
import { compareEntryIds, entrySequence, firstEntryId } from '../../src/store/ports.ts'
import { logModelTest } from './log-random.ts'

/** One store under test. `peer` opens a second client of the same data, as another process would. */
export interface LogFixture {
  log: Log
  peer?: () => Promise<Log>
  close(): Promise<void>
}

const config: LogConfig = { cap: 10_000, quotaBytes: 64 << 20, dedupeMs: 3_600_000, meta: { visibility: 'public' } }
const hourMs = 3_600_000

/** What `src/store/ports.ts` promises of a `Log`, sentence by sentence. */
export function logContract(name: string, makeStore: () => Promise<LogFixture>): void {
  describe(`${name}: log`, () => {
    let fixture: LogFixture
    let log: Log
    let rooms = 0

    beforeAll(async () => {
      fixture = await makeStore()
      log = fixture.log
    })
    afterAll(async () => {
      await fixture?.close()
    })

    const newRoom = async (changes: Partial<LogConfig> = {}): Promise<string> => {
      const room = `room-${process.pid}-${++rooms}`
      await log.open(room, { ...config, ...changes })
      return room
    }
    const post = (room: string, messageId: string, body = `"${messageId}"`): Append => ({ room, messageId, body })
    const fill = async (room: string, count: number, prefix = 'm'): Promise<EntryId[]> => {
      const results = await log.append(Array.from({ length: count }, (_, index) => post(room, `${prefix}${index}`)))
      return results.map((result) => {
        if (!result.ok || result.journalled) throw new Error(`append was refused: ${JSON.stringify(result)}`)
        return result.entry
      })
    }
    const owner = (name: string, fence = 1): Owner => ({ name, fence })
    const ids = (entries: readonly { messageId: string }[]): string[] => entries.map((entry) => entry.messageId)
    const entriesOf = (entries: readonly { entry: EntryId }[]): EntryId[] => entries.map((entry) => entry.entry)
    const ack = (room: string, by: Owner, entry: EntryId, effects?: Effects) => ({ kind: 'work' as const, room, group: 'g', owner: by, entry, effects })
    const move = (room: string, by: Owner, entry: EntryId, effects?: Effects) => ({ kind: 'cursor' as const, room, member: 'ada', owner: by, entry, effects })

    describe('rooms', () => {
      it('stores the config of whoever opens first and returns it untouched to others', async () => {
        const room = await newRoom({ cap: 7, meta: { visibility: 'members', members: ['ada', 'bo'] } })
        const again = await log.open(room, config)
        expect(again.created).toBe(false)
        expect(again.config).toEqual({ ...config, cap: 7, meta: { visibility: 'members', members: ['ada', 'bo'] } })
        expect((await log.open(`${room}-b`, config)).created).toBe(true)
      })

      it('replaces the config', async () => {
        const room = await newRoom()
        await log.configure(room, { ...config, cap: 3, meta: null })
        expect((await log.open(room, config)).config).toEqual({ ...config, cap: 3, meta: null })
      })

      it('lists names sorted, in pages, and forgets removed rooms with all that belongs to them', async () => {
        const prefix = `list-${process.pid}-`
        for (const suffix of ['c', 'a', 'b']) await log.open(prefix + suffix, config)
        const page = await log.list({ after: prefix, limit: 2 })
        expect(page).toEqual([`${prefix}a`, `${prefix}b`])
        expect((await log.list({ after: page[1], limit: 1 }))).toEqual([`${prefix}c`])
        expect((await log.list()).filter((room) => room.startsWith(prefix))).toHaveLength(3)

        await fill(`${prefix}a`, 3)
        await log.openGroup(`${prefix}a`, 'g', firstEntryId)
        await log.take(`${prefix}a`, 'g', owner('x'), 1)
        await log.remove(`${prefix}a`)
        expect(await log.info(`${prefix}a`)).toBeUndefined()
        expect((await log.list()).filter((room) => room.startsWith(prefix))).toEqual([`${prefix}b`, `${prefix}c`])
        expect((await log.open(`${prefix}a`, config)).created).toBe(true)
        expect(await log.info(`${prefix}a`)).toMatchObject({ entries: 0, bytes: 0, groups: [], members: [], dead: 0 })
        expect((await log.append([post(`${prefix}a`, 'm0')]))[0]).toMatchObject({ ok: true, duplicate: false })
      })

      it('tells what is in a room', async () => {
        const room = await newRoom()
        const entries = await fill(room, 3)
        await log.openGroup(room, 'g', firstEntryId)
        await log.take(room, 'g', owner('x'), 2)
        await log.openCursor(room, 'ada', owner('x'), entries[0]!)
        expect(await log.info(room)).toMatchObject({
          room, config, entries: 3, bytes: 12, first: entries[0], last: entries[2], dead: 0,
          groups: [{ group: 'g', pending: 2, lastDelivered: entries[1] }],
          members: [{ member: 'ada', cursor: entries[0] }],
        })
        expect(await log.info('no such room')).toBeUndefined()
      })
    })

    describe('append and range', () => {
      it('numbers the entries of a room from 1 without gaps, in the order of the calls', async () => {
        const room = await newRoom()
        const entries = [...await fill(room, 5), ...await fill(room, 3, 'n')]
        expect(entries.map(entrySequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
        expect([...entries].sort(compareEntryIds)).toEqual(entries)
        expect(ids(await log.range(room, { limit: 100 }))).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'n0', 'n1', 'n2'])
      })

      it('stores the same message id of a room once, and says which entry it was', async () => {
        const room = await newRoom()
        const other = await newRoom()
        const [first, second, third] = await log.append([post(room, 'a', '1'), post(room, 'a', '2'), post(other, 'a', '3')])
        expect(first).toMatchObject({ ok: true, duplicate: false })
        expect(second).toEqual({ ok: true, duplicate: true, entry: (first as { entry: EntryId }).entry })
        expect(third).toMatchObject({ ok: true, duplicate: false })
        const race = await Promise.all(Array.from({ length: 20 }, () => log.append([post(room, 'raced')])))
        expect(race.flat().filter((result) => result.ok && !result.duplicate)).toHaveLength(1)
        expect(await log.range(room, { limit: 10 })).toMatchObject([{ messageId: 'a', body: '1' }, { messageId: 'raced' }])
      })

      it('keeps the order of concurrent calls from one client', async () => {
        const room = await newRoom()
        await Promise.all(Array.from({ length: 200 }, (_, index) => log.append([post(room, `c${index}`)])))
        expect(ids(await log.range(room, { limit: 1000 }))).toEqual(Array.from({ length: 200 }, (_, index) => `c${index}`))
      })

      it('refuses one append of a call while the others succeed', async () => {
        const room = await newRoom({ quotaBytes: 1000 })
        const results = await log.append([
          post(room, 'a', 'x'.repeat(600)), post('nowhere at all', 'b'), post(room, 'c', 'x'.repeat(600)), post(room, 'd', 'x'.repeat(300)),
        ])
        expect(results).toMatchObject([
          { ok: true }, { ok: false, reason: 'room_unknown' }, { ok: false, reason: 'room_full', bytes: 600, quotaBytes: 1000 }, { ok: true },
        ])
        expect(await log.info(room)).toMatchObject({ entries: 2, bytes: 900 })
        expect((await log.append([post(room, 'a', 'again')]))[0]).toMatchObject({ ok: true, duplicate: true })
      })

      it('counts bytes, not characters', async () => {
        const room = await newRoom({ quotaBytes: 10 })
        expect((await log.append([post(room, 'a', '🐝🐝🐝')]))[0]).toMatchObject({ ok: false, reason: 'room_full' })
        expect((await log.append([post(room, 'b', '🐝🐝')]))[0]).toMatchObject({ ok: true })
        expect(await log.info(room)).toMatchObject({ bytes: 8 })
      })

      it('reads strictly between two cursors, forwards and backwards', async () => {
        const room = await newRoom()
        const entries = await fill(room, 6)
        const read = async (options: Parameters<Log['range']>[1]) => ids(await log.range(room, options))
        expect(await read({ limit: 2 })).toEqual(['m0', 'm1'])
        expect(await read({ after: entries[1], limit: 2 })).toEqual(['m2', 'm3'])
        expect(await read({ after: entries[1], before: entries[4], limit: 9 })).toEqual(['m2', 'm3'])
        expect(await read({ reverse: true, limit: 2 })).toEqual(['m5', 'm4'])
        expect(await read({ before: entries[4], reverse: true, limit: 2 })).toEqual(['m3', 'm2'])
        expect(await read({ after: entries[2], before: entries[5], reverse: true, limit: 9 })).toEqual(['m4', 'm3'])
        expect(await read({ after: entries[5], limit: 9 })).toEqual([])
        expect(await read({ after: firstEntryId, limit: 1 })).toEqual(['m0'])
      })

      it('keeps any text: names, ids and bodies', async () => {
        const room = `Ünïcode:{tag}: 房间 🐝 "quoted" %20 ${process.pid}`
        await log.open(room, config)
        const body = JSON.stringify({ text: '🐝 \u0000 \n "ß" ' + '漢'.repeat(50), lone: '\ud800' })
        await log.append([{ room, messageId: 'Nachricht:{1} ✓', body }])
        expect(await log.range(room, { limit: 1 })).toMatchObject([{ messageId: 'Nachricht:{1} ✓', body }])
        await log.openGroup(room, 'Grüppe:{x}', firstEntryId)
        const me = owner('Bürger:{y} 1')
        const [delivery] = await log.take(room, 'Grüppe:{x}', me, 1)
        expect(await log.commit([{
          kind: 'work', room, group: 'Grüppe:{x}', owner: me, entry: delivery!.entry,
          effects: { posts: [], records: [{ key: 'schlüssel:{z}', value: { '漢': ['🐝', null, 1.5, true] } }] },
        }])).toMatchObject([{ ok: true }])
        expect(await log.record(room, 'schlüssel:{z}')).toEqual({ '漢': ['🐝', null, 1.5, true] })
        expect(await log.list()).toContain(room)
      })

      it('keeps 2 MB of entries, one of them of 1 MB', async () => {
        const room = await newRoom()
        const bodies = ['b'.repeat(1 << 20), ...Array.from({ length: 1024 }, (_, index) => String(index).padEnd(1024, '.'))]
        const results = await log.append(bodies.map((body, index) => post(room, `big${index}`, body)))
        expect(results.every((result) => result.ok)).toBe(true)
        const read = await log.range(room, { limit: 2000 })
        expect(read.map((entry) => entry.body.length).reduce((a, b) => a + b)).toBe(2 << 20)
        expect(read.every((entry, index) => entry.body === bodies[index])).toBe(true)
      })
    })

    describe('work groups', () => {
      it('starts where it is told, and a second opening changes nothing', async () => {
        const room = await newRoom()
        const entries = await fill(room, 3)
        await log.openGroup(room, 'all', firstEntryId)
        await log.openGroup(room, 'later', entries[0]!)
        await log.openGroup(room, 'new', 'end')
        await log.openGroup(room, 'new', firstEntryId)
        await fill(room, 1, 'n')
        expect(ids(await log.take(room, 'all', owner('x'), 9))).toEqual(['m0', 'm1', 'm2', 'n0'])
        expect(ids(await log.take(room, 'later', owner('x'), 9))).toEqual(['m1', 'm2', 'n0'])
        expect(ids(await log.take(room, 'new', owner('x'), 9))).toEqual(['n0'])
      })

      it('gives each entry to one owner, in order, and counts the first attempt', async () => {
        const room = await newRoom()
        await fill(room, 4)
        await log.openGroup(room, 'g', firstEntryId)
        const mine = await log.take(room, 'g', owner('x'), 3)
        expect(mine).toMatchObject([{ messageId: 'm0', body: '"m0"', attempt: 1 }, { messageId: 'm1', attempt: 1 }, { messageId: 'm2', attempt: 1 }])
        expect(ids(await log.take(room, 'g', owner('y'), 3))).toEqual(['m3'])
        expect(await log.take(room, 'g', owner('x'), 3)).toEqual([])
      })

      it('shares 400 entries among competing consumers, each exactly once', async () => {
        const room = await newRoom()
        await fill(room, 400)
        await log.openGroup(room, 'g', firstEntryId)
        const seen: string[] = []
        const consume = async (by: Owner): Promise<void> => {
          for (;;) {
            const batch = await log.take(room, 'g', by, 7)
            if (batch.length === 0) return
            seen.push(...ids(batch))
            const results = await log.commit(batch.map(({ entry }) => ack(room, by, entry)))
            expect(results.every((result) => result.ok)).toBe(true)
          }
        }
        await Promise.all(Array.from({ length: 8 }, (_, index) => consume(owner(`c${index}`))))
        expect(seen).toHaveLength(400)
        expect(new Set(seen).size).toBe(400)
        expect(await log.pending(room, 'g')).toEqual([])
      })

      it('gives back what one owns, without counting an attempt', async () => {
        const room = await newRoom()
        await fill(room, 5)
        await log.openGroup(room, 'g', firstEntryId)
        const taken = await log.take(room, 'g', owner('x'), 3)
        await log.take(room, 'g', owner('y'), 1)
        await log.owned(room, 'g', owner('x'), { count: 9 })
        expect(await log.owned(room, 'g', owner('x'), { count: 9 })).toEqual(taken)
        expect(await log.owned(room, 'g', owner('x'), { count: 1 })).toEqual(taken.slice(0, 1))
        expect(await log.owned(room, 'g', owner('x'), { after: taken[0]!.entry, count: 9 })).toEqual(taken.slice(1))
        expect(await log.owned(room, 'g', owner('nobody'), { count: 9 })).toEqual([])
      })

      it('takes over only what others have not touched for a while, and counts the attempt', async () => {
        const room = await newRoom()
        await fill(room, 3)
        await log.openGroup(room, 'g', firstEntryId)
        await log.take(room, 'g', owner('x'), 2)
        await log.take(room, 'g', owner('y'), 1)
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: hourMs, count: 9 })).toEqual([])
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: 0, count: 1 })).toMatchObject([{ messageId: 'm0', attempt: 2, body: '"m0"' }])
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: 0, count: 9 })).toMatchObject([{ messageId: 'm1', attempt: 2 }])
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: 0, count: 9 })).toEqual([])
        expect(await log.pending(room, 'g')).toMatchObject([{ owner: 'y', attempt: 2 }, { owner: 'y', attempt: 2 }, { owner: 'y', attempt: 1 }])
        expect(await log.owned(room, 'g', owner('x'), { count: 9 })).toEqual([])
      })

      it('counts retries for the owner alone, and restarts the idle time', async () => {
        const room = await newRoom()
        await fill(room, 1)
        await log.openGroup(room, 'g', firstEntryId)
        const [held] = await log.take(room, 'g', owner('x'), 1)
        await idleFor(room, 200)
        expect(await log.retry(room, 'g', owner('x'), held!.entry)).toBe(2)
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: 200, count: 9 })).toEqual([])
        expect(await log.retry(room, 'g', owner('x'), held!.entry)).toBe(3)
        expect(await log.retry(room, 'g', owner('y'), held!.entry)).toBeUndefined()
        expect(await log.pending(room, 'g')).toMatchObject([{ attempt: 3, owner: 'x' }])
        await log.commit([ack(room, owner('x'), held!.entry)])
        expect(await log.retry(room, 'g', owner('x'), held!.entry)).toBeUndefined()
      })

      it('extends what is still ours', async () => {
        const room = await newRoom()
        await fill(room, 3)
        await log.openGroup(room, 'g', firstEntryId)
        const mine = entriesOf(await log.take(room, 'g', owner('x'), 2))
        const theirs = entriesOf(await log.take(room, 'g', owner('y'), 1))
        await idleFor(room, 200)
        expect(await log.extend(room, 'g', owner('x'), [...mine, ...theirs])).toEqual(mine)
        expect(await log.takeOver(room, 'g', owner('z'), { minIdleMs: 200, count: 9 })).toMatchObject([{ messageId: 'm2' }])
        await log.commit([ack(room, owner('x'), mine[0]!)])
        expect(await log.extend(room, 'g', owner('x'), mine)).toEqual([mine[1]])
        expect(await log.extend(room, 'g', owner('x'), [])).toEqual([])
      })

      it('pages through pending entries', async () => {
        const room = await newRoom()
        await fill(room, 5)
        await log.openGroup(room, 'g', firstEntryId)
        const taken = entriesOf(await log.take(room, 'g', owner('x'), 5))
        const page = await log.pending(room, 'g', { count: 2 })
        expect(entriesOf(page)).toEqual(taken.slice(0, 2))
        expect(entriesOf(await log.pending(room, 'g', { after: page[1]!.entry, count: 9 }))).toEqual(taken.slice(2))
        expect(page[0]!.idleMs).toBeGreaterThanOrEqual(0)
      })

      /** Until every pending entry of the group has been idle for `ms`. */
      const idleFor = async (room: string, ms: number): Promise<void> => {
        await expect.poll(async () => Math.min(...(await log.pending(room, 'g')).map((entry) => entry.idleMs)), { timeout: 5000, interval: 20 }).toBeGreaterThanOrEqual(ms)
      }
    })

    describe('commit of work', () => {
      const setUp = async (count = 2): Promise<{ room: string; out: string; held: EntryId[] }> => {
        const room = await newRoom()
        const out = await newRoom()
        await fill(room, count)
        await log.openGroup(room, 'g', firstEntryId)
        return { room, out, held: entriesOf(await log.take(room, 'g', owner('x'), count)) }
      }

      it('acknowledges once; later entries may be committed before earlier ones', async () => {
        const { room, held } = await setUp(3)
        expect(await log.commit([ack(room, owner('x'), held[2]!), ack(room, owner('x'), held[0]!)])).toEqual([{ ok: true, posted: [] }, { ok: true, posted: [] }])
        expect(entriesOf(await log.pending(room, 'g'))).toEqual([held[1]])
        expect(await log.commit([ack(room, owner('x'), held[0]!), ack(room, owner('x'), held[1]!)])).toEqual([{ ok: false, reason: 'stale' }, { ok: true, posted: [] }])
        expect(await log.owned(room, 'g', owner('x'), { count: 9 })).toEqual([])
      })

      it('applies posts and records together with the acknowledgement', async () => {
        const { room, out, held } = await setUp(1)
        const effects = { posts: [post(out, 'o1'), post(room, 'back')], records: [{ key: 'n', value: { sum: 1 } }, { key: 'gone', value: 1 }] }
        const [result] = await log.commit([ack(room, owner('x'), held[0]!, effects)])
        const [posted] = await log.range(out, { limit: 9 })
        expect(posted).toMatchObject({ messageId: 'o1' })
        expect(result).toMatchObject({ ok: true, posted: [posted!.entry, expect.stringMatching(/-2$/)] })
        expect(await log.record(room, 'n')).toEqual({ sum: 1 })
        expect(await log.record(out, 'n')).toBeUndefined()
        expect(await log.pending(room, 'g')).toEqual([])

        await log.take(room, 'g', owner('x'), 1)
        const back = (await log.owned(room, 'g', owner('x'), { count: 1 }))[0]!.entry
        const repeat = await log.commit([ack(room, owner('x'), back, { posts: [post(out, 'o1')], records: [{ key: 'gone', value: undefined }] })])
        expect(repeat).toEqual([{ ok: true, posted: [posted!.entry] }])
        expect(await log.range(out, { limit: 9 })).toHaveLength(1)
        expect(await log.record(room, 'gone')).toBeUndefined()
      })

      it('applies nothing for an owner that lost the entry', async () => {
        const { room, out, held } = await setUp(1)
        await log.takeOver(room, 'g', owner('y'), { minIdleMs: 0, count: 1 })
        const effects = { posts: [post(out, 'o1')], records: [{ key: 'n', value: 1 }] }
        expect(await log.commit([ack(room, owner('x'), held[0]!, effects)])).toEqual([{ ok: false, reason: 'stale' }])
        expect(await log.range(out, { limit: 9 })).toEqual([])
        expect(await log.record(room, 'n')).toBeUndefined()
        expect(entriesOf(await log.pending(room, 'g'))).toEqual(held)
        expect(await log.commit([ack(room, owner('y'), held[0]!, effects)])).toMatchObject([{ ok: true }])
        expect(await log.commit([ack(room, owner('y'), held[0]!, { posts: [post(out, 'o2')], records: [] })])).toEqual([{ ok: false, reason: 'stale' }])
        expect(ids(await log.range(out, { limit: 9 }))).toEqual(['o1'])
      })

      it('refuses an old fence everywhere once a newer one of the same owner was seen', async () => {
        const { room, held } = await setUp(2)
        expect(entriesOf(await log.owned(room, 'g', owner('x', 2), { count: 9 }))).toEqual(held)
        await fill(room, 1, 'n')
        expect(await log.take(room, 'g', owner('x', 1), 9)).toEqual([])
        expect(await log.commit([ack(room, owner('x', 1), held[0]!)])).toEqual([{ ok: false, reason: 'stale' }])
        expect(await log.bury(room, 'g', owner('x', 1), held[0]!, 'no')).toBe(false)
        expect(await log.retry(room, 'g', owner('x', 1), held[0]!)).toBeUndefined()
        expect(await log.extend(room, 'g', owner('x', 1), held)).toEqual([])
        expect(await log.takeOver(room, 'g', owner('x', 1), { minIdleMs: 0, count: 9 })).toEqual([])
        expect(await log.owned(room, 'g', owner('x', 1), { count: 9 })).toEqual([])
        expect(ids(await log.take(room, 'g', owner('x', 2), 9))).toEqual(['n0'])
        expect(await log.commit([ack(room, owner('x', 2), held[0]!)])).toMatchObject([{ ok: true }])
      })

      it('applies nothing when one effect cannot be, and leaves the entry pending', async () => {
        const { room, out, held } = await setUp(2)
        const small = await newRoom({ quotaBytes: 5 })
        const [full, unknown] = await log.commit([
          ack(room, owner('x'), held[0]!, { posts: [post(out, 'o1'), post(small, 'o2', 'too large')], records: [{ key: 'n', value: 1 }] }),
          ack(room, owner('x'), held[1]!, { posts: [post(out, 'o3'), post('nowhere at all', 'o4')], records: [] }),
        ])
        expect(full).toEqual({ ok: false, reason: 'room_full', room: small })
        expect(unknown).toEqual({ ok: false, reason: 'room_unknown', room: 'nowhere at all' })
        expect(await log.range(out, { limit: 9 })).toEqual([])
        expect(await log.record(room, 'n')).toBeUndefined()
        expect(entriesOf(await log.pending(room, 'g'))).toEqual(held)
        expect(await log.commit([ack(room, owner('x'), held[0]!)])).toMatchObject([{ ok: true }])
      })

      it('counts the posts of one commit together against a quota', async () => {
        const { room, held } = await setUp(1)
        const small = await newRoom({ quotaBytes: 10 })
        const posts = [post(small, 'a', '123456'), post(small, 'b', '123456')]
        expect(await log.commit([ack(room, owner('x'), held[0]!, { posts, records: [] })])).toEqual([{ ok: false, reason: 'room_full', room: small }])
        expect(await log.info(small)).toMatchObject({ entries: 0, bytes: 0 })
      })

      it('lets records expire', async () => {
        const { room, held } = await setUp(1)
        await log.commit([ack(room, owner('x'), held[0]!, { posts: [], records: [{ key: 'short', value: 1, ttlMs: 150 }, { key: 'long', value: [2] }] })])
        expect(await log.record(room, 'short')).toBe(1)
        await expect.poll(() => log.record(room, 'short'), { timeout: 5000, interval: 20 }).toBeUndefined()
        expect(await log.record(room, 'long')).toEqual([2])
      })

      it('decides 300 concurrent commits each on its own', async () => {
        const { room, out, held } = await setUp(300)
        const results = await Promise.all(held.map((entry, index) =>
          log.commit([ack(room, owner(index % 3 === 0 ? 'y' : 'x'), entry, { posts: [post(out, entry)], records: [] })])))
        expect(results.flat().filter((result) => result.ok)).toHaveLength(200)
        expect(await log.info(out)).toMatchObject({ entries: 200 })
        expect(await log.pending(room, 'g', { count: 1000 })).toHaveLength(100)
      })
    })

    describe('member cursors', () => {
      it('starts at the start, the end or an entry, and later goes on where it was', async () => {
        const room = await newRoom()
        const entries = await fill(room, 3)
        expect(await log.openCursor(room, 'a', owner('n'), firstEntryId)).toBe(firstEntryId)
        expect(await log.openCursor(room, 'b', owner('n'), 'end')).toBe(entries[2])
        expect(await log.openCursor(room, 'c', owner('n'), entries[1]!)).toBe(entries[1])
        expect(await log.openCursor(room, 'c', owner('n'), 'end')).toBe(entries[1])
      })

      it('moves forward only, with its effects', async () => {
        const room = await newRoom()
        const out = await newRoom()
        const entries = await fill(room, 3)
        await log.openCursor(room, 'ada', owner('n'), firstEntryId)
        const effects = (id: string): Effects => ({ posts: [post(out, id)], records: [{ key: 'last', value: id }] })
        expect(await log.commit([move(room, owner('n'), entries[1]!, effects('e1'))])).toMatchObject([{ ok: true, posted: [expect.any(String)] }])
        expect(await log.commit([move(room, owner('n'), entries[1]!, effects('e2')), move(room, owner('n'), entries[0]!, effects('e3'))]))
          .toEqual([{ ok: false, reason: 'stale' }, { ok: false, reason: 'stale' }])
        expect(ids(await log.range(out, { limit: 9 }))).toEqual(['e1'])
        expect(await log.record(room, 'last')).toBe('e1')
        expect(await log.openCursor(room, 'ada', owner('n'), firstEntryId)).toBe(entries[1])
      })

      it('refuses the fence of an earlier life', async () => {
        const room = await newRoom()
        const entries = await fill(room, 2)
        await log.openCursor(room, 'ada', owner('n', 1), firstEntryId)
        await log.openCursor(room, 'ada', owner('n', 2), firstEntryId)
        expect(await log.commit([move(room, owner('n', 1), entries[0]!)])).toEqual([{ ok: false, reason: 'stale' }])
        expect(await log.commit([move(room, owner('n', 2), entries[0]!)])).toMatchObject([{ ok: true }])
      })

      it('applies nothing when an effect cannot be', async () => {
        const room = await newRoom()
        const [entry] = await fill(room, 1)
        await log.openCursor(room, 'ada', owner('n'), firstEntryId)
        expect(await log.commit([move(room, owner('n'), entry!, { posts: [post('nowhere at all', 'x')], records: [] })]))
          .toEqual([{ ok: false, reason: 'room_unknown', room: 'nowhere at all' }])
        expect(await log.openCursor(room, 'ada', owner('n'), firstEntryId)).toBe(firstEntryId)
      })

      it('copies a poison entry to the dead letters in the step that passes it', async () => {
        const room = await newRoom()
        const entries = await fill(room, 1)
        await log.openCursor(room, 'ada', owner('n'), firstEntryId)
        const dead = { ...move(room, owner('n'), entries[0]!), dead: { reason: 'bad', attempts: 3 } }
        expect(await log.commit([dead, dead])).toMatchObject([{ ok: true }, { ok: false, reason: 'stale' }])
        expect(await log.deadLetters(room)).toMatchObject([{ original: entries[0], group: 'ada', reason: 'bad', attempts: 3, messageId: 'm0', body: '"m0"' }])
      })
    })

    describe('dead letters', () => {
      it('moves an entry of ours, once', async () => {
        const room = await newRoom()
        await fill(room, 2)
        await log.openGroup(room, 'g', firstEntryId)
        const [bad, good] = await log.take(room, 'g', owner('x'), 2)
        await log.retry(room, 'g', owner('x'), bad!.entry)
        expect(await log.bury(room, 'g', owner('y'), bad!.entry, 'not mine')).toBe(false)
        expect(await log.bury(room, 'g', owner('x'), bad!.entry, 'kaputt 🐝')).toBe(true)
        expect(await log.bury(room, 'g', owner('x'), bad!.entry, 'again')).toBe(false)
        const [dead, ...rest] = await log.deadLetters(room)
        expect(rest).toEqual([])
        expect(dead).toMatchObject({ original: bad!.entry, messageId: 'm0', body: '"m0"', group: 'g', reason: 'kaputt 🐝', attempts: 2 })
        expect(dead!.time).toBeGreaterThan(0)
        expect(entriesOf(await log.pending(room, 'g'))).toEqual([good!.entry])
        expect(await log.info(room)).toMatchObject({ dead: 1 })
      })

      it('pages, and replays under fresh message ids', async () => {
        const room = await newRoom()
        await fill(room, 3)
        await log.openGroup(room, 'g', firstEntryId)
        for (const { entry } of await log.take(room, 'g', owner('x'), 3)) await log.bury(room, 'g', owner('x'), entry, 'bad')
        const page = await log.deadLetters(room, { count: 2 })
        expect(ids(page)).toEqual(['m0', 'm1'])
        const rest = await log.deadLetters(room, { after: page[1]!.entry, count: 9 })
        expect(ids(rest)).toEqual(['m2'])
        expect(await log.replay(room, [page[0]!.entry, rest[0]!.entry, '1-99'])).toBe(2)
        expect(await log.replay(room, [page[0]!.entry])).toBe(0)
        expect(ids(await log.deadLetters(room))).toEqual(['m1'])
        const again = await log.take(room, 'g', owner('x'), 9)
        expect(again.map(({ body, attempt }) => [body, attempt])).toEqual([['"m0"', 1], ['"m2"', 1]])
        expect(ids(again)).not.toContain('m0')
        expect(again.map(({ entry }) => entrySequence(entry))).toEqual([4, 5])
      })
    })

    describe('cap', () => {
      it('keeps the newest and forgets the oldest when nobody needs them', async () => {
        const room = await newRoom({ cap: 50 })
        await fill(room, 400)
        const info = (await log.info(room))!
        expect(info.entries).toBeGreaterThanOrEqual(50)
        expect(info.entries).toBeLessThanOrEqual(150)
        const kept = await log.range(room, { limit: 1000 })
        expect(kept).toHaveLength(info.entries)
        expect(kept.at(-1)!.messageId).toBe('m399')
        expect(entrySequence(kept[0]!.entry)).toBe(400 - kept.length + 1)
        expect(info.bytes).toBe(kept.reduce((sum, { body }) => sum + body.length, 0))
        expect(info.first).toBe(kept[0]!.entry)
      })

      it('never trims what a work group holds or has not seen, and does so once it has', async () => {
        const room = await newRoom({ cap: 10 })
        await log.openGroup(room, 'g', firstEntryId)
        await log.openGroup(room, 'slow', firstEntryId)
        await fill(room, 40, 'a')
        const held = await log.take(room, 'g', owner('x'), 5)
        await log.commit(held.slice(1).map(({ entry }) => ack(room, owner('x'), entry)))
        await fill(room, 200, 'b')
        expect(await log.owned(room, 'g', owner('x'), { count: 9 })).toMatchObject([{ messageId: 'a0', body: '"a0"' }])
        expect(ids(await log.take(room, 'slow', owner('x'), 1000))).toHaveLength(240)
        expect(await log.takeOver(room, 'g', owner('y'), { minIdleMs: 0, count: 9 })).toMatchObject([{ messageId: 'a0', body: '"a0"', attempt: 2 }])

        await log.commit([ack(room, owner('y'), held[0]!.entry)])
        const rest = await log.take(room, 'g', owner('x'), 1000)
        expect(rest).toHaveLength(235)
        await log.commit(rest.map(({ entry }) => ack(room, owner('x'), entry)))
        await log.commit((await log.owned(room, 'slow', owner('x'), { count: 1000 })).map(({ entry }) => ({ ...ack(room, owner('x'), entry), group: 'slow' })))
        await fill(room, 200, 'c')
        expect(ids(await log.take(room, 'g', owner('x'), 1000))).toHaveLength(200)
      })

      it('remembers message ids of entries it trimmed', async () => {
        const room = await newRoom({ cap: 5 })
        const [first] = await fill(room, 300)
        expect((await log.append([post(room, 'm0')]))[0]).toEqual({ ok: true, entry: first, duplicate: true })
      })
    })

    describe('rings', () => {
      /** The next ring that names `room` at or past `entry`. */
      const ringOf = async (listener: Log, room: string, act: () => Promise<EntryId>): Promise<void> => {
        let rung: EntryId = firstEntryId
        const running = await listener.listen((rooms) => {
          const last = rooms.get(room)
          if (last && compareEntryIds(last, rung) > 0) rung = last
        })
        const entry = await act()
        await expect.poll(() => compareEntryIds(rung, entry), { timeout: 5000, interval: 2 }).toBeGreaterThanOrEqual(0)
        await running.stop()
        await running.stop()
      }

      it('wakes a listener of the same client after an append, a commit and a replay', async () => {
        const room = await newRoom()
        const out = await newRoom()
        await log.openGroup(room, 'g', firstEntryId)
        await ringOf(log, room, async () => (await fill(room, 2))[1]!)
        const [first, second] = await log.take(room, 'g', owner('x'), 2)
        await ringOf(log, out, async () => {
          const [result] = await log.commit([ack(room, owner('x'), first!.entry, { posts: [post(out, 'o')], records: [] })])
          return (result as { posted: EntryId[] }).posted[0]!
        })
        await log.bury(room, 'g', owner('x'), second!.entry, 'bad')
        await ringOf(log, room, async () => {
          await log.replay(room, entriesOf(await log.deadLetters(room)))
          return (await log.info(room))!.last!
        })
      })

      it('wakes a listener in another process', async ({ skip }) => {
        if (!fixture.peer) skip()
        const peer = await fixture.peer!()
        const room = await newRoom()
        await ringOf(peer, room, async () => (await fill(room, 1))[0]!)
        expect(ids(await peer.range(room, { limit: 9 }))).toEqual(['m0'])
      })

      it('says nothing to a listener that stopped', async () => {
        const room = await newRoom()
        let calls = 0
        const stopped = await log.listen((rooms) => {
          if (rooms.has(room)) calls++
        })
        await stopped.stop()
        await ringOf(log, room, async () => (await fill(room, 1))[0]!)
        expect(calls).toBe(0)
      })
    })

    it('agrees with the model on random histories', async () => {
      await logModelTest(log)
    }, 60_000)
  })
}
