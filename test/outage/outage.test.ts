import { afterEach, beforeEach, expect, it } from 'vitest'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { openRedisStore, type RedisStore } from '../../src/store/redis/open.ts'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import { messageIds, post, removeFolder, roomConfig, startNode, type TestNode } from './bench.ts'

let server: RedisServer
let nodes: TestNode[]
let others: RedisStore[]

beforeEach(async () => {
  server = await startRedisServer()
  nodes = []
  others = []
})
afterEach(async () => {
  for (const other of others) await other.close()
  for (const node of nodes) await node.stop()
  for (const node of nodes) removeFolder(node.dir)
  await server.stop()
})

async function node(options?: Parameters<typeof startNode>[1]): Promise<TestNode> {
  const started = await startNode(server.url, options)
  nodes.push(started)
  return started
}

/** Another node's view of the shared store. */
async function other(): Promise<RedisStore> {
  const store = await openRedisStore({ url: server.url })
  others.push(store)
  return store
}

/** Posts one after the other from several writers until told to stop; resolves with the ids that were acknowledged, per writer. */
function load(from: TestNode, room: string, writers: number): { stop(): Promise<string[][]>; acknowledged(): number } {
  let going = true
  let count = 0
  const writing = Array.from({ length: writers }, async (_, writer) => {
    const ids: string[] = []
    for (let next = 0; going; next++) {
      const id = `w${writer}-${next}`
      const [result] = await from.store.log.append([post(room, id)])
      if (result?.ok) ids.push(id)
      count++
    }
    return ids
  })
  return {
    acknowledged: () => count,
    stop() {
      going = false
      return Promise.all(writing)
    },
  }
}

async function acknowledged(running: { acknowledged(): number }, more: number): Promise<void> {
  const goal = running.acknowledged() + more
  while (running.acknowledged() < goal) await new Promise((resolve) => setImmediate(resolve))
}

async function expectAll(room: string, perWriter: string[][]): Promise<void> {
  const ids = await messageIds(await other(), room)
  expect(new Set(ids).size, 'no message twice').toBe(ids.length)
  const all = perWriter.flat()
  const missing = all.filter((id) => !new Set(ids).has(id))
  expect(missing).toEqual([])
  for (const own of perWriter) {
    const wanted = new Set(own)
    expect(ids.filter((id) => wanted.has(id)), 'each writer in its order').toEqual(own)
  }
}

it('goes on when Redis is killed under load, and has lost and doubled nothing when it is back', async () => {
  const { store, until, states } = await node()
  await until('connected')
  await store.log.open('hall', roomConfig)
  const running = load(nodes[0]!, 'hall', 20)
  await acknowledged(running, 500)
  await server.kill()
  await until('degraded')
  await acknowledged(running, 500)
  expect(store.link.journal.items).toBeGreaterThan(400)
  await server.restart()
  await until('connected')
  await acknowledged(running, 200)
  await expectAll('hall', await running.stop())
  expect(states.slice(0, 2)).toEqual(['degraded', 'syncing'])
  expect(store.link.journal).toEqual({ items: 0, bytes: 0, oldestAt: 0 })
})

it('brings back what a server forgot that died before it had written it to disk', async () => {
  const { store, until } = await node()
  await until('connected')
  await store.log.open('hall', roomConfig)
  const running = load(nodes[0]!, 'hall', 10)
  await acknowledged(running, 100)
  await server.kill()
  await acknowledged(running, 50)
  const posted = running.stop()
  await server.restart({ empty: true })
  await until('connected')
  await expectAll('hall', await posted)
})

it('goes on when Redis freezes under load', async () => {
  const { store, until } = await node({ watchdogMs: 1_000 })
  await until('connected')
  await store.log.open('hall', roomConfig)
  const running = load(nodes[0]!, 'hall', 20)
  await acknowledged(running, 200)
  server.freeze()
  await until('degraded')
  await acknowledged(running, 200)
  server.thaw()
  await until('connected')
  await expectAll('hall', await running.stop())
})

it('survives a link that flaps under load', async () => {
  const { store, until } = await node()
  await until('connected')
  await store.log.open('hall', roomConfig)
  const running = load(nodes[0]!, 'hall', 10)
  for (let round = 0; round < 6; round++) {
    await acknowledged(running, 50)
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  }
  const posted = await running.stop()
  await until('connected')
  await expectAll('hall', posted)
})

it('sends what an earlier life left in the journal, and starts while Redis is down', async () => {
  const first = await node()
  await first.until('connected')
  await first.store.log.open('hall', roomConfig)
  await server.kill()
  expect(await first.store.log.append([post('hall', 'kept')])).toEqual([{ ok: true, journalled: true, duplicate: false }])
  await first.stop()
  nodes.pop()

  const second = await node({ dir: first.dir })
  expect(second.store.link.journal.items).toBe(1)
  expect((await second.store.log.open('hall', roomConfig)).created).toBe(false)
  expect(await second.store.log.append([post('hall', 'later')])).toMatchObject([{ journalled: true }])
  await server.restart()
  await second.until('connected')
  expect(await messageIds(await other(), 'hall')).toEqual(['kept', 'later'])
})

