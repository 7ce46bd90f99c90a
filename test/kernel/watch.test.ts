import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import type { AnyRef, Terminated } from '../../src/kernel/types.ts'
import { createWorld } from './world.ts'

const target = defineActor({
  name: 'target',
  handlers: {
    boom: () => {
      throw new Error('boom')
    },
  },
})

function watcher() {
  const told: Terminated[] = []
  const definition = defineActor({
    name: 'watcher',
    state: (_input: undefined, ctx) => void ctx.incarnation,
    handlers: {
      watch: (message: { ref: AnyRef }, ctx) => ctx.watch(message.ref),
      unwatch: (message: { ref: AnyRef }, ctx) => ctx.unwatch(message.ref),
      terminated: (message: Terminated) => void told.push(message),
      boom: () => {
        throw new Error('boom')
      },
      hold: (message: { until: Promise<unknown> }) => message.until,
      told: () => told.length,
    },
  })
  return { told, definition }
}

describe('watch', () => {
  it('tells once that an actor has ended, not that it was restarted', async () => {
    const { system, clock } = createWorld()
    const { told, definition } = watcher()
    const watching = await system.spawn(definition)
    const ref = await system.spawn(target, { id: 't', supervision: { backoff: { maxMs: 0 } } })
    watching.tell({ type: 'watch', ref })
    watching.tell({ type: 'watch', ref })
    ref.tell({ type: 'boom' })
    await clock.settle()
    expect(told).toEqual([])
    await ref.stop()
    await clock.settle()
    expect(told).toEqual([{ type: 'terminated', id: 't', incarnation: 2, reason: 'stopped' }])
  })

  it('tells at once of an actor that has ended', async () => {
    const { system, clock } = createWorld()
    const { told, definition } = watcher()
    const watching = await system.spawn(definition)
    const ref = await system.spawn(target)
    await ref.stop()
    watching.tell({ type: 'watch', ref })
    await clock.settle()
    expect(told).toHaveLength(1)
    expect(await system.watch(ref)).toMatchObject({ reason: 'stopped' })
  })

  it('goes before messages that were there first', async () => {
    const { system, clock } = createWorld()
    const { told, definition } = watcher()
    const watching = await system.spawn(definition)
    const ref = await system.spawn(target)
    watching.tell({ type: 'watch', ref })
    await clock.settle()
    let release!: () => void
    watching.tell({ type: 'hold', until: new Promise<void>((resolve) => (release = resolve)) })
    await clock.settle()
    const seen = watching.ask({ type: 'told' })
    await ref.stop()
    release()
    expect(await seen).toBe(1)
    expect(told).toHaveLength(1)
  })

  it('ends with unwatch and with the incarnation', async () => {
    const { system, clock } = createWorld()
    const { told, definition } = watcher()
    const watching = await system.spawn(definition, { supervision: { backoff: { maxMs: 0 } } })
    const one = await system.spawn(target)
    const two = await system.spawn(target)
    watching.tell({ type: 'watch', ref: one })
    watching.tell({ type: 'unwatch', ref: one })
    watching.tell({ type: 'watch', ref: two })
    watching.tell({ type: 'boom' })
    await clock.settle()
    await Promise.all([one.stop(), two.stop()])
    await clock.settle()
    expect(told).toEqual([])
  })

  it('needs a handler for terminated, and a ref', async () => {
    const { system } = createWorld()
    const deaf = defineActor({ name: 'deaf', handlers: { watch: (message: { ref: AnyRef }, ctx) => ctx.watch(message.ref) } })
    const ref = await system.spawn(deaf)
    await expect(ref.ask({ type: 'watch', ref })).rejects.toMatchObject({ cause: { code: 'invalid_argument', field: 'handlers.terminated' } })
    await expect(system.watch({ id: 'x' } as never)).rejects.toMatchObject({ code: 'invalid_argument', field: 'ref' })
  })
})
