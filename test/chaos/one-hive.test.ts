import { expect, it } from 'vitest'
import { createHive } from '../../src/index.ts'
import type { Hive, HiveOptions } from '../../src/index.ts'
import { afterTest, privateRedis, startNode, temporaryFolder } from './nodes.ts'

async function hiveOn(options: HiveOptions): Promise<Hive> {
  const hive = await createHive({ dataDir: temporaryFolder(), log: { level: 'silent' }, ...options })
  afterTest(() => hive.stop())
  return hive
}

it('two processes on one Redis: what is posted in one is handled in the other, within 100 ms', async () => {
  const redis = await privateRedis()
  const [a, b] = await Promise.all([startNode({ redis: redis.url, dataDir: temporaryFolder() }), startNode({ redis: redis.url, dataDir: temporaryFolder() })])
  expect(a.name).not.toBe(b.name)
  b.order({ kind: 'tell' })
  await b.hears('working')
  const delays: number[] = []
  for (let n = 0; n < 9; n++) {
    const handled = b.next('handled')
    const acknowledged = a.next('acknowledged')
    a.order({ kind: 'post', room: 'jobs', id: `m${n}` })
    const { at } = await acknowledged
    const { id, at: handledAt } = await handled
    expect(id).toBe(`m${n}`)
    delays.push(handledAt - at)
  }
  expect(delays.toSorted((x, y) => x - y)[4], `ms: ${delays.join(' ')}`).toBeLessThan(100)
})

it('processes on one data folder and one Redis are nodes of their own; each journal is its own', async () => {
  const redis = await privateRedis()
  const dataDir = temporaryFolder()
  const [a, b] = await Promise.all([startNode({ redis: redis.url, dataDir }), startNode({ redis: redis.url, dataDir })])
  expect(a.name).not.toBe(b.name)
  await redis.kill()
  await Promise.all([a, b].map((node) => node.hears('link', ({ state }) => state === 'degraded')))
  for (const node of [a, b]) node.order({ kind: 'post', room: 'jobs', id: `of ${node.name}` })
  await Promise.all([a, b].map((node) => node.hears('acknowledged')))
  const connected = [a, b].map((node) => node.next('link', ({ state }) => state === 'connected'))
  await redis.restart()
  await Promise.all(connected)
  const hive = await hiveOn({ redis: redis.url })
  const { messages } = await (await hive.room('jobs')).history()
  expect(messages.map(({ id }) => id).toSorted()).toEqual([`of ${a.name}`, `of ${b.name}`].toSorted())
})

it('a node id that is started elsewhere: the older node stops and says why, the younger one goes on, nobody sees it leave', async () => {
  const redis = await privateRedis()
  const node = { id: 'same' }
  const errors: string[] = []
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (_: object, message: string) => void errors.push(message) }
  const older = await hiveOn({ redis: redis.url, node, logger })
  const watcher = await hiveOn({ redis: redis.url })
  const left: string[] = []
  watcher.bus.on('node.left').subscribe(({ data }) => left.push(data.node))
  const stopped = new Promise<void>((resolve) => older.bus.all().subscribe({ complete: resolve }))
  const younger = await hiveOn({ redis: redis.url, node })
  await stopped
  expect(errors).toEqual([expect.stringMatching(/another process runs under the id of this node and started later: this one stops/)])
  expect(older.health()).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.stringContaining('another process took over the id')]) })
  await (await younger.room('hall')).post('text', { text: 'still here' })
  expect(younger.health()).toMatchObject({ ok: true, state: 'ready' })
  expect((await watcher.nodes.list()).map(({ id }) => id)).toContain('same')
  expect(left).toEqual([])
})

it('a node that stops while Redis is frozen ends in bounded time and leaves no process', async () => {
  const redis = await privateRedis()
  const node = await startNode({ redis: redis.url, dataDir: temporaryFolder(), role: 'leader' })
  await node.hears('gained')
  node.order({ kind: 'work' })
  await node.hears('working')
  redis.freeze()
  afterTest(() => redis.thaw())
  node.order({ kind: 'stop' })
  // The watchdog gives a silent connection 5 s.
  expect((await node.hears('stopped')).tookMs).toBeLessThan(12_000)
  expect(await node.exited).toBe(0)
})

it('a node that stops while Redis is gone ends at once', async () => {
  const redis = await privateRedis()
  const node = await startNode({ redis: redis.url, dataDir: temporaryFolder(), role: 'leader' })
  node.order({ kind: 'work' })
  await node.hears('working')
  await redis.kill()
  await node.hears('link', ({ state }) => state === 'degraded')
  node.order({ kind: 'stop' })
  expect((await node.hears('stopped')).tookMs).toBeLessThan(3_000)
  expect(await node.exited).toBe(0)
})
