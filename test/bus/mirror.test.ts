import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBus } from '../../src/bus/bus.ts'
import { encodeFrame } from '../../src/bus/frame.ts'
import { createMirror } from '../../src/bus/mirror.ts'
import { InvalidArgument, StoreUnavailable } from '../../src/kernel/errors.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { FakeHub, type FakeLink } from './fake-signals.ts'
import { happen, numbers, startNode, testCatalogue, tick, type NodeOptions, type TestNode } from './nodes.ts'
import { countingRandomness } from './randomness.ts'

let hub: FakeHub
let clock: VirtualClock
let nodes: TestNode[]
let linkA: FakeLink
let linkB: FakeLink

beforeEach(() => {
  hub = new FakeHub()
  clock = new VirtualClock()
  nodes = []
  linkA = hub.link()
  linkB = hub.link()
})

afterEach(async () => {
  for (const { mirror } of nodes) {
    const stopped = mirror.stop()
    await clock.advance(1_000)
    await stopped
  }
  expect(clock.timers, 'no timer is left behind').toBe(0)
})

async function node(id: string, link: FakeLink, options?: NodeOptions): Promise<TestNode> {
  const started = await startNode(id, link, clock, options)
  nodes.push(started)
  return started
}

async function pair(options?: NodeOptions): Promise<[TestNode, TestNode]> {
  const both: [TestNode, TestNode] = [await node('a', linkA, options), await node('b', linkB, options)]
  await clock.settle()
  return both
}

const envelope = (n: number, id = `x${n}`): string => JSON.stringify({ id, type: 'test.happened', source: 'a', time: 1, data: { n } })

describe('between two nodes', () => {
  it('messages arrive once, in order, and not back at their sender', async () => {
    const [a, b] = await pair()
    happen(a, 1, 2)
    tick(a, 10)
    happen(a, 3)
    await clock.settle()
    happen(b, 4)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
    expect(numbers(b.ticked)).toEqual([10])
    expect(numbers(a.happened)).toEqual([4])
    expect(a.mirror.stats()).toMatchObject({ ownEchoes: expect.any(Number), delivered: 1, resyncs: 0 })
    expect(b.mirror.stats()).toMatchObject({ delivered: 4, lost: 0, resyncs: 0 })
  })

  it('a burst of one turn travels in few frames that are JSON a person can read', async () => {
    const [a, b] = await pair()
    for (let n = 0; n < 500; n++) happen(a, n)
    await clock.settle()
    expect(numbers(b.happened)).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(a.mirror.stats().mustArrive.frames).toBeLessThan(5)
    expect(JSON.parse(hub.appended[0]!)).toMatchObject({ origin: 'a', epoch: 1, delivery: 'must-arrive', seq: 1, events: expect.arrayContaining([expect.objectContaining({ type: 'test.happened', data: { n: 0 } })]) })
  })

  it('local types stay, and are refused when they come from outside', async () => {
    const [a, b] = await pair()
    a.bus.publish('actor.started', { actor: 'x', incarnation: 1 })
    await clock.settle()
    expect(hub.appended).toEqual([])
    const started: unknown[] = []
    b.bus.on('actor.started').subscribe((message) => started.push(message))
    hub.publish('channel:events', encodeFrame({ origin: 'evil', epoch: 1, delivery: 'ephemeral', seq: 1 }, [JSON.stringify({ id: '1', type: 'actor.started', source: 'x', time: 1, data: { actor: 'x', incarnation: 1 } })]))
    await clock.settle()
    expect(started).toEqual([])
    expect(b.notices).toMatchObject([{ data: { direction: 'in', code: 'invalid_message' } }])
  })

  it('a node that joins later gets what is published from then on', async () => {
    const a = await node('a', linkA)
    happen(a, 1, 2)
    await clock.settle()
    const b = await node('b', linkB)
    happen(a, 3)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([3])
    expect(b.resyncs).toEqual([])
  })
})

