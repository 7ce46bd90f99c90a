import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { encodeWrites } from '../../../src/store/document-row.ts'
import { catalogue, quotaBytes, sessionField, slotGroupOf } from '../../../src/store/keys.ts'
import { following, memory } from '../../contract/documents.ts'
import { startRedisServer, type RedisServer } from '../../redis-server.ts'
import { temporaryFolder } from '../sqlite/store.ts'
import { openFolder, type Folder } from './documents.ts'

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

async function folder(options?: Parameters<typeof openFolder>[1]): Promise<Folder> {
  const opened = await openFolder({ url: server.url }, { origin: `n${folders.length + 1}`, ...options })
  folders.push(opened)
  await opened.until('connected')
  return opened
}

const key = (n: number): string => catalogue.memory.build(`m${n}`)
const field = (name: string): string => sessionField('s-42', name)
const many = (count: number, from = 0) => Array.from({ length: count }, (_, n) => ({ key: key(from + n), value: memory(`text ${from + n}`), expect: 0 }))
const values = async (from: Folder, keys: readonly string[]): Promise<unknown[]> => (await from.documents.get(keys)).map((found) => found?.value)

/** The streams of memories have dropped all but their last entries. */
async function trim(): Promise<void> {
  for (let group = 0; group < 16; group++) await server.command('XTRIM', catalogue.memoryChanges.build(group), 'MAXLEN', '1')
}

/** The same version and content of every document, and the same changes still to be seen. */
async function alike(a: Folder, b: Folder): Promise<void> {
  // What one of them gives back to the store is still to come to the other.
  await a.caughtUp()
  await b.caughtUp()
  await a.caughtUp()
  for (const prefix of ['memory:', 'session:']) {
    const [left, right] = await Promise.all([a, b].map(({ documents }) => documents.list(prefix, { limit: 100_000 })))
    const plain = (found: typeof left) => found!.map(({ expiresAt: _, ...rest }) => rest)
    expect(plain(right)).toEqual(plain(left))
  }
}

it('what is written on one folder arrives in the other, in either direction, deletions too', async () => {
  const [a, b] = [await folder(), await folder()]
  const feed = following(b.documents)
  await a.documents.write([...many(700), { key: field('task'), value: 'a' }])
  await b.documents.write([{ key: field('files'), value: ['b'] }, { key: key(1_000), value: memory('b') }])
  await a.documents.write([{ key: key(3), value: undefined }, { key: key(4), value: memory('again') }])
  await alike(a, b)
  expect(await values(b, [key(3), key(4), key(699), field('task')])).toEqual([undefined, memory('again'), memory('text 699'), 'a'])
  expect(await values(a, [field('files'), key(1_000)])).toEqual([['b'], memory('b')])
  await feed.until((told) => told.get(key(3))?.deleted === true && told.has(key(699)) && told.has(field('task')))
  await feed.stop()
  expect([...a.problems, ...b.problems]).toEqual([])
})

it('a new folder takes over everything, and then follows', async () => {
  const a = await folder()
  await a.documents.write(many(1_200))
  await a.documents.write([{ key: field('task'), value: 1, bytes: Uint8Array.of(0, 255, 13, 10) }, { key: key(7), value: undefined }])
  await a.caughtUp()
  await trim()
  const b = await folder()
  await b.caughtUp()
  await a.documents.write(many(50, 2_000))
  await alike(a, b)
  expect((await b.documents.list('memory:', { limit: 10_000 })).length).toBe(1_249)
  // The first comparison of an empty hive, and that of the new folder: following is no comparison.
  expect(a.reconciled).toHaveLength(1)
  expect(b.reconciled).toHaveLength(1)
  expect(b.reconciled[0]!.fetched).toBeGreaterThan(1_000)
})

it('a folder that was away for longer than the streams last takes over what it missed, and destroys nothing of its own', async () => {
  const [a, b] = [await folder(), await folder()]
  await a.documents.write(many(100))
  await alike(a, b)
  await b.stopFollowing()
  await a.documents.write([{ key: key(1), value: undefined }, { key: key(2), value: memory('changed') }, ...many(40, 500)])
  await trim()
  await server.command('DEL', catalogue.sessionChanges.build())
  b.follow()
  await alike(a, b)
  expect(await values(b, [key(1), key(2), key(539)])).toEqual([undefined, memory('changed'), memory('text 539')])
  expect(b.reconciled.at(-1)).toMatchObject({ offered: 0 })
})

