import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import { createWorld, gate } from './world.ts'
import type { Gate } from './world.ts'

function worker() {
  const done: number[] = []
  const doors: Gate[] = []
  const log: string[] = []
  const definition = defineActor({
    name: 'worker',
    handlers: {
      quick: (message: { n: number }) => void done.push(message.n),
      slow: async (message: { n: number }, ctx) => {
        ctx.signal.addEventListener('abort', () => log.push('abort'))
        const door = gate()
        doors.push(door)
        await door.promise
        done.push(message.n)
        return message.n
      },
      stopSelf: async (message: { n: number }, ctx) => {
        await ctx.self.stop({ graceMs: 10 })
        done.push(message.n)
      },
      stopSelfAtOnce: (message: { n: number }, ctx) => {
        void ctx.self.stop()
        log.push(ctx.signal.aborted ? 'cut off' : 'still here')
        done.push(message.n)
      },
    },
    stop: (_ctx, reason) => void log.push(`stop ${reason.kind}`),
  })
  return { done, doors, log, definition }
}

describe('stop', () => {
  it('is harmless twice, resolves when the actor has ended, and frees its id', async () => {
    const { system } = createWorld()
    const { definition, log } = worker()
    const ref = await system.spawn(definition, { id: 'w' })
    await Promise.all([ref.stop(), ref.stop()])
    await ref.stop()
    expect(log).toEqual(['stop stopped'])
    expect(system.lookup('w')).toBeUndefined()
    const again = await system.spawn(definition, { id: 'w' })
    expect(system.lookup('w')).toBe(again)
    ref.tell({ type: 'quick', n: 1 })
    expect(system.deadLetters.list()).toMatchObject([{ target: 'w', reason: 'stopped' }])
  })

  it('lets the message in hand finish and gives those waiting to dead letters', async () => {
    const { system, clock } = createWorld()
    const { definition, done, doors, log } = worker()
    const ref = await system.spawn(definition)
    const asked = ref.ask({ type: 'slow', n: 1 })
    ref.tell({ type: 'quick', n: 2 })
    await clock.settle()
    const stopped = ref.stop()
    expect(log).toEqual(['abort'])
    expect(system.tree().children[0]?.state).toBe('stopping')
    ref.tell({ type: 'quick', n: 3 })
    doors[0]?.open()
    expect(await asked).toBe(1)
    await stopped
    expect(done).toEqual([1])
    expect(log).toEqual(['abort', 'stop stopped'])
    expect(system.deadLetters.list().map((letter) => (letter.message as unknown as { n: number }).n).sort()).toEqual([2, 3])
    expect(clock.timers).toBe(0)
  })

  it('drains what was accepted when asked to, and takes no more', async () => {
    const { system, clock } = createWorld()
    const { definition, done, doors, log } = worker()
    const ref = await system.spawn(definition)
    ref.tell({ type: 'slow', n: 1 })
    for (let n = 2; n < 6; n++) ref.tell({ type: 'quick', n })
    await clock.settle()
    const stopped = ref.stop({ drainMs: 1000 })
    ref.tell({ type: 'quick', n: 9 })
    expect(log).toEqual([])
    await clock.advance(500)
    doors[0]?.open()
    await stopped
    expect(done).toEqual([1, 2, 3, 4, 5])
    expect(log).toEqual(['abort', 'stop stopped'])
    expect(system.deadLetters.list()).toMatchObject([{ message: { n: 9 }, reason: 'stopped' }])
    expect(clock.timers).toBe(0)
  })

  it('stops draining at the deadline and abandons a handler after the grace', async () => {
    const { system, clock } = createWorld()
    const { definition, doors, log, done } = worker()
    const ref = await system.spawn(definition)
    const asked = ref.ask({ type: 'slow', n: 1 }, { timeoutMs: 60_000 }).catch((error: { code: string }) => error.code)
    ref.tell({ type: 'quick', n: 2 })
    await clock.settle()
    let ended = false
    const stopped = ref.stop({ drainMs: 1000, graceMs: 200 }).then(() => (ended = true))
    await clock.advance(1000)
    expect(log).toEqual(['abort'])
    await clock.advance(199)
    expect(ended).toBe(false)
    await clock.advance(1)
    await stopped
    expect(await asked).toBe('actor_stopped')
    doors[0]?.open()
    await clock.settle()
    expect(system.deadLetters.list().map((letter) => letter.reason)).toEqual(['interrupted', 'stopped'])
    expect(log).toEqual(['abort', 'stop stopped'])
    expect(done).toEqual([1])
  })

  it('does not wait for a stop hook for ever, and outlives one that fails', async () => {
    const { system, clock, lines } = createWorld()
    const hanging = await system.spawn(defineActor({ name: 'hanging', handlers: {}, stop: () => gate().promise as Promise<void> }))
    const stopped = hanging.stop({ graceMs: 100 })
    await clock.advance(100)
    await stopped
    for (const stop of [() => Promise.reject(new Error('no close')), () => { throw new Error('no close') }]) {
      const failing = await system.spawn(defineActor({ name: 'failing', handlers: {}, stop }))
      await failing.stop()
    }
    expect(lines.filter((line) => /^error the stop hook of "failing-\d" failed: no close$/.test(line))).toHaveLength(2)
  })

  it('from within a handler does not stop under its feet', async () => {
    const { system, clock } = createWorld()
    const { definition, log, done } = worker()
    const ref = await system.spawn(definition)
    ref.tell({ type: 'stopSelfAtOnce', n: 1 })
    await system.watch(ref)
    expect(log).toEqual(['still here', 'stop stopped'])
    const other = await system.spawn(definition)
    other.tell({ type: 'stopSelf', n: 2 })
    await clock.settle()
    await clock.advance(10)
    expect(await system.watch(other)).toMatchObject({ reason: 'stopped' })
    await clock.settle()
    expect(done).toEqual([1, 2])
  })

  it('by itself waits for all handlers that run, and takes no more messages', async () => {
    const { system, clock } = createWorld()
    const doors: Gate[] = []
    const definition = defineActor({
      name: 'pool',
      concurrency: 3,
      handlers: {
        work: (_message: {}, ctx) => {
          const door = gate()
          doors.push(door)
          return door.promise.then(() => ctx.stop())
        },
      },
    })
    const ref = await system.spawn(definition)
    for (let n = 0; n < 2; n++) ref.tell({ type: 'work' })
    await clock.settle()
    doors[0]?.open()
    await clock.settle()
    ref.tell({ type: 'work' })
    await clock.settle()
    expect([doors.length, system.tree().children[0]?.state]).toEqual([2, 'running'])
    doors[1]?.open()
    expect(await system.watch(ref)).toMatchObject({ reason: 'finished' })
    expect(system.deadLetters.list()).toMatchObject([{ reason: 'stopped' }])
  })

  it('makes no dead letter of an ask that was given up', async () => {
    const { system, clock } = createWorld()
    const { definition, doors } = worker()
    const ref = await system.spawn(definition)
    ref.tell({ type: 'slow', n: 1 })
    const asked = expect(ref.ask({ type: 'quick', n: 2 }, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'ask_timeout' })
    await clock.advance(10)
    await asked
    const stopped = ref.stop()
    doors[0]?.open()
    await stopped
    expect(system.deadLetters.total).toBe(0)
  })

  it('ends an actor that waits to be restarted', async () => {
    const { system, clock } = createWorld()
    const definition = defineActor({
      name: 'fragile',
      handlers: {
        boom: () => {
          throw new Error('boom')
        },
      },
    })
    const ref = await system.spawn(definition)
    ref.tell({ type: 'boom' })
    await clock.settle()
    ref.tell({ type: 'boom' })
    await ref.stop()
    expect(clock.timers).toBe(0)
    expect(system.deadLetters.list().map((letter) => letter.reason)).toEqual(['crashed', 'stopped'])
  })

  it('takes a failure while it drains for the end', async () => {
    const { system, clock, story } = createWorld()
    const { definition, doors } = worker()
    const ref = await system.spawn(definition, { id: 'w' })
    ref.tell({ type: 'slow', n: 1 })
    await clock.settle()
    const stopped = ref.stop({ drainMs: 1000 })
    doors[0]?.fail(new Error('boom'))
    await stopped
    expect(story()).toEqual(['started w', 'crashed w', 'dead crashed', 'stopped w'])
  })
})