describe('what pub/sub loses', () => {
  it('is caught up from the ring at the next message, in order', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    const { gaps } = b.mirror.stats()
    linkB.dropNext = 2
    happen(a, 2)
    await clock.settle()
    happen(a, 3)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    happen(a, 4)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3, 4])
    expect(b.mirror.stats()).toMatchObject({ gaps: gaps + 1, lost: 0, resyncs: 0 })
  })

  it('is caught up after a resubscription, and by the sweep when nothing follows', async () => {
    const [a, b] = await pair()
    linkB.dropNext = 1
    happen(a, 1)
    await clock.settle()
    linkB.resubscribe()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    linkB.dropNext = 1
    happen(a, 2)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    await clock.advance(5_000)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2])
  })

  it('includes the very first message of a sender', async () => {
    const [a, b] = await pair()
    linkB.dropNext = 1
    happen(a, 1)
    await clock.settle()
    happen(a, 2)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2])
  })

  it('is only counted for ephemeral messages', async () => {
    const [a, b] = await pair()
    for (const n of [1, 2, 3, 4]) {
      linkB.dropNext = n === 2 || n === 3 ? 1 : 0
      tick(a, n)
      await clock.settle()
    }
    expect(numbers(b.ticked)).toEqual([1, 4])
    expect(b.mirror.stats()).toMatchObject({ ephemeralLost: 2, resyncs: 0 })
  })

  it('is told as lost when the ring was truncated past it: which messages of whom', async () => {
    const [a, b] = await pair({ ringCap: 3 })
    happen(a, 1)
    await clock.settle()
    await clock.advance(5_000)
    await clock.settle()
    linkB.goDown()
    for (let n = 2; n <= 8; n++) {
      happen(a, n)
      await clock.settle()
    }
    linkB.comeUp()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 6, 7, 8])
    expect(b.resyncs).toEqual([{ reason: 'truncated' }, { reason: 'missing', origin: 'a', epoch: 1, from: 2, to: 5, count: 4 }])
    expect(b.mirror.stats()).toMatchObject({ lost: 4, resyncs: 2 })
  })

  it('is not told as lost when all of it was seen live before the ring dropped it', async () => {
    const [a, b] = await pair({ ringCap: 10 })
    for (let n = 1; n <= 100; n++) {
      happen(a, n)
      await clock.settle()
    }
    await clock.advance(5_000)
    await clock.settle()
    expect(numbers(b.happened)).toHaveLength(100)
    expect(b.resyncs).toEqual([])
  })

  it('is told when the store forgot the ring', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    linkB.goDown()
    happen(a, 2, 3)
    await clock.settle()
    hub.flush()
    linkB.comeUp()
    await clock.settle()
    happen(a, 4)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 4])
    expect(b.resyncs).toEqual([{ reason: 'missing', origin: 'a', epoch: 1, from: 2, to: 3, count: 2 }])
  })
})

describe('what comes twice or late', () => {
  it('is delivered once: ring and pub/sub, a repeated payload, an append whose answer was lost', async () => {
    const [a, b] = await pair()
    linkB.duplicateNext = 5
    linkA.loseReplies = 2
    happen(a, 1, 2)
    await clock.settle()
    await clock.advance(100)
    await clock.settle()
    await clock.advance(5_000)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2])
    expect(hub.appended.length).toBeGreaterThan(1)
    expect(b.mirror.stats().duplicates).toBeGreaterThan(2)
    expect(b.resyncs).toEqual([])
  })

  it('is put in order when a read of the ring overtakes the live message', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    linkB.delay()
    happen(a, 2)
    await clock.settle()
    linkB.resubscribe()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2])
    happen(a, 3)
    await clock.settle()
    linkB.release()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
  })
})

