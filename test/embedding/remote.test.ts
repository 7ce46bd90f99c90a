import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRemoteEmbedder } from '../../actors/embedder-pool/remote.ts'
import type { RemoteEmbedder } from '../../actors/embedder-pool/remote.ts'
import { serveEmbeddings } from '../../actors/embedder-pool/remote-server.ts'
import { hashOf } from '../../actors/embedder-pool/texts.ts'
import { requestChannel, replyChannel, silenceMs } from '../../src/embedding/remote-wire.ts'
import type { Embedder, EmbedOptions } from '../../src/embedding/types.ts'
import { createHive } from '../../src/index.ts'
import type { Hive, HiveOptions } from '../../src/index.ts'
import { Cancelled, EmbedderBusy, EmbedderUnavailable, ModelUnusable } from '../../src/kernel/errors.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { Prng } from '../../src/sim/prng.ts'
import type { Signals } from '../../src/store/ports.ts'
import { sharedRedis } from '../shared-redis.ts'
import { lookUpGraph, layeredGraph, modelFolder, temporaryFolder } from './models.ts'

// ------------------------------------------------------------ one process, a bus in memory

interface Wire {
  signals: Signals
  said: { channel: string; payload: string }[]
  gap(channel: string): void
  broken: boolean
}

function wire(): Wire {
  const subscribers = new Map<string, Set<{ onPayload(payload: string): void; onGap(): void }>>()
  const said: Wire['said'] = []
  const made: Wire = {
    said, broken: false,
    gap: (channel) => subscribers.get(channel)?.forEach(({ onGap }) => onGap()),
    signals: {
      async publish(channel, payload) {
        if (made.broken) throw new Error('the shared store is away')
        said.push({ channel, payload })
        subscribers.get(channel)?.forEach(({ onPayload }) => onPayload(payload))
      },
      async subscribe(channel, onPayload, onGap) {
        const subscriber = { onPayload, onGap }
        subscribers.set(channel, (subscribers.get(channel) ?? new Set()).add(subscriber))
        return { stop: async () => void subscribers.get(channel)?.delete(subscriber) }
      },
      ring: () => Promise.reject(new Error('no ring')), readRing: () => Promise.reject(new Error('no ring')), ringEnd: () => Promise.reject(new Error('no ring')),
    },
  }
  return made
}

interface Fake extends Embedder {
  asked: string[][]
  release: (() => void)[]
  held: boolean
}

function fake(key: string): Fake {
  const info = async () => ({ key, dimension: 2, maxTokens: 100 })
  const made: Fake = {
    asked: [], release: [], held: false, info,
    async embed(texts, { purpose = 'passage', signal }: EmbedOptions = {}) {
      made.asked.push([...texts])
      if (made.held && texts.length > 0) await new Promise<void>((resolve, reject) => { made.release.push(resolve); signal?.addEventListener('abort', () => reject(new Cancelled('embedding', undefined))) })
      return { vectors: texts.map(({ length }) => Float32Array.of(length, purpose === 'query' ? 1 : 0)), cached: texts.map(() => false), hashes: [...texts], model: key, dimension: 2 }
    },
  }
  return made
}

function world(nodes: Record<string, { embedder?: Fake; holds?: boolean }>, limit = 100): { bus: Wire; clock: VirtualClock; remote: RemoteEmbedder; start(): Promise<void>; problems: unknown[] } {
  const bus = wire()
  const clock = new VirtualClock()
  const problems: unknown[] = []
  const listed = [...Object.entries(nodes).map(([id, { holds }]) => ({ id, roles: ['embedding'], holds: holds ? ['embedding'] : [] })), { id: 'me', roles: ['embedding'], holds: [] }, { id: 'other', roles: ['memory'], holds: [] }]
  const remote = createRemoteEmbedder({ node: 'me', signals: bus.signals, clock, randomness: new Prng(1), nodes: async () => listed, cacheBytes: 1e6, limit })
  onTestFinished(() => remote.close())
  return {
    bus, clock, remote, problems,
    async start() {
      for (const [node, { embedder }] of Object.entries(nodes)) {
        if (embedder === undefined) continue
        const server = await serveEmbeddings({ node, signals: bus.signals, clock, embedder, onProblem: (error) => problems.push(error) })
        onTestFinished(() => server.stop())
      }
    },
  }
}

const lengths = ({ vectors }: { vectors: Float32Array[] }): number[] => vectors.map(([length]) => length!)