describe('the system', () => {
  it('stops everything in reverse, once, and spawns nothing more', async () => {
    const { system } = createWorld()
    const log: string[] = []
    const definition = defineActor({ name: 'x', handlers: {}, stop: (ctx) => void log.push(ctx.id) })
    for (const id of ['a', 'b', 'c']) await system.spawn(definition, { id })
    const stopping = Promise.all([system.stop(), system.stop()])
    await expect(system.spawn(definition)).rejects.toMatchObject({ code: 'spawn_refused' })
    await stopping
    expect(log).toEqual(['c', 'b', 'a'])
    expect(system.tree()).toMatchObject({ id: 'user', state: 'stopped', children: [] })
    await createWorld().system.stop()
  })

  it('shares one drain deadline among all', async () => {
    const { system, clock } = createWorld()
    const definition = worker().definition
    for (let n = 0; n < 3; n++) (await system.spawn(definition)).tell({ type: 'slow', n })
    await clock.settle()
    let ended = false
    const stopped = system.stop({ drainMs: 1000, graceMs: 10 }).then(() => (ended = true))
    await clock.advance(1030)
    expect(ended).toBe(true)
    await stopped
    expect(clock.timers).toBe(0)
  })

  it('refuses to spawn for an incarnation that has ended', async () => {
    const { system, clock } = createWorld()
    const inner = defineActor({ name: 'inner', handlers: {} })
    const outcomes: string[] = []
    const definition = defineActor({
      name: 'outer',
      handlers: {
        go: async (_message: {}, ctx) => {
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
          await ctx.spawn(inner).catch((error: { code: string }) => outcomes.push(error.code))
        },
      },
    })
    const ref = await system.spawn(definition)
    ref.tell({ type: 'go' })
    await clock.settle()
    await ref.stop()
    expect(outcomes).toEqual(['spawn_refused'])
  })
})