describe('restarts', () => {
  it('an earlier life of a node is ignored once its successor was heard', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    const a2 = await node('a', hub.link(), { epoch: 2 })
    happen(a2, 2)
    await clock.settle()
    happen(a, 99)
    tick(a2, 5)
    await clock.settle()
    tick(a, 98)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2])
    expect(numbers(b.ticked)).toEqual([5])
    expect(b.mirror.stats().stale).toBe(2)
    expect(a.notices).toMatchObject([{ type: 'bus.superseded', data: { node: 'a', epoch: 2 } }])
  })

  it('what a crashed node may not have sent is told; after an orderly stop there is nothing to tell', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    linkA.die()
    const a2 = await node('a', hub.link(), { epoch: 2 })
    happen(a2, 2)
    await clock.settle()
    expect(b.resyncs).toEqual([{ reason: 'restarted', origin: 'a', epoch: 1, from: 2 }])
    await a2.mirror.stop()
    const a3 = await node('a', hub.link(), { epoch: 3 })
    happen(a3, 3)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
    expect(b.resyncs).toHaveLength(1)
  })

  it('the end of an earlier life that was missed live is read before the new one', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    linkB.dropNext = 1
    happen(a, 2)
    await clock.settle()
    linkA.die()
    const a2 = await node('a', hub.link(), { epoch: 2 })
    happen(a2, 3)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
  })
})

describe('while the link is down', () => {
  it('must-arrive messages wait and go out on return, ephemeral ones are dropped and counted', async () => {
    const [a, b] = await pair()
    linkA.goDown()
    happen(a, 1, 2)
    tick(a, 10, 11)
    await clock.settle()
    expect(a.mirror.stats()).toMatchObject({ failure: 'the link is down', ephemeral: { dropped: 2 }, mustArrive: { dropped: 0 } })
    happen(a, 3)
    linkA.comeUp()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
    expect(b.ticked).toEqual([])
    expect(a.mirror.stats().failure).toBeUndefined()
  })

  it('they are sent again without a resubscription, after a back-off', async () => {
    const [a, b] = await pair()
    linkA.goDown()
    happen(a, 1)
    await clock.settle()
    Object.assign(linkA, { resubscribe: () => undefined })
    linkA.comeUp()
    await clock.settle()
    expect(b.happened).toEqual([])
    await clock.advance(5_000)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
  })

  it.each([['count', { maxWaiting: 3 }], ['bytes', { maxWaitingBytes: 300 }]])('too many of them (%s): the oldest are dropped, and the others are told which', async (_, bound) => {
    const [a, b] = await pair(bound)
    happen(a, 1)
    await clock.settle()
    linkA.goDown()
    happen(a, 2)
    await clock.settle()
    for (let n = 3; n <= 10; n++) happen(a, n)
    const { dropped, waiting, waitingBytes } = a.mirror.stats().mustArrive
    expect(dropped).toBe(8 - waiting)
    expect(waiting).toBeGreaterThan(0)
    expect(waiting).toBeLessThanOrEqual(3)
    expect(waitingBytes).toBeLessThanOrEqual(300 + 100)
    linkA.comeUp()
    await clock.settle()
    const kept = Array.from({ length: waiting }, (_unused, index) => 10 - waiting + 1 + index)
    expect(numbers(b.happened)).toEqual([1, 2, ...kept])
    expect(b.resyncs).toEqual([{ reason: 'overflowed', origin: 'a', epoch: 1, from: 3, to: 2 + dropped, count: dropped }])
  })

  it('ephemeral messages that pile up behind a hanging store are bounded', async () => {
    const [a] = await pair({ maxWaiting: 5 })
    Object.assign(linkA, { publish: () => new Promise(() => undefined) })
    tick(a, 0)
    await clock.settle()
    for (let n = 0; n < 100; n++) tick(a, n)
    expect(a.mirror.stats().ephemeral).toMatchObject({ waiting: 5, dropped: 95 })
  })

  it('the ring is read as soon as the store answers again', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await clock.settle()
    const read = linkB.readRing.bind(linkB)
    linkB.readRing = async () => { throw new StoreUnavailable('not yet') }
    linkB.dropNext = 1
    happen(a, 2)
    await clock.settle()
    happen(a, 3)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    expect(b.mirror.stats().failure).toBe('not yet')
    linkB.readRing = read
    await clock.advance(100)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 2, 3])
    expect(b.mirror.stats().failure).toBeUndefined()
  })
})

