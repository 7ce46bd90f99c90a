import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Frame } from '../../src/bus/frame.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import type { DataOf } from '../../src/messages/map.ts'
import { FakeHub, type FakeLink } from './fake-signals.ts'
import { happen, startNode, type TestNode } from './nodes.ts'

const ids = ['a', 'b', 'c']

type Step =
  | { do: 'publish'; node: number; count: number }
  | { do: 'drop' | 'duplicate' | 'loseReplies'; node: number; count: number }
  | { do: 'down' | 'up' | 'resubscribe' | 'delay' | 'release' | 'crash' | 'restart'; node: number }
  | { do: 'advance'; ms: number }
  | { do: 'settle' }

const index = fc.nat(ids.length - 1)
const count = fc.integer({ min: 1, max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), node: index, count }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'duplicate' as const, 'loseReplies' as const), node: index, count: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('down' as const, 'up' as const, 'resubscribe' as const, 'delay' as const, 'release' as const), node: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'restart' as const), node: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 1_000, 5_000) }) },
  { weight: 4, arbitrary: fc.constant({ do: 'settle' as const }) },
)

/** One life of a node, with what is needed to judge it afterwards. */
interface Life {
  node: TestNode
  link: FakeLink
  /** Messages published by anyone before this life began. */
  since: number
  crashed: boolean
  /** For each resync of this life: how many messages had been published when it was told. */
  toldAt: number[]
}

interface Published {
  origin: string
  epoch: number
  seq: number
  n: number
}

class World {
  readonly hub = new FakeHub()
  readonly clock = new VirtualClock()
  readonly lives: Life[] = []
  readonly current: Life[] = []
  readonly published: Published[] = []
  readonly #seqs = new Map<string, number>()

  async start(at: number): Promise<void> {
    const id = ids[at]!
    const link = this.hub.link()
    const epoch = 1 + this.lives.filter((life) => life.node.id === id).length
    const node = await startNode(id, link, this.clock, { epoch, ringCap: 6, maxWaiting: 4 })
    const life: Life = { node, link, since: this.published.length, crashed: false, toldAt: [] }
    node.bus.on('bus.resync').subscribe(() => life.toldAt.push(this.published.length))
    this.lives.push(life)
    this.current[at] = life
  }

  publish(at: number, times: number): void {
    const { node } = this.current[at]!
    const key = `${node.id} ${node.epoch}`
    for (let time = 0; time < times; time++) {
      const seq = (this.#seqs.get(key) ?? 0) + 1
      this.#seqs.set(key, seq)
      this.published.push({ origin: node.id, epoch: node.epoch, seq, n: this.published.length })
      happen(node, this.published.length - 1)
    }
  }

  async stop(at: number): Promise<void> {
    const { node } = this.current[at]!
    const stopped = node.mirror.stop()
    await this.clock.advance(1_000)
    await stopped
  }

  async run(next: Step): Promise<void> {
    if (next.do === 'settle') return this.clock.settle()
    if (next.do === 'advance') return this.clock.advance(next.ms)
    const life = this.current[next.node]!
    const { link } = life
    switch (next.do) {
      case 'publish': return this.publish(next.node, next.count)
      case 'drop': link.dropNext += next.count; return
      case 'duplicate': link.duplicateNext += next.count; return
      case 'loseReplies': link.loseReplies += next.count; return
      case 'down': return link.goDown()
      case 'up': return link.comeUp()
      case 'resubscribe': return link.resubscribe()
      case 'delay': return link.delay()
      case 'release': return link.release()
      case 'crash':
        link.die()
        life.crashed = true
        await this.stop(next.node)
        return this.start(next.node)
      case 'restart':
        link.comeUp()
        await this.stop(next.node)
        life.crashed = life.node.mirror.stats().mustArrive.dropped > 0
        return this.start(next.node)
    }
  }

  /** Every fault ends, everybody speaks once more, and time passes. */
  async heal(): Promise<void> {
    for (const { link } of this.current) {
      link.dropNext = link.loseReplies = 0
      link.release()
      link.comeUp()
    }
    for (let round = 0; round < 4; round++) {
      await this.clock.settle()
      await this.clock.advance(5_000)
    }
    for (const at of ids.keys()) this.publish(at, 1)
    for (let round = 0; round < 2; round++) {
      await this.clock.settle()
      await this.clock.advance(5_000)
    }
    await this.clock.settle()
  }
}

function covers(resync: DataOf<'bus.resync'>, toldAt: number, message: Published): boolean {
  if (resync.origin === undefined) return message.n < toldAt
  return resync.origin === message.origin && resync.epoch === message.epoch
    && message.seq >= (resync.from ?? 1) && message.seq <= (resync.to ?? Number.POSITIVE_INFINITY)
}

function judge(world: World): void {
  const taken = new Set<string>()
  for (const text of world.hub.appended) {
    const frame = JSON.parse(text) as Frame
    const length = frame.skipped ?? frame.events.length
    for (let offset = 0; offset < length; offset++) taken.add(`${frame.origin} ${frame.epoch} ${frame.seq + offset}`)
  }
  for (const { node, since, crashed, toldAt } of world.lives) {
    const seen = node.happened.map(({ n }) => n)
    expect(new Set(seen).size, `${node.id}/${node.epoch} got a message twice: ${seen}`).toBe(seen.length)
    for (const origin of ids) {
      const fromOne = node.happened.filter((entry) => entry.origin === origin).map(({ n }) => n)
      expect(fromOne, `${node.id}/${node.epoch} got messages of ${origin} out of order`).toEqual([...fromOne].sort((x, y) => x - y))
    }
    if (crashed || world.current.every((life) => life.node !== node)) continue
    for (const message of world.published.slice(since)) {
      // What a crashed sender took into its grave before the store had it is nobody's to deliver.
      if (message.origin === node.id || !taken.has(`${message.origin} ${message.epoch} ${message.seq}`)) continue
      const delivered = seen.includes(message.n)
      const told = node.resyncs.some((resync, at) => covers(resync, toldAt[at]!, message))
      expect(delivered || told, `${node.id}/${node.epoch} neither got nor was told of ${JSON.stringify(message)}; saw ${seen}; resyncs ${JSON.stringify(node.resyncs)}`).toBe(true)
    }
  }
}

it('whatever the links do, each must-arrive message is delivered at most once, in order, and is delivered or told as lost', async () => {
  let delivered = 0
  let told = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
    const world = new World()
    for (const at of ids.keys()) await world.start(at)
    for (const next of steps) await world.run(next)
    await world.heal()
    judge(world)
    for (const { node } of world.lives) {
      delivered += node.happened.length
      told += node.resyncs.length
    }
    for (const at of ids.keys()) await world.stop(at)
    expect(world.clock.timers, 'no timer is left behind').toBe(0)
  }), { numRuns: 150 })
  expect(delivered).toBeGreaterThan(1_000)
  expect(told, 'the steps do lose messages').toBeGreaterThan(20)
}, 60_000)