it('opens a room that nobody knew while Redis was down', async () => {
  const { store, until } = await node()
  await until('connected')
  await server.kill()
  expect(await store.log.open('new', roomConfig)).toEqual({ config: roomConfig, created: true })
  await store.log.append([post('new', 'a')])
  await server.restart()
  await until('connected')
  expect(await messageIds(await other(), 'new')).toEqual(['a'])
})

it('takes over the journal of a node that is gone for good, and leaves that of a living one alone', async () => {
  const { until, store, local, dir } = await node()
  await until('connected')
  await store.log.open('hall', roomConfig)
  await server.kill()
  await until('degraded')
  const dead = await startNode(server.url, { dir, origin: 'dead' })
  const alive = await startNode(server.url, { dir, origin: 'alive' })
  await dead.store.log.append([post('hall', 'of the dead')])
  await alive.store.log.append([post('hall', 'of the living')])
  await dead.stop()
  await alive.stop()
  const name = await local.leases.acquire('name:alive', 'process', 60_000)
  await server.restart()
  await until('connected')
  expect(await messageIds(await other(), 'hall')).toEqual(['of the dead'])
  await local.leases.release('name:alive', 'process', name!.fence)
})

it('refuses what does not fit into the journal, in words, and takes it again when Redis is back', async () => {
  const { store, until } = await node({ journalBytes: 3_000 })
  await until('connected')
  await store.log.open('hall', roomConfig)
  await server.kill()
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, index) => store.log.append([post('hall', `m${index}`)])))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused.length).toBeGreaterThan(5)
  expect(refused.length).toBeLessThan(30)
  expect(refused[0]?.reason).toMatchObject({ code: 'journal_full', limit: 3_000, retryable: true })
  await server.restart()
  await until('connected')
  const kept = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [`m${index}`] : []))
  expect(await messageIds(await other(), 'hall')).toEqual(kept)
  expect(await store.log.append([post('hall', 'again')])).toMatchObject([{ ok: true, duplicate: false }])
})

it('leases and the shared log say at once that the store is away', async () => {
  const { store, until } = await node()
  await until('connected')
  await server.kill()
  await until('degraded')
  await expect(store.leases.acquire('role:trainer', 'n1', 1_000)).rejects.toBeInstanceOf(StoreUnavailable)
  await expect(store.log.take('hall', 'g', { name: 'n1', fence: 1 }, 10)).rejects.toBeInstanceOf(StoreUnavailable)
})

it('a blob put during an outage reaches the shared store', async () => {
  const { store, until } = await node()
  await until('connected')
  await server.kill()
  const bytes = new Uint8Array(3_000_000).fill(7)
  const hash = await store.blobs.put(bytes)
  expect(Buffer.from((await store.blobs.get(hash))!).equals(bytes)).toBe(true)
  await expect(store.blobs.has('0'.repeat(64))).rejects.toBeInstanceOf(StoreUnavailable)
  await server.restart()
  await until('connected')
  expect(await (await other()).blobs.has(hash)).toBe(true)
})

it('hands journalled posts to members of this node at once, and remembers who had them when they come back', async () => {
  const first = await node()
  await first.until('connected')
  await first.store.log.open('hall', roomConfig)
  await server.kill()
  const local = first.store.log.local!
  const seen: string[] = []
  local.listen(({ messageId }) => seen.push(messageId))
  await first.store.log.append([post('hall', 'a')])
  await first.store.log.append([post('hall', 'a')])
  await first.store.log.append([post('hall', 'b')])
  expect(seen).toEqual(['a', 'b'])
  expect(await local.handed('hall', 'ann', 'a', { posts: [post('hall', 'answer')], records: [] })).toEqual({ ok: true, posted: [] })
  expect(await local.handed('hall', 'ann', 'a', { posts: [post('hall', 'twice')], records: [] })).toEqual({ ok: false, reason: 'stale' })
  await expect(local.handed('hall', 'ann', 'b', { posts: [], records: [{ key: 'n', value: 1 }] })).rejects.toBeInstanceOf(StoreUnavailable)
  expect(seen).toEqual(['a', 'b', 'answer'])
  await first.stop()
  nodes.pop()

  await server.restart()
  const second = await node({ dir: first.dir })
  await second.until('connected')
  expect(await messageIds(await other(), 'hall')).toEqual(['a', 'b', 'answer'])
  expect(['a', 'b'].map((id) => second.store.log.local!.wasHanded('hall', 'ann', id))).toEqual([true, false])
})