it.each(['once it is emptied', 'when it was emptied while nobody looked'])('gives a server back what it lost, %s', async (when) => {
  const [a, b] = [await folder(), await folder()]
  await a.documents.write([...many(300), { key: field('task'), value: 'kept' }])
  await a.documents.write([{ key: key(5), value: undefined }])
  await b.documents.write([{ key: key(6), value: memory('newest') }])
  await alike(a, b)
  const before = await a.documents.list('memory:', { limit: 1_000 })
  if (when.startsWith('once')) await server.flush()
  else {
    await Promise.all([a.stopFollowing(), b.stopFollowing()])
    await server.flush()
    // Another hive has begun meanwhile.
    await a.shared().documents.write([{ mode: 'write', row: { key: key(9_000), version: 0, json: JSON.stringify(memory('new')) } }])
    a.follow()
    b.follow()
  }
  while (a.reconciled.length < 2 || b.reconciled.length < 2) await new Promise((resolve) => setImmediate(resolve))
  await alike(a, b)
  const after = await a.documents.list('memory:', { limit: 1_000 })
  expect(after.filter(({ key: found }) => found !== key(9_000))).toEqual(before)
  expect(await values(b, [field('task'), key(5), key(6)])).toEqual(['kept', undefined, memory('newest')])
  const c = await folder()
  await alike(a, c)
  expect(a.reconciled.concat(b.reconciled).reduce((sum, { offered }) => sum + offered, 0)).toBeGreaterThanOrEqual(300)
})

it('what was erased is in no file of any folder and not in Redis, and no folder brings it back', async () => {
  const secret = 'correct-horse-battery-staple'
  const [a, b] = [await folder(), await folder()]
  await a.documents.write([{ key: key(1), value: memory(`${secret} ${'x'.repeat(9_000)}`) }, { key: field('task'), value: secret }, ...many(50, 100)])
  // An update leaves its earlier row somewhere in the file.
  await a.documents.write([{ key: key(1), value: memory(`${secret} ${'x'.repeat(9_000)}`, { state: 'forgotten' }) }])
  await alike(a, b)
  const inFiles = (from: Folder): string[] => ['hive.db', 'hive.db-wal'].filter((name) => readFileSync(join(from.dir, name)).includes(secret))
  expect([...inFiles(a), ...inFiles(b)]).not.toEqual([])
  expect(await a.documents.erase([key(1), field('task')])).toBe(2)
  await alike(a, b)
  expect(await values(b, [key(1), field('task')])).toEqual([undefined, undefined])
  expect([...inFiles(a), ...inFiles(b)]).toEqual([])
  const found = await server.command('EVAL', 'local all = {} for _, key in ipairs(redis.call("KEYS", "*")) do local value = redis.call("DUMP", key) if value:find(ARGV[1], 1, true) then all[#all + 1] = key end end return all', '0', secret)
  expect(found).toEqual([])
  const logs = join(server.dir, 'appendonlydir')
  // A file that the server removes meanwhile holds nothing any more.
  const holds = (name: string): boolean => execFileSync('sh', ['-c', 'cat -- "$0" 2> /dev/null || true', join(logs, name)]).includes(secret)
  while (readdirSync(logs).some(holds)) await server.command('PING')
  // A folder that had not heard of it compares itself.
  await b.shared().documents.write([{ mode: 'restore', row: { key: key(1), version: 1, json: JSON.stringify(memory(secret)) } }])
  const c = await folder()
  await alike(a, c)
  expect(await values(c, [key(1)])).toEqual([undefined])
})

it('skips and tells what others put where documents are', async () => {
  const a = await folder()
  await a.documents.write(many(3))
  await server.command('SET', key(10), 'not a document')
  await server.command('SET', key(11), `${'0'.repeat(15)}1 13 {"text":"no"}`)
  await server.command('SET', 'memory:{m01}:misplaced', 'x')
  await server.command('HSET', catalogue.session.build('s-1'), 'field', 'x')
  const b = await folder()
  await b.caughtUp()
  expect((await b.documents.list('memory:', { limit: 10 })).length).toBe(3)
  expect(b.problems.map((error) => (error as { code: string }).code).toSorted()).toEqual(['invalid_argument', 'store_corrupt', 'store_corrupt', 'store_corrupt'])
})