describe('a node that asks others', () => {
  it('asks the holder of the role, remembers vectors, and sends large calls in pieces', async () => {
    const [a, b] = [fake('m@1'), fake('m@1')]
    const { remote, start } = world({ a: { embedder: a }, b: { embedder: b, holds: true } }, 1_000)
    await start()
    const texts = Array.from({ length: 150 }, (_, index) => 'x'.repeat(index + 1))
    const made = await remote.embed(texts)
    expect(lengths(made)).toEqual(texts.map(({ length }) => length))
    expect(made).toMatchObject({ model: 'm@1', dimension: 2, hashes: texts.map((text) => hashOf('m@1', 'passage', text)) })
    expect(a.asked).toEqual([])
    expect(b.asked.map(({ length }) => length)).toEqual([0, 64, 64, 22])
    const again = await remote.embed(['x', 'y'.repeat(50_000)], { purpose: 'passage' })
    expect(again.cached).toEqual([true, false])
    expect(b.asked.at(-1)![0]!.length).toBe(100 * 128 + 4_096)
    expect((await remote.embed(['x'], { purpose: 'query' })).vectors[0]![1]).toBe(1)
    expect(remote.stats().failovers).toBe(0)
  })

  it('goes to the next when one is silent, and stays with it', async () => {
    const b = fake('m@1')
    const { remote, start, clock } = world({ a: { holds: true }, b: { embedder: b } })
    await start()
    const made = remote.embed(['abc'])
    await clock.advance(silenceMs + 10)
    expect(lengths(await made)).toEqual([3])
    expect(lengths(await remote.embed(['abcd']))).toEqual([4])
    expect(remote.stats()).toEqual({ requests: 4, failovers: 1 })
  })

  it('waits for one that says it is at work, however long, and no longer than it says so', async () => {
    const [a, b] = [fake('m@1'), fake('m@1')]
    const { remote, start, clock } = world({ a: { embedder: a }, b: { embedder: b } })
    await start()
    await remote.info()
    a.held = true
    const made = remote.embed(['abc'])
    await clock.advance(60_000)
    expect(b.asked).toEqual([])
    a.release[0]!()
    expect(lengths(await made)).toEqual([3])
  })

  it('passes over a node with another model, and takes to the other one when there is no more of the first', async () => {
    const [a, b] = [fake('m@1'), fake('m@1')]
    const nodes = { a: { embedder: a, holds: true }, b: { embedder: b } }
    const { remote, start, clock } = world(nodes)
    await start()
    expect((await remote.embed(['x'])).model).toBe('m@1')
    a.info = async () => ({ key: 'm@2', dimension: 2, maxTokens: 100 })
    expect((await remote.embed(['xy'])).model).toBe('m@1')
    expect(b.asked.at(-1)).toEqual(['xy'])
    b.info = a.info
    await expect(remote.embed(['xyz'])).rejects.toThrow(/m@1 was asked for/)
    await expect(remote.embed(['xyz'])).rejects.toThrow(EmbedderUnavailable)
    await clock.advance(5_001)
    expect((await remote.embed(['xyz'])).model).toBe('m@2')
  })

  it('says so when nobody offers the role, when nobody answers, and when the shared store is away; then rests', async () => {
    const none = world({})
    await expect(none.remote.embed(['x'])).rejects.toThrow(/no node offers the role "embedding"/)
    const silent = world({ a: {}, b: {} })
    const made = expect(silent.remote.embed(['x'])).rejects.toThrow(/a: .*nothing was heard of it for 3500 ms; b: .*nothing was heard/)
    await silent.clock.advance(2 * silenceMs + 10)
    await made
    const before = silent.bus.said.length
    await expect(silent.remote.embed(['x'])).rejects.toThrow(EmbedderUnavailable)
    expect(silent.bus.said.length).toBe(before)
    const away = world({ a: { embedder: fake('m@1') } })
    await away.start()
    away.bus.broken = true
    await expect(away.remote.embed(['x'])).rejects.toThrow(/the shared store is away/)
  })

  it('is not misled by what else is said on the channel', async () => {
    const a = fake('m@1')
    const { remote, start, bus } = world({ a: { embedder: a } })
    await start()
    await remote.info()
    a.held = true
    const made = remote.embed(['x'])
    while (a.release.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const { id } = JSON.parse(bus.said.filter(({ channel }) => channel === requestChannel('a')).at(-1)!.payload) as { id: string }
    for (const payload of ['', '{', 'null', '{"id":"other","kind":"refused","problem":"x"}', JSON.stringify({ id, kind: 'answered', vectors: 7 })]) await bus.signals.publish(replyChannel('me'), payload)
    for (const payload of ['', '[]', '{"id":1}']) await bus.signals.publish(requestChannel('a'), payload)
    a.release[0]!()
    expect(lengths(await made)).toEqual([1])
    // Vectors of another size than promised are no answer.
    a.held = true
    const short = remote.embed(['xy'])
    while (a.release.length === 1) await new Promise((resolve) => setImmediate(resolve))
    const last = JSON.parse(bus.said.filter(({ channel }) => channel === requestChannel('a')).at(-1)!.payload) as { id: string }
    await bus.signals.publish(replyChannel('me'), JSON.stringify({ id: last.id, kind: 'answered', model: 'm@1', dimension: 2, maxTokens: 100, vectors: 'AAAA' }))
    await expect(short).rejects.toThrow(/ask again/)
    a.release[1]!()
  })

  it('asks again after a gap, is refused when too much is on its way, and goes away when told', async () => {
    const a = fake('m@1')
    const { remote, start, bus } = world({ a: { embedder: a }, b: { embedder: fake('m@1') } }, 3)
    await start()
    await remote.info()
    a.held = true
    const made = remote.embed(['x', 'xy'])
    while (a.release.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await expect(remote.embed(['1', '2'])).rejects.toThrow(EmbedderBusy)
    bus.gap(replyChannel('me'))
    expect(lengths(await made)).toEqual([1, 2])
    const controller = new AbortController()
    const gone = remote.embed(['abc'], { signal: controller.signal })
    controller.abort()
    await expect(gone).rejects.toThrow(Cancelled)
    await remote.close()
    await expect(remote.embed(['abcd'])).rejects.toThrow(/the embedder is closed/)
  })

  it('goes to the next when one has too many requests, or fails', async () => {
    const a = fake('m@1')
    const { remote, start, bus } = world({ a: { embedder: a, holds: true }, b: { embedder: fake('m@1') } })
    await start()
    await remote.info()
    a.held = true
    for (let more = 0; more < 32; more++) await bus.signals.publish(requestChannel('a'), JSON.stringify({ id: `${more}`, from: 'else', purpose: 'query', texts: ['x'] }))
    expect(lengths(await remote.embed(['xyz']))).toEqual([3])
    expect(a.asked.flat()).not.toContain('xyz')
    expect(bus.said.some(({ payload }) => payload.includes('32 requests are waiting already'))).toBe(true)
  })
})

// ------------------------------------------------------------ hives on a Redis

async function hiveWith(options: HiveOptions): Promise<Hive> {
  const hive = await createHive({ dataDir: join(temporaryFolder(), 'data'), log: { level: 'silent' }, ...options })
  onTestFinished(() => hive.stop())
  return hive
}

async function node(redis: { url: string; prefix: string }, id: string, model: string): Promise<ChildProcess> {
  const child = fork(new URL('./remote-node.ts', import.meta.url).pathname, [redis.url, redis.prefix, join(temporaryFolder(), 'data'), id, model], { execArgv: ['--import', 'tsx'] })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
  expect(said).toBe('ready')
  return child
}

describe('hives on one Redis', () => {
  it('embed for one that has no model; one is killed in the middle, then the other', async () => {
    const redis = sharedRedis()
    const path = modelFolder({ graph: layeredGraph() })
    const [one, two] = await Promise.all([node(redis, 'one', path), node(redis, 'two', path)])
    const client = await hiveWith({ redis: redis.url, prefix: redis.prefix, embedder: { where: 'remote' } })
    const local = await hiveWith({ embedder: { model: path } })
    const texts = Array.from({ length: 1_500 }, (_, index) => `red ${'deep '.repeat(index % 20)}blue ${index}`)
    await client.embed(['first'])
    const made = client.embed(texts)
    while ((await client.metrics())['embedder.remote.requests']! < 4) await new Promise((resolve) => setImmediate(resolve))
    one.kill('SIGKILL')
    const { vectors, model } = await made
    const expected = await local.embed(texts)
    expect(model).toBe(expected.model)
    for (const [at, vector] of vectors.entries()) for (const [index, value] of vector.entries()) expect(Math.abs(value - expected.vectors[at]![index]!)).toBeLessThan(1e-5)

    await client.memory.store({ text: 'the gateway times out after 30 seconds' })
    two.kill('SIGKILL')
    await once(two, 'exit')
    await expect(client.embed(['never seen'])).rejects.toThrow(EmbedderUnavailable)
    const { mode, notice, hits } = await client.memory.recall({ query: 'gateway times' })
    expect({ mode, found: hits.length }).toEqual({ mode: 'keyword', found: 1 })
    expect(notice).toMatch(/embedded/)
  }, 60_000)

  it('help one whose own model cannot be used, unless it wants none of it', async () => {
    const redis = sharedRedis()
    const broken = { model: join(temporaryFolder(), 'nowhere') }
    await node(redis, 'one', modelFolder({ graph: lookUpGraph() }))
    const auto = await hiveWith({ redis: redis.url, prefix: redis.prefix, embedder: broken })
    expect((await auto.embed(['red'])).model).toMatch(/^tiny@/)
    const local = await hiveWith({ redis: redis.url, prefix: redis.prefix, embedder: { ...broken, where: 'local' } })
    await expect(local.embed(['red'])).rejects.toThrow(ModelUnusable)
    const alone = await hiveWith({ redis: redis.url, prefix: `${redis.prefix}x:`, embedder: broken })
    await expect(alone.embed(['red'])).rejects.toThrow(ModelUnusable)
    const embedded = await hiveWith({ embedder: { where: 'remote' } })
    await expect(embedded.embed(['red'])).rejects.toThrow(/without a shared store/)
  }, 60_000)
})