describe('bad input from the store', () => {
  it.each([
    ['no JSON', 'hello'],
    ['no frame', '{"origin":"a"}'],
    ['a negative sequence', encodeFrame({ origin: 'c', epoch: 1, delivery: 'must-arrive', seq: -1 }, [])],
    ['a fraction', encodeFrame({ origin: 'c', epoch: 1.5, delivery: 'must-arrive', seq: 1 }, [])],
    ['a prototype', '{"origin":"c","epoch":1,"delivery":"ephemeral","seq":1,"events":[{"__proto__":{"x":1}}]}'],
    ['a bad envelope', encodeFrame({ origin: 'c', epoch: 1, delivery: 'ephemeral', seq: 1 }, ['{"id":1}'])],
    ['an unknown type', encodeFrame({ origin: 'c', epoch: 1, delivery: 'ephemeral', seq: 1 }, ['{"id":"1","type":"nope","source":"x","time":1,"data":{}}'])],
    ['wrong data', encodeFrame({ origin: 'c', epoch: 1, delivery: 'ephemeral', seq: 1 }, ['{"id":"1","type":"test.ticked","source":"x","time":1,"data":{"n":"1"}}'])],
  ])('%s is refused and told, and harms nothing', async (_, payload) => {
    const [a, b] = await pair()
    hub.append('events', 100, payload)
    hub.publish('channel:events', payload)
    await clock.settle()
    happen(a, 1)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    expect(b.mirror.stats().refusedIn).toBeGreaterThan(0)
    expect(b.notices).toMatchObject([{ type: 'bus.message-refused', data: { direction: 'in' } }])
  })

  it('one bad message leaves its neighbours in the frame alone', async () => {
    const [, b] = await pair()
    const frame = encodeFrame({ origin: 'c', epoch: 1, delivery: 'must-arrive', seq: 1 }, [envelope(1), '{"id":5}', envelope(3)])
    hub.append('events', 100, frame)
    hub.publish('channel:events', frame)
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1, 3])
    expect(b.mirror.stats()).toMatchObject({ refusedIn: 1, resyncs: 0 })
  })

  it('what is too large is refused at the sender, and at the receiver', async () => {
    const catalogue = testCatalogue(1_000)
    const [a, b] = await pair({ catalogue })
    a.bus.publish('test.happened', { n: 1, pad: 'x'.repeat(20_000) })
    hub.publish('channel:events', encodeFrame({ origin: 'c', epoch: 1, delivery: 'ephemeral', seq: 1 }, [JSON.stringify('y'.repeat(200_000))]))
    happen(a, 2)
    await clock.settle()
    expect(a.notices[0]).toMatchObject({ data: { direction: 'out', code: 'message_too_large' } })
    expect(b.notices).toMatchObject([{ data: { direction: 'in', code: 'message_too_large' } }])
    expect(numbers(b.happened)).toEqual([2])
    expect(b.resyncs).toEqual([])
  })

  it('data that is no JSON stays at home and is told', async () => {
    const [a, b] = await pair()
    a.bus.publish('test.happened', { n: 1n } as never)
    happen(a, 2)
    await clock.settle()
    expect(a.notices).toMatchObject([{ data: { direction: 'out', code: 'invalid_message' } }])
    expect(numbers(b.happened)).toEqual([2])
  })

  it('is told at most once in 10 s for each kind', async () => {
    const [, b] = await pair()
    for (let n = 0; n < 20; n++) hub.publish('channel:events', 'garbage')
    await clock.settle()
    await clock.advance(10_000)
    hub.publish('channel:events', 'garbage')
    await clock.settle()
    expect(b.notices).toMatchObject([{ data: { count: 1 } }, { data: { count: 20 } }])
  })
})

