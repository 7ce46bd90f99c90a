import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts'
import type { AppendResult, EntryId, LogConfig } from '../../../src/store/ports.ts'
import type { SqliteNotice, SqliteStore } from '../../../src/store/sqlite/open.ts'
import { temporaryFolder } from './store.ts'

const config: LogConfig = { cap: 100, quotaBytes: 1 << 20, dedupeMs: 60_000, meta: null }
const post = (messageId: string) => ({ room: 'hall', messageId, body: '"x"' })
const entryOf = (result: AppendResult | undefined): EntryId => (result as { entry: EntryId }).entry

describe('sqlite on a virtual clock', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let clock: VirtualClock
  let store: SqliteStore

  beforeEach(async () => {
    folder = temporaryFolder()
    clock = new VirtualClock(1_000_000)
    store = await folder.open({ clock })
    await store.log.open('hall', config)
  })
  afterEach(() => folder.remove())

  test('a message id is remembered for dedupeMs and not longer', async () => {
    const [first] = await store.log.append([post('a')])
    await clock.advance(59_999)
    expect(await store.log.append([post('a')])).toEqual([{ ok: true, entry: entryOf(first), duplicate: true }])
    await clock.advance(1)
    expect(await store.log.append([post('a')])).toEqual([{ ok: true, entry: '1060000-2', duplicate: false }])
    expect(await store.log.append([post('a')])).toEqual([{ ok: true, entry: '1060000-2', duplicate: true }])
  })

  test('what has expired is removed by later writes', async () => {
    await store.log.append([post('a'), post('b')])
    await store.records.put('short', 1, { ttlMs: 1_000 })
    await store.records.put('long', 1)
    await clock.advance(70_000)
    await store.log.append([post('c')])
    expect(await store.database.all('SELECT message_id FROM message_ids')).toEqual([{ message_id: 'c' }])
    expect(await store.database.all('SELECT key FROM records')).toEqual([{ key: 'long' }])
  })

  test('entry ids never go back when the clock does, over a restart too', async () => {
    await clock.advance(5_000)
    expect(entryOf((await store.log.append([post('a')]))[0])).toBe('1005000-1')
    await store.close()
    const back = await folder.open({ clock: new VirtualClock(1_000) })
    expect(entryOf((await back.log.append([post('b')]))[0])).toBe('1005000-2')
  })

  test('a cursor that is a time finds its place', async () => {
    for (const id of ['a', 'b', 'c']) {
      await store.log.append([post(id)])
      await clock.advance(1_000)
    }
    const ids = async (options: { after?: EntryId; before?: EntryId }) => (await store.log.range('hall', { ...options, limit: 9 })).map((entry) => entry.messageId)
    expect(await ids({ after: '1000500-0' })).toEqual(['b', 'c'])
    expect(await ids({ after: '1001000-0' })).toEqual(['b', 'c'])
    expect(await ids({ before: '1001000-0' })).toEqual(['a'])
    expect(await ids({ before: '1001000-9' })).toEqual(['a', 'b'])
    expect(await ids({ after: '9999999-1' })).toEqual([])
    expect(await store.log.openCursor('hall', 'ada', { name: 'n', fence: 1 }, '1001500-0')).toBe('1001000-2')
  })

  test('a lease ends at its time, heldUntil before it, and its fence is at least the time', async () => {
    const asked = clock.monotonic()
    const grant = (await store.leases.acquire('role', 'a', 10_000))!
    expect(grant.fence).toBe(1_000_000)
    expect(grant.heldUntil).toBe(asked + 10_000 - 102)
    await clock.advance(9_999)
    expect(await store.leases.acquire('role', 'b', 10_000)).toBeUndefined()
    expect(await store.leases.inspect('role')).toEqual({ holder: 'a', fence: 1_000_000, remainingMs: 1 })
    await clock.advance(1)
    expect(await store.leases.renew('role', 'a', grant.fence, 10_000)).toBeUndefined()
    expect(await store.leases.acquire('role', 'b', 10_000)).toMatchObject({ fence: 1_009_999 + 1 })
    expect(await store.leases.acquire('role', 'b', 10_000)).toMatchObject({ fence: 1_010_001 })
  })

  test('heldUntil counts from the ask, however late the reply is', async () => {
    let now = 1_000_000
    const slow = await folder.open({ clock: { now: () => now, monotonic: () => now, timer: () => ({ cancel() {} }) } })
    const asking = slow.leases.acquire('role', 'a', 10_000)
    now += 8_000
    expect((await asking)!.heldUntil).toBe(1_010_000 - 102)
  })

  test('idle times are the clock\'s', async () => {
    await store.log.openGroup('hall', 'g', '0-0')
    await store.log.append([post('a')])
    const [a, b] = [{ name: 'a', fence: 1 }, { name: 'b', fence: 1 }]
    const [delivery] = await store.log.take('hall', 'g', a, 1)
    await clock.advance(999)
    expect(await store.log.takeOver('hall', 'g', b, { minIdleMs: 1_000, count: 1 })).toEqual([])
    await store.log.extend('hall', 'g', a, [delivery!.entry])
    await clock.advance(999)
    expect(await store.log.pending('hall', 'g')).toEqual([{ entry: delivery!.entry, owner: 'a', idleMs: 999, attempt: 1 }])
    expect(await store.log.takeOver('hall', 'g', b, { minIdleMs: 1_000, count: 1 })).toEqual([])
    await clock.advance(1)
    expect(await store.log.takeOver('hall', 'g', b, { minIdleMs: 1_000, count: 1 })).toMatchObject([{ entry: delivery!.entry, attempt: 2 }])
    await clock.advance(10)
    expect(await store.log.pending('hall', 'g')).toMatchObject([{ owner: 'b', idleMs: 10 }])
  })

  test('dead letters are kept up to the cap', async () => {
    await store.log.configure('hall', { ...config, cap: 3 })
    await store.log.openGroup('hall', 'g', '0-0')
    const owner = { name: 'n', fence: 1 }
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await store.log.append([post(id)])
      for (const { entry } of await store.log.take('hall', 'g', owner, 1)) await store.log.bury('hall', 'g', owner, entry, 'bad')
    }
    expect((await store.log.deadLetters('hall')).map((dead) => dead.messageId)).toEqual(['c', 'd', 'e'])
  })

  test('a replay stops at the byte quota and keeps what did not fit', async () => {
    await store.log.openGroup('hall', 'g', '0-0')
    const owner = { name: 'n', fence: 1 }
    await store.log.append([post('a'), post('b'), post('c')])
    for (const { entry } of await store.log.take('hall', 'g', owner, 3)) await store.log.bury('hall', 'g', owner, entry, 'bad')
    const dead = (await store.log.deadLetters('hall')).map(({ entry }) => entry)
    await store.log.configure('hall', { ...config, quotaBytes: 12 })
    expect(await store.log.replay('hall', dead)).toBe(1)
    expect((await store.log.deadLetters('hall')).map(({ messageId }) => messageId)).toEqual(['b', 'c'])
    await expect(store.log.replay('hall', dead.slice(1))).rejects.toMatchObject({ code: 'room_full' })
  })

  test('where nothing can be watched the sweep finds news, and it is told', async () => {
    const notices: SqliteNotice[] = []
    const own = await folder.open({ clock, onNotice: (notice) => notices.push(notice) })
    rmSync(join(folder.dataDir, 'hive.ring'))
    let hear: (entry: EntryId | undefined) => void = () => {}
    const heard = new Promise<EntryId | undefined>((resolve) => { hear = resolve })
    await own.log.listen((rooms) => hear(rooms.get('hall')))
    expect(notices).toEqual([{ kind: 'ring', message: expect.stringContaining('cannot be watched') }])
    const [appended] = await store.log.append([post('a')])
    await clock.advance(1_000)
    expect(await heard).toBe(entryOf(appended))
  })

  test('a listener that throws hurts neither the others nor the store, and is told', async () => {
    const notices: SqliteNotice[] = []
    const own = await folder.open({ clock, onNotice: (notice) => notices.push(notice) })
    let heard = 0
    await own.log.listen(() => { throw new Error('broken listener') })
    await own.log.listen(() => { heard++ })
    await own.log.append([post('a')])
    expect(heard).toBeGreaterThan(0)
    expect(notices[0]).toEqual({ kind: 'ring', message: expect.stringContaining('broken listener') })
  })
})
