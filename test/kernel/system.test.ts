import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import { createWorld, gate, steadyRandomness } from './world.ts'

const fragile = defineActor({
  name: 'fragile',
  handlers: {
    boom: () => {
      throw new Error('boom')
    },
    incarnation: (_, ctx) => ctx.incarnation,
    hold: (message: { until: Promise<unknown> }) => message.until,
    later: (message: { ms: number }, ctx) => void ctx.after(message.ms, { type: 'boom' }),
    log: (_, ctx) => ctx.log.info({}, 'hello'),
  },
})

describe('the system', () => {
  it('is not hurt by an observer or a logger that throws', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const broken = (): never => {
      throw new Error('broken')
    }
    const { system } = createWorld({ onEvent: broken, logger: { debug: broken, info: broken, warn: broken, error: broken } })
    const ref = await system.spawn(fragile, { supervision: { backoff: { maxMs: 0 } } })
    ref.tell({ type: 'boom' })
    expect(await ref.ask({ type: 'incarnation' })).toBe(2)
    ref.tell({ type: 'log' })
    expect(await ref.ask({ type: 'incarnation' })).toBe(2)
    await system.stop()
    expect(warned).toHaveBeenCalledWith(expect.stringMatching(/the logger failed \(broken\)/))
    warned.mockRestore()
  })

  it('says what an observer threw', async () => {
    const { system, lines } = createWorld({
      onEvent: () => {
        throw new Error('observer')
      },
    })
    await system.spawn(fragile)
    expect(lines).toEqual(['error the observer of the actor system failed: observer'])
  })

  it('tells a handler that is stuck by its progress', async () => {
    const { system, clock } = createWorld()
    const stuck = await system.spawn(fragile, { id: 'stuck' })
    const well = await system.spawn(fragile, { id: 'well' })
    const until = gate()
    stuck.tell({ type: 'hold', until: until.promise })
    stuck.tell({ type: 'incarnation' })
    await clock.advance(300)
    well.tell({ type: 'hold', until: until.promise })
    await clock.advance(100)
    expect(system.stuck(400)).toMatchObject([{ id: 'stuck', busyMs: 400, handled: 1, mailbox: 1, kind: 'handlers', name: 'fragile' }])
    expect(system.stuck(100).map((node) => node.id)).toEqual(['stuck', 'well'])
    until.open()
    await clock.settle()
    expect(system.stuck(0)).toEqual([])
    expect(system.tree().children[0]).toMatchObject({ handled: 2, mailbox: 0 })
  })

  it('sends later what an actor asks for, and nothing after its incarnation', async () => {
    const { system, clock, story } = createWorld()
    const ref = await system.spawn(fragile, { id: 'f', supervision: { backoff: { maxMs: 0 } } })
    const until = gate()
    ref.tell({ type: 'later', ms: 100 })
    ref.tell({ type: 'later', ms: 100 })
    ref.tell({ type: 'later', ms: 200 })
    ref.tell({ type: 'hold', until: until.promise })
    // Both are in the mailbox when the first of them fails the actor.
    await clock.advance(100)
    expect(story()).toEqual(['started f'])
    until.open()
    await clock.settle()
    expect(story()).toEqual(['started f', 'crashed f', 'dead crashed', 'restarted f'])
    await clock.advance(1000)
    expect(clock.timers).toBe(0)
    expect(await ref.ask({ type: 'incarnation' })).toBe(2)
  })

  it('does not starve the event loop while actors keep each other busy', async () => {
    const system = createActorSystem({ randomness: steadyRandomness, logger: createWorld().system.logger })
    let rounds = 0
    let going = true
    const ball = defineActor({
      name: 'ball',
      handlers: {
        hit: (message: { back: () => void }) => {
          rounds++
          if (going) message.back()
        },
        slowly: async (message: { back: () => void }) => {
          await null
          rounds++
          if (going) message.back()
        },
      },
    })
    for (const type of ['hit', 'slowly'] as const) {
      going = true
      rounds = 0
      const a = await system.spawn(ball)
      const b = await system.spawn(ball)
      const toA = (): void => a.tell({ type, back: toB })
      const toB = (): void => b.tell({ type, back: toA })
      toA()
      // Would never fire if messages were handled in microtasks alone.
      await new Promise<void>((resolve) => systemClock.timer(5, resolve))
      going = false
      expect(rounds).toBeGreaterThan(0)
    }
    await system.stop()
  })

  it('gives each actor its turn', async () => {
    const { system, clock } = createWorld()
    const order: string[] = []
    const definition = defineActor({ name: 'x', handlers: { n: (_message: {}, ctx) => void order.push(ctx.id) } })
    const greedy = await system.spawn(definition, { id: 'greedy' })
    const modest = await system.spawn(definition, { id: 'modest' })
    for (let n = 0; n < 500; n++) greedy.tell({ type: 'n' })
    modest.tell({ type: 'n' })
    await clock.settle()
    expect(order.indexOf('modest')).toBeLessThan(100)
    expect(order).toHaveLength(501)
  })
})