it('sees a write whose writer died between the note and the change, in a cluster', async () => {
  const [a, b] = [await folder(), await folder()]
  await alike(a, b)
  await server.command('XADD', catalogue.sessionChanges.build(), '*', 'k', catalogue.session.build('s-42'), 'f', 'task', 'i', '1')
  await b.caughtUp()
  await server.command('HSET', catalogue.session.build('s-42'), 'task', `${String(Date.now() * 1_000).padStart(16, '0')} 3 "x"`)
  while ((await values(b, [field('task')]))[0] !== 'x') await new Promise((resolve) => setImmediate(resolve))
})

it('refuses new memories over the budget of their group, and frees what is erased', async () => {
  const a = await folder()
  const group = slotGroupOf('m1')
  const about = catalogue.memoryAbout.build(group)
  await a.documents.write([{ key: key(1), value: memory('old') }])
  const held = Number(await server.command('HGET', about, 'bytes'))
  expect(held).toBe(Number(await server.command('STRLEN', key(1))))
  await server.command('HINCRBY', about, 'bytes', String(quotaBytes.memory / 16))
  const fresh = Array.from({ length: 200 }, (_, n) => n + 2).find((n) => slotGroupOf(`m${n}`) === group)!
  const results = await a.documents.write([{ key: key(fresh), value: memory('new') }, { key: key(1), value: memory('old', { state: 'forgotten' }) }])
  expect(results).toMatchObject([{ ok: false, reason: 'quota', quotaBytes: quotaBytes.memory / 16 }, { ok: true }])
  await a.documents.erase([key(1)])
  expect(Number(await server.command('HGET', about, 'bytes'))).toBe(quotaBytes.memory / 16)
})

it('a folder that ran embedded hands over what it has', async () => {
  const alone = temporaryFolder()
  const before = await alone.open()
  await before.documents.write([...many(30), { key: field('task'), value: 'alone' }])
  await before.documents.write([{ key: key(3), value: undefined }])
  await before.close()
  const b = await folder()
  await b.documents.write([{ key: key(1_000), value: memory('b') }])
  const a = await folder({ dir: alone.dataDir })
  await alike(a, b)
  expect(await values(b, [key(0), key(29), key(3), field('task')])).toEqual([memory('text 0'), memory('text 29'), undefined, 'alone'])
  expect(await values(a, [key(1_000)])).toEqual([memory('b')])
})

it('gives a restarted server what it forgot of a writer that is gone', async () => {
  const a = await folder()
  await a.documents.write(many(20))
  await a.caughtUp()
  // A process of the folder had written it, and ended together with the server.
  const version = Date.now() * 1_000
  await a.local.replica.apply([{ ...encodeWrites([{ key: key(500), value: memory('only here') }])[0]!, version }])
  await server.kill()
  await a.until('degraded')
  await server.restart()
  await a.until('connected')
  while ((await a.shared().documents.versions([key(500)]))[0] !== version) await new Promise((resolve) => setImmediate(resolve))
  while (a.reconciled.every(({ offered }) => offered === 0)) await new Promise((resolve) => setImmediate(resolve))
})

it('an erasure reaches the files of a folder that sees only what was written after it', async () => {
  const secret = 'correct-horse-battery-staple'
  const [a, b] = [await folder(), await folder()]
  await a.documents.write([{ key: field('task'), value: secret }])
  await alike(a, b)
  // The log of the folder is in the file by now.
  await b.local.database.all('PRAGMA wal_checkpoint(TRUNCATE)')
  await b.stopFollowing()
  await a.documents.erase([field('task')])
  await a.documents.write([{ key: field('task'), value: 'anew' }])
  b.follow()
  await alike(a, b)
  expect(await values(b, [field('task')])).toEqual(['anew'])
  for (const name of ['hive.db', 'hive.db-wal']) expect(readFileSync(join(b.dir, name)).includes(secret), name).toBe(false)
})
