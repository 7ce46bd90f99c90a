import { assign, fromPromise, raise, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { begin, isRunning, noNonces } from '../../machines/timers.ts'
import type { Nonces, TimerEvent } from '../../machines/timers.ts'
import { defineMachineActor } from '../../src/kernel/define-machine.ts'
import { createWorld, gate } from './world.ts'

type LampEvent = { type: 'press' } | { type: 'break' } | { type: 'done' } | TimerEvent | { type: 'again' }

/** Goes out by itself after a second; pressing it again restarts the second. */
const lamp = setup({
  types: { context: {} as { presses: number; nonces: Nonces }, events: {} as LampEvent, input: {} as { presses: number } },
  actions: {
    light: (_args, _params: { on: boolean }) => {},
    startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {},
    cancelTimer: (_args, _params: { id: string }) => {},
    count: assign({ presses: ({ context }) => context.presses + 1 }),
    begin: assign({ nonces: ({ context }) => begin(context.nonces, 'off') }),
    fail: () => {},
  },
  guards: {
    due: ({ context, event }) => event.type === 'timer' && isRunning(context.nonces, event.id, event.nonce),
  },
}).createMachine({
  id: 'lamp',
  context: ({ input }) => ({ presses: input.presses, nonces: noNonces() }),
  initial: 'off',
  on: { break: { actions: 'fail' }, done: '.gone' },
  states: {
    off: { entry: { type: 'light', params: { on: false } }, on: { press: 'on' } },
    on: {
      entry: ['count', 'begin', { type: 'light', params: { on: true } }, { type: 'startTimer', params: ({ context }) => ({ id: 'off', ms: 1000, nonce: context.nonces.last }) }],
      exit: { type: 'cancelTimer', params: { id: 'off' } },
      on: { press: { target: 'on', reenter: true }, timer: { guard: 'due', target: 'off' }, again: { actions: raise({ type: 'press' }) } },
    },
    gone: { type: 'final' },
  },
})

function lampActor(fail: () => unknown = () => undefined) {
  const lights: boolean[] = []
  const definition = defineMachineActor({
    name: 'lamp',
    machine: lamp,
    effects: { light: ({ on }) => void lights.push(on), fail },
    reply: { press: (snapshot) => snapshot.context.presses },
  })
  return { lights, definition }
}

describe('a machine actor', () => {
  it('carries commands out in order, answers from the state, and shows it', async () => {
    const { system } = createWorld()
    const { lights, definition } = lampActor()
    const ref = await system.spawn(definition, { input: { presses: 10 } })
    expect(lights).toEqual([false])
    expect(await ref.ask({ type: 'press' })).toBe(11)
    expect(await ref.ask({ type: 'again' })).toBeUndefined()
    expect(await ref.ask({ type: 'press' })).toBe(13)
    expect(lights).toEqual([false, true, true, true])
    expect(system.tree().children[0]?.state).toBe('running: on')
  })

  it('has timers that are replaced, cancelled, and end with the actor', async () => {
    const { system, clock } = createWorld()
    const { lights, definition } = lampActor()
    const ref = await system.spawn(definition, { input: { presses: 0 } })
    ref.tell({ type: 'press' })
    await clock.advance(900)
    ref.tell({ type: 'press' })
    await clock.advance(900)
    expect(lights.at(-1)).toBe(true)
    expect(clock.timers).toBe(1)
    await clock.advance(100)
    expect(lights.at(-1)).toBe(false)
    expect(clock.timers).toBe(0)
    ref.tell({ type: 'press' })
    await clock.settle()
    await ref.stop()
    expect(clock.timers).toBe(0)
  })

  it('ignores the timer of an earlier nonce', async () => {
    const { system, clock } = createWorld()
    const { lights, definition } = lampActor()
    const ref = await system.spawn(definition, { input: { presses: 0 } })
    ref.tell({ type: 'press' })
    ref.tell({ type: 'press' })
    ref.tell({ type: 'timer', id: 'off', nonce: 1 } as never)
    await clock.settle()
    expect(lights.at(-1)).toBe(true)
  })

  it('finishes in a final state', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(lampActor().definition, { input: { presses: 0 } })
    ref.tell({ type: 'done' })
    expect(await system.watch(ref)).toMatchObject({ reason: 'finished' })
  })

  it.each([
    ['throws', () => { throw new Error('no power') }],
    ['rejects', () => Promise.reject(new Error('no power'))],
  ])('fails when an effect %s, and starts again from the beginning', async (_how, fail) => {
    const { system, clock, events } = createWorld()
    const { definition } = lampActor(fail)
    const ref = await system.spawn(definition, { input: { presses: 0 }, supervision: { backoff: { maxMs: 0 } } })
    ref.tell({ type: 'press' })
    ref.tell({ type: 'break' })
    await clock.settle()
    expect(events).toContainEqual(expect.objectContaining({ type: 'actor.crashed', error: expect.objectContaining({ message: 'no power' }) }))
    expect(await ref.ask({ type: 'press' })).toBe(1)
  })

  it('is not held up by an effect that takes long, and waits for it when it stops', async () => {
    const { system, clock } = createWorld()
    const working = gate()
    const { definition } = lampActor(() => working.promise)
    const ref = await system.spawn(definition, { input: { presses: 0 } })
    ref.tell({ type: 'break' })
    expect(await ref.ask({ type: 'press' })).toBe(1)
    let ended = false
    const stopped = ref.stop().then(() => (ended = true))
    await clock.settle()
    expect(ended).toBe(false)
    working.open()
    await stopped
  })

  it('ignores the failure of an effect of an earlier incarnation', async () => {
    const { system, clock, story } = createWorld()
    const first = gate()
    const failing = [first.promise, Promise.reject(new Error('second'))]
    const { definition } = lampActor(() => failing.shift())
    const ref = await system.spawn(definition, { id: 'l', input: { presses: 0 }, supervision: { backoff: { maxMs: 0 } } })
    ref.tell({ type: 'break' })
    ref.tell({ type: 'break' })
    await clock.settle()
    first.fail(new Error('first, late'))
    await clock.settle()
    expect(story()).toEqual(['started l', 'crashed l', 'restarted l'])
    expect(await ref.ask({ type: 'press' })).toBe(1)
  })

  it('takes its input through a function, and makes a dead letter of an event the machine does not know', async () => {
    const { system, clock } = createWorld()
    const definition = defineMachineActor({
      name: 'lamp',
      machine: lamp,
      input: (input: number, ctx) => ({ presses: input + ctx.incarnation }),
      effects: { light: () => {}, fail: () => {} },
      reply: { press: (snapshot) => snapshot.context.presses },
    })
    const ref = await system.spawn(definition, { input: 41 })
    expect(await ref.ask({ type: 'press' })).toBe(43)
    ref.tell({ type: 'slam' } as never)
    await clock.settle()
    expect(system.deadLetters.list()).toMatchObject([{ reason: 'unhandled' }])
  })

  it.each([
    ['invokes', setup({ actors: { load: fromPromise(async () => 1) } }).createMachine({ initial: 'a', states: { a: { invoke: { src: 'load' } } } }), /state "\(machine\)\.a" .*invokes an actor/],
    ['waits', setup({}).createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: {} } }), /uses "after"/],
    ['takes anything', setup({}).createMachine({ initial: 'a', states: { a: { on: { '*': 'b' } }, b: {} } }), /"\*" transition/],
    ['has an inline action', setup({}).createMachine({ initial: 'a', states: { a: { entry: () => {} } } }), /inline action/],
    ['lacks an effect', setup({ actions: { go: () => {} } }).createMachine({ entry: 'go' }), /effects\.go/],
  ])('refuses a machine that %s', (_what, machine, problem) => {
    expect(() => defineMachineActor({ name: 'm', machine, effects: {} as never })).toThrow(problem)
  })
})
