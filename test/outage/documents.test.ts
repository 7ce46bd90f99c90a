import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { catalogue, sessionField } from '../../src/store/keys.ts'
import type { DocumentResult } from '../../src/store/ports.ts'
import { memory } from '../contract/documents.ts'
import { startRedisProxy } from '../redis-proxy.ts'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import { openFolder, type Folder } from '../store/redis/documents.ts'

// Servers that are killed and started again take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let server: RedisServer
let folders: Folder[]

beforeEach(async () => {
  server = await startRedisServer()
  folders = []
})
afterEach(async () => {
  for (const folder of folders) await folder.remove()
  await server.stop()
})

async function folder(options?: Parameters<typeof openFolder>[1], url = server.url): Promise<Folder> {
  const opened = await openFolder({ url }, { origin: `n${folders.length + 1}`, ...options })
  folders.push(opened)
  await opened.until('connected')
  return opened
}

const key = (n: number | string): string => catalogue.memory.build(`m${n}`)
const field = (name: string): string => sessionField('s-42', name)
const read = async (from: Folder, ...keys: string[]): Promise<unknown[]> => (await from.documents.get(keys)).map((found) => found?.value)
const put = async (to: Folder, name: string, value: unknown, expect?: number): Promise<DocumentResult> => (await to.documents.write([{ key: name, value, expect }]))[0]!
const versionOf = async (from: Folder, name: string): Promise<number> => (await from.documents.get([name]))[0]!.version

/** Both folders while Redis is away; settles when they are back and hold the same. */
async function apart(a: Folder, b: Folder, work: () => Promise<void>): Promise<void> {
  await Promise.all([a.caughtUp(), b.caughtUp()])
  await server.kill()
  await Promise.all([a.until('degraded'), b.until('degraded')])
  await work()
  await server.restart()
  await Promise.all([a.until('connected'), b.until('connected')])
  await Promise.all([a.caughtUp(), b.caughtUp()])
  await Promise.all([a.caughtUp(), b.caughtUp()])
}

it('everything goes on without Redis, and is on every folder when it is back', async () => {
  const [a, b] = [await folder(), await folder()]
  await put(a, key(1), memory('one'))
  await put(a, field('task'), 'before')
  await apart(a, b, async () => {
    expect(a.documents.freshness()).toEqual({ source: 'outage' })
    expect(await put(a, key(2), memory('two'), 0)).toMatchObject({ ok: true, journalled: true })
    expect(await put(a, key(2), memory('two'), 0)).toMatchObject({ ok: false, reason: 'conflict', current: { value: memory('two') } })
    const version = await versionOf(a, key(1))
    expect(await put(a, key(1), memory('one', { state: 'forgotten' }), version)).toMatchObject({ ok: true, journalled: true })
    expect(await put(a, key(1), memory('one'), version)).toMatchObject({ ok: false, reason: 'conflict' })
    await put(a, field('task'), 'after')
    await put(a, field('gone'), 1)
    await put(a, field('gone'), undefined)
    await put(b, key(3), memory('three'))
    expect(await read(a, key(1), key(2), key(3), field('task'), field('gone'))).toEqual([memory('one', { state: 'forgotten' }), memory('two'), undefined, 'after', undefined])
    expect(a.store.link.journal.items).toBe(4)
  })
  for (const one of [a, b]) {
    expect(await read(one, key(1), key(2), key(3), field('task'), field('gone'))).toEqual([memory('one', { state: 'forgotten' }), memory('two'), memory('three'), 'after', undefined])
    expect(await one.store.conflicts.list()).toEqual([])
    expect(one.store.link.journal).toEqual({ items: 0, bytes: 0, oldestAt: 0 })
  }
})

it('a version that was given out during the outage holds after it', async () => {
  const [a, b] = [await folder(), await folder()]
  let given = 0
  await apart(a, b, async () => {
    const result = await put(a, field('task'), 'ours')
    given = result.ok ? result.version : 0
  })
  expect(await versionOf(b, field('task'))).toBe(given)
  expect(await put(a, field('task'), 'next', given)).toMatchObject({ ok: true })
})

it('memories that both sides stored are one, and fields of one session that each side wrote are both there', async () => {
  const [a, b] = [await folder(), await folder()]
  await put(a, field('task'), 'x')
  await apart(a, b, async () => {
    await put(a, key(1), memory('same', { trust: 0.7 }), 0)
    await put(b, key(1), memory('same', { trust: 1 }), 0)
    await put(a, field('task'), 'a')
    await put(b, field('files'), ['b'])
  })
  expect([...await a.store.conflicts.list(), ...await b.store.conflicts.list()]).toEqual([])
  const [left, right] = [await read(a, key(1), field('task'), field('files')), await read(b, key(1), field('task'), field('files'))]
  expect(left).toEqual(right)
  expect(left.slice(1)).toEqual(['a', ['b']])
})

