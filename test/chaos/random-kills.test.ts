import { expect, it } from 'vitest'
import { createHive } from '../../src/index.ts'
import type { Hive, Room } from '../../src/index.ts'
import { afterTest, privateRedis, startNode, temporaryFolder } from './nodes.ts'
import type { NodeProcess } from './nodes.ts'
import { jobsRoom } from './protocol.ts'
import { startRedisProxy } from '../redis-proxy.ts'

// CHAOS_SEED repeats a schedule (as far as processes can be), CHAOS_SECONDS makes it longer.
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const seconds = Number(process.env.CHAOS_SECONDS ?? 6)

/** mulberry32 */
function randomFrom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

it(`nodes and Redis are killed at random for ${seconds} s: nothing that was acknowledged is lost, nothing takes effect twice (seed ${seed})`, { timeout: (seconds + 90) * 1_000 }, async () => {
  console.log(`CHAOS_SEED=${seed} CHAOS_SECONDS=${seconds}`)
  const random = randomFrom(seed)
  const within = (low: number, high: number): number => low + Math.floor(random() * (high - low))
  const redis = await privateRedis()
  const wire = await startRedisProxy(redis.port)
  afterTest(() => wire.stop())
  const acknowledged = new Set<string>()
  const refused: string[] = []
  const fences: number[] = []
  const log: string[] = []
  const from = performance.now()
  const note = (text: string): void => void log.push(`${((performance.now() - from) / 1000).toFixed(2)} ${text}`)

  async function launch(id: string, dataDir: string): Promise<NodeProcess> {
    const node = await startNode({ redis: wire.url, dataDir, id, role: 'leader' })
    node.order({ kind: 'work' })
    node.order({ kind: 'flood', writers: 3, everyMs: 10 })
    return node
  }
  /** What a node told in its life so far. */
  function collect(node: NodeProcess): void {
    for (const one of node.told.splice(0)) {
      if (one.kind === 'acknowledged') acknowledged.add(one.id)
      else if (one.kind === 'refused') refused.push(`${one.id}: ${one.message}`)
      else if (one.kind === 'gained') fences.push(one.fence)
      else if (one.kind === 'failed') log.push(`${node.name} failed: ${one.message}`)
    }
  }

  const nodes = await Promise.all(['a', 'b', 'c'].map((id) => launch(id, temporaryFolder())))
  const until = performance.now() + seconds * 1_000

  async function killNodes(): Promise<void> {
    while (performance.now() < until) {
      await pause(within(300, 1_500))
      const index = within(0, nodes.length)
      const node = nodes[index] as NodeProcess
      note(`kill ${node.name}`)
      await node.kill()
      collect(node)
      await pause(within(0, 500))
      nodes[index] = await launch(node.name, node.setup.dataDir)
      note(`${node.name} is back`)
    }
  }
  async function killRedis(): Promise<void> {
    while (performance.now() < until) {
      await pause(within(200, 1_500))
      const how = random()
      note(how < 0.35 ? 'kill Redis' : how < 0.5 ? 'shut Redis down' : 'cut the wire')
      if (how >= 0.5) {
        // What was sent arrives, and its sender does not hear of it: whatever it does next must not do it twice.
        wire.loseReplies()
        await pause(within(10, 100))
        wire.cut()
        wire.heal()
        continue
      }
      await (how < 0.35 ? redis.kill() : redis.shutdown())
      await pause(within(0, 1_500))
      await redis.restart()
      note('Redis is back')
    }
  }

  try {
    await Promise.all([killNodes(), killRedis()])
    note('quiet')
    await Promise.all(nodes.map(async (node) => {
      node.order({ kind: 'hold' })
      await node.hears('held')
    }))
    nodes.forEach(collect)
    const { observer, jobs, done } = await settled(nodes)
    const posted = await everything(jobs)
    const effects = await everything(done)
    const counts = new Map<string, number>()
    for (const { data } of effects) counts.set(data.text, (counts.get(data.text) ?? 0) + 1)

    expect(acknowledged.size).toBeGreaterThan(100)
    expect(refused).toEqual([])
    const ids = new Set(posted.map(({ id }) => id))
    expect(posted.length, 'no message is in the room twice').toBe(ids.size)
    expect([...acknowledged].filter((id) => !ids.has(id)), 'acknowledged and lost').toEqual([])
    expect([...ids].filter((id) => counts.get(id) !== 1).map((id) => `${id}: ${counts.get(id) ?? 0}`), 'effects of each message').toEqual([])
    expect(effects.length).toBe(ids.size)
    const records: string[] = []
    for (const id of ids) if ((await observer.store.log.record('jobs', `count:${id}`)) !== 1) records.push(id)
    expect(records, 'records, each counted once').toEqual([])
    expect(await jobs.deadLetters()).toEqual([])
    expect(new Set(fences).size, 'no fence was given twice').toBe(fences.length)
    console.log(`${acknowledged.size} acknowledged, ${ids.size} posted, ${effects.length} effects; ${log.filter((line) => / kill | shut | cut /.test(line)).length} faults, ${fences.length} leaders`)
  } catch (error) {
    console.log(log.join('\n'))
    throw error
  }

  /** Another node, once all journals are sent and all jobs are carried out. */
  async function settled(all: readonly NodeProcess[]): Promise<{ observer: Hive; jobs: Room; done: Room }> {
    const observer = await createHive({ redis: redis.url, dataDir: temporaryFolder(), log: { level: 'silent' } })
    afterTest(() => observer.stop())
    for (const node of all) {
      for (;;) {
        const heard = node.next('health')
        node.order({ kind: 'health' })
        const { journal, state } = await heard
        if (journal === 0 && state === 'ready') break
        await pause(100)
      }
    }
    const [jobs, done] = [await observer.room('jobs', jobsRoom), await observer.room('done', jobsRoom)]
    const seen = new Set<string>()
    let wake = (): void => undefined
    await done.join('counter', (message) => {
      seen.add(message.data.text)
      wake()
    }, { from: 'start' })
    const wanted = (await everything(jobs)).map(({ id }) => id)
    note(`waiting for ${wanted.length} effects`)
    while (wanted.some((id) => !seen.has(id))) await new Promise<void>((resolve) => (wake = resolve))
    while ((await jobs.pending('workers')).length > 0) await pause(50)
    return { observer, jobs, done }
  }
})

async function everything(room: Room) {
  const all = []
  for (let after: string | undefined; ;) {
    const page = await room.history({ limit: 1_000, ...(after !== undefined && { after }) })
    all.push(...page.messages)
    if (page.next === undefined) return all
    after = page.next
  }
}
