import { afterEach, beforeEach, expect, it } from 'vitest'
import { openRedisStore, type RedisStore } from '../../src/store/redis/open.ts'
import type { KeptConflict } from '../../src/store/outage/open.ts'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import { post, removeFolder, roomConfig, startNode, type TestNode } from './bench.ts'

let server: RedisServer
let node: TestNode
let theirs: RedisStore

beforeEach(async () => {
  server = await startRedisServer({ appendfsync: 'always' })
  node = await startNode(server.url)
  await node.until('connected')
  theirs = await openRedisStore({ url: server.url })
})
afterEach(async () => {
  await theirs.close()
  await node.stop()
  removeFolder(node.dir)
  await server.stop()
})

async function theirsIsUp(): Promise<void> {
  while (theirs.link.state !== 'up') await new Promise((resolve) => setImmediate(resolve))
}

async function outage(during: () => Promise<unknown>): Promise<void> {
  await server.kill()
  await node.until('degraded')
  await during()
  await server.restart()
  await node.until('connected')
  await theirsIsUp()
}

it('reads what it touched before, and its own writes, from the local copy', async () => {
  const { records } = node.store
  await theirs.records.put('session:{s1}', { task: 'read' })
  await records.get('session:{s1}')
  await records.put('session:{s2}', 2, { ttlMs: 60_000 })
  await outage(async () => {
    expect(await records.get('session:{s1}')).toEqual({ value: { task: 'read' }, version: 1 })
    expect(await records.getMany(['session:{s2}', 'session:{s3}'])).toEqual([{ value: 2, version: 1 }, undefined])
    const written = await records.put('session:{s1}', { task: 'write' }, { expect: 1 })
    expect(written.ok && written.version).toBeGreaterThan(2 ** 40)
    expect(await records.put('session:{s1}', 'old base', { expect: 1 })).toMatchObject({ ok: false, reason: 'conflict' })
    expect((await records.get('session:{s1}'))?.value).toEqual({ task: 'write' })
    expect((await records.scan('session:')).keys).toEqual(['session:{s1}', 'session:{s2}'])
    expect(await records.delete('session:{s2}', { expect: 1 })).toMatchObject({ ok: true })
    expect(await records.get('session:{s2}')).toBeUndefined()
    expect(await records.expire('session:{s2}', 1_000)).toBe(false)
  })
  expect(await theirs.records.get('session:{s1}')).toEqual({ value: { task: 'write' }, version: 2 })
  expect(await theirs.records.get('session:{s2}')).toBeUndefined()
  expect(await node.store.conflicts.list()).toEqual([])
})

it('a chain of writes arrives as a chain, and a comparison with a version given out during the outage holds afterwards', async () => {
  const { records } = node.store
  await records.put('k', 0)
  let version = 1
  await outage(async () => {
    for (let value = 1; value <= 5; value++) {
      const result = await records.put('k', value, { expect: version })
      if (!result.ok) throw new Error('conflict')
      version = result.version
    }
  })
  expect(await theirs.records.get('k')).toEqual({ value: 5, version: 6 })
  expect(await records.put('k', 6, { expect: version })).toEqual({ ok: true, version: 7 })
  expect(await records.put('k', 7, { expect: version })).toMatchObject({ ok: false, current: { value: 6, version: 7 } })
})

/** Both sides change `k` from version 1; ours three times. */
async function conflict(): Promise<KeptConflict> {
  await node.store.records.put('k', 'base')
  // The other side writes before this node sees the server again.
  await server.kill()
  await node.until('degraded')
  await node.store.records.put('k', 'ours 1', { expect: 1 })
  await node.store.records.put('k', 'ours 2')
  await node.store.records.put('new', 'ours')
  await node.stop()
  await server.restart()
  await theirsIsUp()
  await theirs.records.put('k', 'theirs')
  node = await startNode(server.url, { dir: node.dir })
  await node.until('connected')
  const conflicts = await node.store.conflicts.list()
  expect(conflicts).toHaveLength(1)
  return conflicts[0] as KeptConflict
}