it.each(['ours', 'theirs', 'both'] as const)('the same record edited on both sides is a conflict that keeps both, settled as %s', async (choice) => {
  const [a, b] = [await folder(), await folder()]
  const bytes = Uint8Array.of(1, 0, 255)
  await put(a, field('task'), 'base')
  await a.documents.write([{ key: key(1), value: memory('text'), bytes }])
  await apart(a, b, async () => {
    for (const one of [a, b]) {
      const name = one === a ? 'a' : 'b'
      await put(one, field('task'), `first of ${name}`)
      await put(one, field('task'), `of ${name}`)
      await one.documents.write([{ key: key(1), value: memory('text', { state: one === a ? 'forgotten' : 'superseded' }), bytes }])
    }
  })
  const kept = [...await a.store.conflicts.list(), ...await b.store.conflicts.list()]
  expect(kept.map(({ subject }) => subject).toSorted()).toEqual([key(1), field('task')].toSorted())
  for (const { subject, conflict } of kept) {
    if (conflict.kind !== 'document') throw new Error(conflict.kind)
    const [loser, winner] = conflict.node === 'n1' ? ['a', 'b'] : ['b', 'a']
    if (subject === field('task')) expect(conflict).toMatchObject({ ours: { value: `of ${loser}` }, theirs: { value: `of ${winner}` } })
    expect(await read(a, subject)).toEqual([conflict.theirs!.value])
    expect(await read(b, subject)).toEqual([conflict.theirs!.value])
  }
  for (const one of [a, b]) for (const { id } of await one.store.conflicts.list()) await one.store.conflicts.resolve(id, choice)
  await Promise.all([a.caughtUp(), b.caughtUp()])
  expect([...await a.store.conflicts.list(), ...await b.store.conflicts.list()]).toEqual([])
  for (const { id, subject, conflict } of kept) {
    if (conflict.kind !== 'document') throw new Error(conflict.kind)
    const stands = choice === 'ours' ? conflict.ours.value : conflict.theirs!.value
    const beside = subject === key(1) ? key(`1.ours.${id}`) : `${subject}.ours.${id}`
    for (const one of [a, b]) {
      expect(await read(one, subject)).toEqual([stands])
      expect(await read(one, beside)).toEqual([choice === 'both' ? conflict.ours.value : undefined])
      if (subject === key(1) && choice !== 'theirs') expect(new Uint8Array((await one.documents.get([choice === 'both' ? beside : subject]))[0]!.bytes!)).toEqual(bytes)
    }
  }
})

it('a deletion on one side and an edit on the other are a conflict', async () => {
  const [a, b] = [await folder(), await folder()]
  await put(a, field('task'), 'base')
  await apart(a, b, async () => {
    await put(a, field('task'), undefined)
    await put(b, field('task'), 'edited')
  })
  const kept = [...await a.store.conflicts.list(), ...await b.store.conflicts.list()]
  expect(kept).toHaveLength(1)
  const sides = kept[0]!.conflict as { ours: { value?: unknown }; theirs?: { value: unknown } }
  expect([sides.ours.value, sides.theirs?.value].filter((value) => value !== undefined)).toEqual(['edited'])
})

it('what is erased during an outage is erased everywhere, from journals and conflicts too', async () => {
  const secret = 'correct-horse-battery-staple'
  const [a, b] = [await folder(), await folder()]
  await put(a, key(1), memory(secret))
  await put(a, field('task'), secret)
  // A conflict that holds it, on one of the two.
  await apart(a, b, async () => {
    await put(a, field('task'), `${secret} a`)
    await put(b, field('task'), `${secret} b`)
  })
  expect([...await a.store.conflicts.list(), ...await b.store.conflicts.list()]).toHaveLength(1)
  await apart(a, b, async () => {
    await put(a, key(2), memory(`${secret} journalled`))
    await put(b, key(1), memory(secret, { state: 'forgotten' }))
    expect(await a.documents.erase([key(1), key(2), field('task')])).toBe(3)
    expect(await read(a, key(1), key(2), field('task'))).toEqual([undefined, undefined, undefined])
    await put(a, field('task'), 'anew')
  })
  for (const one of [a, b]) {
    expect(await read(one, key(1), key(2), field('task'))).toEqual([undefined, undefined, 'anew'])
    expect(await one.store.conflicts.list()).toEqual([])
    for (const name of ['hive.db', 'hive.db-wal']) expect(readFileSync(join(one.dir, name)).includes(secret), `${one === a ? 'a' : 'b'} ${name}`).toBe(false)
  }
})

