import { afterEach, describe, expect, it } from 'vitest'
import type { Membership } from '../../actors/room/types.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import type { Log } from '../../src/store/ports.ts'
import { createModelLog } from '../contract/log-model.ts'
import { collector, createNode, gate, type Node } from './fixture.ts'

/** What the rooms of a node share, so that many cost little. */
describe('rooms of one node', () => {
  const nodes: Node[] = []
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()))
  })

  /** A log that counts calls; nodes on it are two processes of one hive. */
  const counted = (): { log: Log; calls: Record<string, number> } => {
    const calls: Record<string, number> = {}
    const model = createModelLog(() => Date.now())
    const log = new Proxy(model, {
      get(target, key) {
        const value = Reflect.get(target, key) as unknown
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          calls[String(key)] = (calls[String(key)] ?? 0) + 1
          return (value as (...rest: unknown[]) => unknown).apply(target, args)
        }
      },
    })
    return { log, calls }
  }
  const node = (log: Log, name = 'n1'): Node => {
    const created = createNode({ log, name })
    nodes.push(created)
    return created
  }

  it('listens to the log once, whatever the number of rooms and readers', async () => {
    const { log, calls } = counted()
    const { rooms } = node(log)
    const opened = await Promise.all(Array.from({ length: 500 }, (_, n) => rooms.open(`room-${n}`)))
    for (const room of opened.slice(0, 50)) {
      await room.join('ada', () => {})
      await room.work('g', () => {})
    }
    expect(calls['listen']).toBe(1)
    const before = { ...calls }
    const seen = collector<string>()
    await opened[7]!.join('bo', (message) => seen.add(message.data.text))
    await opened[7]!.post('text', { text: 'only here' })
    await seen.reached(1)
    // Members get what this node posts without a read; the worker takes it; nobody else looks.
    expect((calls['range'] ?? 0) - (before['range'] ?? 0)).toBeLessThanOrEqual(2)
    expect(calls['take']! - before['take']!).toBeLessThanOrEqual(2)
  })

  it('reads a message of another node once for all members', async () => {
    const { log, calls } = counted()
    const [here, there] = [node(log), node(log, 'n2')]
    const room = await here.rooms.open('hall')
    const remote = await there.rooms.open('hall')
    const seen = collector<string>()
    for (let n = 0; n < 20; n++) await room.join(`m${n}`, (message) => seen.add(message.data.text))
    const before = calls['range'] ?? 0
    for (let n = 0; n < 10; n++) {
      await remote.post('text', { text: String(n) })
      await seen.reached(20 * (n + 1))
    }
    expect(calls['range']! - before).toBeLessThanOrEqual(25)
  })

  it('lets a slow member lag without holding the others up, and loses nothing for it', async () => {
    const { rooms } = node(createModelLog(() => Date.now()))
    const room = await rooms.open('hall')
    const hold = gate()
    const [fast, slow] = [collector<number>(), collector<number>()]
    await room.join('fast', (message) => fast.add(message.data.n))
    await room.join('slow', async (message) => {
      await hold.promise
      slow.add(message.data.n)
    })
    for (let n = 0; n < 1_000; n++) await room.post('test.task', { n })
    await fast.reached(1_000)
    expect(slow.values).toEqual([])
    hold.open()
    expect(await slow.reached(1_000)).toEqual(fast.values)
  })

  it('moves a cursor once for many messages, soon after, and at the latest when the member leaves', async () => {
    const { log, calls } = counted()
    const clock = new VirtualClock()
    const created = createNode({ log, clock })
    const room = await created.rooms.open('hall')
    const seen = collector<number>()
    let member: Membership = await room.join('ada', (message) => seen.add(message.data.n))
    await room.postMany(Array.from({ length: 10 }, (_, n) => ({ type: 'test.task', data: { n } })))
    await seen.reached(10)
    expect(calls['commit'] ?? 0).toBe(0)
    await clock.advance(25)
    await expect.poll(() => member.cursor).toMatch(/-10$/)
    expect(calls['commit']).toBe(1)
    await room.post('test.task', { n: 10 })
    await seen.reached(11)
    await member.stop()
    expect(member.cursor).toMatch(/-11$/)
    member = await room.join('ada', () => {}, { from: 'start' })
    expect(member.cursor).toMatch(/-11$/)
    const stopping = created.stop()
    await clock.advance(10_000)
    await stopping
  })

  it('waits longer and longer between attempts, by its own clock', async () => {
    const clock = new VirtualClock()
    const created = createNode({ log: createModelLog(() => clock.now()), clock, limits: { retry: { minMs: 1_000, maxMs: 8_000 } } })
    const room = await created.rooms.open('hall')
    const attempts = collector<number>()
    await room.work('g', (_, ctx) => {
      attempts.add(ctx.attempt)
      throw new Error('no')
    }, { maxAttempts: 4 })
    await room.post('text', { text: 'x' })
    await attempts.reached(1)
    for (const [count, ms] of [[2, 1_000], [3, 2_000], [4, 4_000]] as const) {
      await clock.advance(ms)
      await attempts.reached(count)
    }
    await expect.poll(async () => (await room.deadLetters()).length).toBe(1)
    expect(attempts.values).toEqual([1, 2, 3, 4])
    const stopping = created.stop()
    await clock.advance(10_000)
    await stopping
  })
})