it('where the base has moved nothing is overwritten: both versions are kept', async () => {
  const kept = await conflict()
  expect(kept).toMatchObject({
    subject: 'k', conflict: { kind: 'record', node: 'n1', base: 1, ours: { value: 'ours 2' }, theirs: { value: 'theirs', version: 2 } },
  })
  expect(await node.store.records.get('k')).toEqual({ value: 'theirs', version: 2 })
  expect(await node.store.records.get('new')).toEqual({ value: 'ours', version: 1 })
  expect(node.steps.flatMap((step) => step.conflicts).map(({ id }) => id)).toEqual([kept.id, kept.id])
})

it('"ours" writes our version over theirs, and refuses to when theirs moved on', async () => {
  const { id } = await conflict()
  await theirs.records.put('k', 'theirs again')
  await expect(node.store.conflicts.resolve(id, 'ours')).rejects.toMatchObject({ code: 'version_conflict' })
  expect((await node.store.conflicts.list())[0]).toMatchObject({ conflict: { theirs: { value: 'theirs again', version: 3 } } })
  await node.store.conflicts.resolve(id, 'ours')
  expect(await theirs.records.get('k')).toEqual({ value: 'ours 2', version: 4 })
  expect(await node.store.conflicts.list()).toEqual([])
  await expect(node.store.conflicts.resolve(id, 'ours')).rejects.toMatchObject({ code: 'conflict_unknown' })
})

it('"theirs" drops ours', async () => {
  const { id } = await conflict()
  await node.store.conflicts.resolve(id, 'theirs')
  expect(await theirs.records.get('k')).toEqual({ value: 'theirs', version: 2 })
  expect(await node.store.conflicts.list()).toEqual([])
})

it('"both" keeps ours as a record of its own', async () => {
  const { id } = await conflict()
  await node.store.conflicts.resolve(id, 'both')
  expect(await theirs.records.get('k')).toEqual({ value: 'theirs', version: 2 })
  expect(await theirs.records.get(`k:ours:${id}`)).toEqual({ value: 'ours 2', version: 1 })
})

it('a conflict cannot be settled by a word that is none', async () => {
  const { id } = await conflict()
  await expect(node.store.conflicts.resolve(id, 'mine' as never)).rejects.toMatchObject({ code: 'invalid_argument', field: 'choice' })
})

it('a deletion against a change is a conflict too', async () => {
  await node.store.records.put('k', 'base')
  await server.kill()
  await node.until('degraded')
  expect(await node.store.records.delete('k')).toMatchObject({ ok: true })
  await node.stop()
  await server.restart()
  await theirsIsUp()
  await theirs.records.put('k', 'theirs')
  node = await startNode(server.url, { dir: node.dir })
  await node.until('connected')
  const [kept] = await node.store.conflicts.list()
  expect(kept).toMatchObject({ conflict: { base: 1, ours: {}, theirs: { value: 'theirs' } } })
  await node.store.conflicts.resolve(kept!.id, 'ours')
  expect(await theirs.records.get('k')).toBeUndefined()
})

it('a post that its room refuses afterwards is kept, and can be sent when there is room', async () => {
  await node.store.log.open('small', { ...roomConfig, quotaBytes: 35 })
  await outage(async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await node.store.log.append([post('small', id)])
  })
  const kept = await node.store.conflicts.list()
  expect(kept).toMatchObject([{ subject: 'small', conflict: { kind: 'write', reason: 'room_full' } }])
  await expect(node.store.conflicts.resolve(kept[0]!.id, 'ours')).rejects.toMatchObject({ code: 'room_full' })
  await node.store.log.configure('small', { ...roomConfig, quotaBytes: 10_000 })
  await node.store.conflicts.resolve(kept[0]!.id, 'ours')
  expect((await theirs.log.range('small', { limit: 100 })).map(({ messageId }) => messageId)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})