describe('life of a mirror', () => {
  it('starting fails while the store is down, and may be tried again', async () => {
    linkA.goDown()
    await expect(startNode('a', linkA, clock)).rejects.toThrow(StoreUnavailable)
    linkA.comeUp()
    const again = await node('a', linkA)
    await again.mirror.start()
    expect(hub.subscribers.size).toBe(1)
  })

  it('stopping sends what waits, says goodbye, ends the subscription, and is harmless twice or before the start', async () => {
    const [a, b] = await pair()
    happen(a, 1)
    await Promise.all([a.mirror.stop(), a.mirror.stop()])
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
    expect(JSON.parse(hub.appended.at(-1)!)).toMatchObject({ origin: 'a', seq: 2, final: true, events: [] })
    expect(hub.subscribers.size).toBe(1)
    happen(a, 2)
    await a.mirror.start()
    await clock.settle()
    expect(numbers(b.happened)).toEqual([1])
  })

  it('stopping gives up after the deadline when the store hangs', async () => {
    const [a] = await pair()
    Object.assign(linkA, { ring: () => new Promise(() => undefined) })
    happen(a, 1)
    await clock.settle()
    happen(a, 2)
    const stopped = a.mirror.stop({ drainMs: 200 })
    await clock.settle()
    await clock.advance(200)
    await stopped
    expect(a.mirror.stats().mustArrive).toMatchObject({ waiting: 0, dropped: 1 })
  })

  it('what is published before it has joined must arrive too; what is ephemeral is dropped', async () => {
    const b = await node('b', linkB)
    const catalogue = testCatalogue()
    const randomness = countingRandomness()
    const bus = createBus({ catalogue, clock, randomness, source: 'a' })
    let epoch: number | undefined
    const mirror = createMirror({
      bus, signals: linkA, catalogue, origin: 'a', clock, randomness, maxWaiting: 2,
      epoch() {
        if (epoch === undefined) throw new StoreUnavailable('not reached yet')
        return epoch
      },
    })
    nodes.push({ mirror } as TestNode)
    for (const n of [1, 2, 3]) bus.publish('test.happened', { n })
    bus.publish('test.ticked', { n: 10 })
    await expect(mirror.start()).rejects.toThrow(StoreUnavailable)
    epoch = 7
    await mirror.start()
    await clock.settle()
    bus.publish('test.happened', { n: 4 })
    await clock.settle()
    expect(numbers(b.happened)).toEqual([2, 3, 4])
    expect(b.ticked).toEqual([])
    expect(b.resyncs).toEqual([{ reason: 'overflowed', origin: 'a', epoch: 7, from: 1, to: 1, count: 1 }])
    expect(mirror.stats().ephemeral).toMatchObject({ dropped: 1, frames: 0 })
  })

  it('a mirror that never joined ends without a word', async () => {
    const bus = createBus({ catalogue: testCatalogue(), clock, randomness: countingRandomness(), source: 'a' })
    const mirror = createMirror({ bus, signals: linkA, catalogue: testCatalogue(), origin: 'a', clock, randomness: countingRandomness(), epoch: () => 1 })
    bus.publish('test.happened', { n: 1 })
    await mirror.stop()
    bus.publish('test.happened', { n: 2 })
    expect(hub.appended).toEqual([])
    expect(mirror.stats().mustArrive).toMatchObject({ dropped: 1, waiting: 0 })
  })

  it('wants a node id and a whole epoch', async () => {
    await expect(startNode('', linkA, clock)).rejects.toThrow(InvalidArgument)
    await expect(startNode('a', linkA, clock, { epoch: 1.5 })).rejects.toThrow(InvalidArgument)
  })
})