it('a write whose answer was lost has one effect', async () => {
  const proxy = await startRedisProxy(server.port)
  const a = await folder({}, proxy.url)
  const first = await put(a, field('task'), 'before')
  await a.caughtUp()
  const lost = proxy.lost()
  proxy.loseReplies()
  const writing = Promise.all([
    put(a, key(1), memory('created'), 0), put(a, field('task'), 'sent', first.ok ? first.version : 0), put(a, field('files'), 1),
  ])
  await lost
  proxy.cut()
  expect((await writing).map(({ ok }) => ok)).toEqual([true, true, true])
  // What is written next is made from what nobody here knows to have arrived.
  expect(await put(a, field('task'), 'after')).toMatchObject({ ok: true, journalled: true })
  proxy.heal()
  await a.until('connected')
  await a.caughtUp()
  expect(await a.store.conflicts.list()).toEqual([])
  expect(await read(a, key(1), field('task'), field('files'))).toEqual([memory('created'), 'after', 1])
  const b = await folder()
  await b.caughtUp()
  expect(await read(b, key(1), field('task'), field('files'))).toEqual([memory('created'), 'after', 1])
  expect(await versionOf(a, key(1))).toBe(await versionOf(b, key(1)))
  await a.stop()
  await proxy.stop()
})

/** Writers that go on through faults; what was acknowledged must be on both folders in the end, each with what was written last. */
async function survives(a: Folder, b: Folder, faults: () => Promise<void>): Promise<void> {
  let going = true
  const lasts = new Map<string, number>()
  let acknowledged = 0
  const writers = Array.from({ length: 10 }, async (_, writer) => {
    for (let n = 0; going; n++) {
      const results = await a.documents.write([{ key: key(`${writer}-${n}`), value: memory(`w${writer} ${n}`), expect: 0 }, { key: field(`w${writer}`), value: n }])
      // Found in conflict means that an earlier try of this very write had arrived.
      expect(results[1]).toMatchObject({ ok: true })
      lasts.set(`${writer}`, n)
      acknowledged++
    }
  })
  const more = async (count: number): Promise<void> => {
    for (const goal = acknowledged + count; acknowledged < goal;) await new Promise((resolve) => setImmediate(resolve))
  }
  await more(50)
  await faults()
  await more(50)
  going = false
  await Promise.all(writers)
  await Promise.all([a.until('connected'), b.until('connected')])
  await Promise.all([a.caughtUp(), b.caughtUp()])
  await Promise.all([a.caughtUp(), b.caughtUp()])
  for (const one of [a, b]) {
    for (const [writer, last] of lasts) {
      expect(await read(one, field(`w${writer}`))).toEqual([last])
      const keys = Array.from({ length: last + 1 }, (_, n) => key(`${writer}-${n}`))
      expect((await read(one, ...keys)).flatMap((value, n) => (value === undefined ? [n] : []))).toEqual([])
    }
    expect(await one.store.conflicts.list()).toEqual([])
  }
}

it('nothing acknowledged is lost when Redis is killed again and again under load', async () => {
  const [a, b] = [await folder(), await folder()]
  await survives(a, b, async () => {
    for (let round = 0; round < 3; round++) {
      await server.kill()
      await a.until('degraded')
      await server.restart()
      await a.until('connected')
    }
  })
})

it('nothing acknowledged is lost when Redis forgets its last second, or everything', async () => {
  const [a, b] = [await folder(), await folder()]
  await survives(a, b, async () => {
    await server.kill()
    await a.until('degraded')
    await server.restart({ empty: true })
    await a.until('connected')
    await server.flush()
  })
})

it('nothing acknowledged is lost when Redis freezes', async () => {
  const [a, b] = [await folder(), await folder()]
  await survives(a, b, async () => {
    server.freeze()
    await a.until('degraded')
    server.thaw()
    await a.until('connected')
  })
})

it('a process that ends during the outage leaves its journal to its next life', async () => {
  const a = await folder()
  await put(a, field('task'), 'before')
  await a.caughtUp()
  await server.kill()
  await a.until('degraded')
  await put(a, field('task'), 'during')
  await put(a, key(1), memory('during'))
  await a.stop()
  await server.restart()
  const again = await folder({ dir: a.dir, origin: 'n1' })
  await again.caughtUp()
  const b = await folder()
  await b.caughtUp()
  expect(await read(b, field('task'), key(1))).toEqual(['during', memory('during')])
  expect(again.store.link.journal.items).toBe(0)
})

it('a change that waited for what was erased meanwhile is dropped with it, and is no conflict', async () => {
  const secret = 'correct-horse-battery-staple'
  const proxy = await startRedisProxy(server.port)
  const a = await folder()
  await a.documents.write([{ key: key(1), value: memory(secret) }, { key: field('task'), value: secret }])
  const b = await folder({}, proxy.url)
  await b.caughtUp()
  await b.stopFollowing()
  proxy.loseReplies()
  proxy.cut()
  await b.until('degraded')
  await put(b, key(1), memory(secret, { state: 'forgotten' }))
  await put(b, field('task'), `${secret} still`)
  await a.documents.erase([key(1), field('task')])
  proxy.heal()
  await b.until('connected')
  expect(await b.store.conflicts.list()).toEqual([])
  expect(await read(b, key(1), field('task'))).toEqual([undefined, undefined])
  expect(await b.shared().documents.read([key(1)])).toMatchObject([{ erased: true }])
  await b.stop()
  await proxy.stop()
})
