import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import type { StopReason } from '../../src/kernel/types.ts'
import { createWorld, gate } from './world.ts'
import type { Gate } from './world.ts'

const unhandledRejections: unknown[] = []
const onUnhandled = (error: unknown): void => void unhandledRejections.push(error)
beforeEach(() => void process.on('unhandledRejection', onUnhandled))
afterEach(() => {
  process.off('unhandledRejection', onUnhandled)
  expect(unhandledRejections.splice(0)).toEqual([])
})

const fragile = defineActor({
  name: 'fragile',
  state: (_input: undefined, ctx) => ({ notes: [] as string[], incarnation: ctx.incarnation }),
  handlers: {
    note: (message: { text: string }, ctx) => void ctx.state.notes.push(message.text),
    notes: (_, ctx) => ({ ...ctx.state }),
    boom: (message: { text?: string }) => {
      throw new Error(message.text ?? 'boom')
    },
    boomLater: async () => {
      await null
      throw new Error('boom later')
    },
    finish: (_, ctx) => ctx.stop(),
  },
})

describe('an actor that fails', () => {
  it.each(['boom', 'boomLater'] as const)('is restarted with new state and keeps its mailbox; the message is a dead letter (%s)', async (type) => {
    const { system, clock, story, lines } = createWorld()
    const ref = await system.spawn(fragile, { id: 'f', supervision: { backoff: { minMs: 0, maxMs: 0 } } })
    ref.tell({ type: 'note', text: 'before' })
    ref.tell({ type })
    ref.tell({ type: 'note', text: 'after' })
    expect(await ref.ask({ type: 'notes' })).toEqual({ notes: ['after'], incarnation: 2 })
    await clock.settle()
    expect(story()).toEqual(['started f', 'crashed f', 'dead crashed', 'restarted f'])
    expect(system.deadLetters.list()).toMatchObject([{ target: 'f', message: { type }, error: { message: expect.stringContaining('boom') } }])
    expect(lines).toContainEqual(expect.stringMatching(/^warn "f" failed: boom/))
  })

  it('rejects the ask that crashed it with ActorCrashed, naming actor and incarnation', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(fragile, { id: 'f' })
    await expect(ref.ask({ type: 'boom', text: 'why' })).rejects.toMatchObject({ code: 'actor_crashed', actor: 'f', incarnation: 1, cause: { message: 'why' } })
  })

  it('handles the message again when it asks for redelivery', async () => {
    const { system } = createWorld()
    let attempts = 0
    const definition = defineActor({
      name: 'again',
      redeliver: true,
      handlers: {
        work: (_message: {}, ctx) => {
          attempts++
          if (attempts < 3) throw new Error('not yet')
          return ctx.incarnation
        },
        count: () => attempts,
      },
    })
    const ref = await system.spawn(definition, { supervision: { backoff: { maxMs: 0 } } })
    const asked = ref.ask({ type: 'work' })
    const counted = ref.ask({ type: 'count' })
    expect(await asked).toBe(3)
    expect(await counted).toBe(3)
    expect(system.deadLetters.total).toBe(0)
  })

  it('gives its other messages in hand to dead letters, or back to the mailbox in order', async () => {
    for (const redeliver of [false, true]) {
      const { system, clock } = createWorld()
      const doors: Gate[] = []
      const begun: number[] = []
      const definition = defineActor({
        name: 'pool',
        concurrency: 3,
        redeliver,
        deadlineMs: 1000,
        handlers: {
          work: (message: { n: number }) => {
            begun.push(message.n)
            const door = gate()
            doors.push(door)
            return door.promise
          },
        },
      })
      const ref = await system.spawn(definition, { supervision: { backoff: { maxMs: 0 } } })
      const asked = [1, 2, 3].map((n) => ref.ask({ type: 'work', n }).catch((error: { code: string }) => error.code))
      await clock.settle()
      doors[1]?.fail(new Error('second failed'))
      await clock.settle()
      // Too late: the incarnation they belong to is gone.
      doors[0]?.open('late')
      doors[2]?.fail(new Error('late too'))
      if (redeliver) {
        expect(begun).toEqual([1, 2, 3, 1, 2, 3])
        for (const door of doors.slice(3)) door.open('again')
        expect(await Promise.all(asked)).toEqual(['again', 'again', 'again'])
      } else {
        expect(await Promise.all(asked)).toEqual(['actor_crashed', 'actor_crashed', 'actor_crashed'])
        expect(system.deadLetters.list().map((letter) => [letter.reason, (letter.message as unknown as { n: number }).n])).toEqual([
          ['interrupted', 1],
          ['crashed', 2],
          ['interrupted', 3],
        ])
      }
      expect(clock.timers).toBe(0)
      await system.stop()
    }
  })

  it('takes a handler that exceeds deadlineMs for a failure and ignores what it does later', async () => {
    const { system, clock } = createWorld()
    const doors: Gate[] = []
    const aborted: boolean[] = []
    const definition = defineActor({
      name: 'slow',
      deadlineMs: 100,
      handlers: {
        hang: (_message: {}, ctx) => {
          ctx.signal.addEventListener('abort', () => aborted.push(true))
          const door = gate()
          doors.push(door)
          return door.promise
        },
        incarnation: (_, ctx) => ctx.incarnation,
      },
    })
    const ref = await system.spawn(definition, { id: 's', supervision: { backoff: { maxMs: 0 } } })
    const hung = ref.ask({ type: 'hang' })
    const outcome = expect(hung).rejects.toMatchObject({ code: 'actor_crashed', cause: { code: 'handler_timeout', timeoutMs: 100 } })
    const next = ref.ask({ type: 'incarnation' })
    await clock.advance(100)
    await outcome
    expect(await next).toBe(2)
    expect(aborted).toEqual([true])
    doors[0]?.fail(new Error('late'))
    await clock.settle()
    expect(await ref.ask({ type: 'incarnation' })).toBe(2)
    expect(clock.timers).toBe(0)
  })

  it('runs its stop hook with the reason before it starts again', async () => {
    const { system, clock } = createWorld()
    const log: string[] = []
    const closing = gate()
    const definition = defineActor({
      name: 'tidy',
      state: (_input: undefined, ctx) => void log.push(`open ${ctx.incarnation}`),
      handlers: {
        boom: () => {
          throw new Error('boom')
        },
      },
      stop: async (ctx, reason: StopReason) => {
        await closing.promise
        log.push(`close ${ctx.incarnation} ${reason.kind} ${ctx.signal.aborted}`)
      },
    })
    const ref = await system.spawn(definition, { supervision: { backoff: { maxMs: 0 } } })
    ref.tell({ type: 'boom' })
    await clock.settle()
    expect(log).toEqual(['open 1'])
    closing.open()
    await clock.settle()
    expect(log).toEqual(['open 1', 'close 1 failed true', 'open 2'])
    await ref.stop()
    expect(log.at(-1)).toBe('close 2 stopped true')
  })
})

describe('supervision of one actor', () => {
  it('backs off exponentially with jitter and starts over after quiet', async () => {
    const { system, clock, events } = createWorld()
    const ref = await system.spawn(fragile, { supervision: { maxRestarts: 100, backoff: { minMs: 100, maxMs: 300, resetAfterMs: 1000 } } })
    const waited: number[] = []
    const failAndWait = async (): Promise<void> => {
      const restarts = (): number => events.filter((event) => event.type === 'actor.restarted').length
      const before = restarts()
      ref.tell({ type: 'boom' })
      await clock.settle()
      let ms = 0
      while (restarts() === before) {
        await clock.advance(1)
        ms++
      }
      waited.push(ms)
    }
    for (let n = 0; n < 4; n++) await failAndWait()
    await clock.advance(1000)
    await failAndWait()
    // The jitter of these tests is next to 1, and delays are rounded down.
    expect(waited).toEqual([99, 199, 299, 299, 99])
  })

  it('keeps messages that arrive while it waits', async () => {
    const { system, clock } = createWorld()
    const ref = await system.spawn(fragile)
    ref.tell({ type: 'boom' })
    await clock.settle()
    expect(system.tree().children[0]).toMatchObject({ state: 'restarting', incarnation: 1, restarts: 0 })
    ref.tell({ type: 'note', text: 'kept' })
    const asked = ref.ask({ type: 'notes' })
    await clock.advance(100)
    expect(await asked).toEqual({ notes: ['kept'], incarnation: 2 })
  })

  it('escalates after maxRestarts within the window', async () => {
    const { system, clock, story } = createWorld()
    const ref = await system.spawn(fragile, { id: 'f', supervision: { maxRestarts: 2, windowMs: 1000, backoff: { maxMs: 0 } } })
    const ended = system.watch(ref)
    for (let n = 0; n < 3; n++) ref.tell({ type: 'boom' })
    ref.tell({ type: 'note', text: 'never' })
    expect(await ended).toMatchObject({ reason: 'escalated', incarnation: 3, error: { code: 'restart_intensity_exceeded', cause: { message: 'boom' } } })
    await clock.settle()
    expect(story()).toEqual([
      'started f', 'crashed f', 'dead crashed', 'restarted f', 'crashed f', 'dead crashed', 'restarted f', 'crashed f', 'dead crashed', 'dead stopped', 'stopped f', 'escalated f',
    ])
    expect(system.lookup('f')).toBeUndefined()
  })

  it('forgets restarts that have left the window', async () => {
    const { system, clock, story } = createWorld()
    const ref = await system.spawn(fragile, { supervision: { maxRestarts: 1, windowMs: 1000, backoff: { maxMs: 0 } } })
    for (let n = 0; n < 5; n++) {
      ref.tell({ type: 'boom' })
      await clock.advance(1000)
    }
    expect(story().filter((line) => line.startsWith('restarted'))).toHaveLength(5)
  })

  it('lets a transient actor finish and restarts a permanent one', async () => {
    const { system, clock } = createWorld()
    const transient = await system.spawn(fragile)
    transient.tell({ type: 'finish' })
    expect(await system.watch(transient)).toMatchObject({ reason: 'finished' })
    const permanent = await system.spawn(fragile, { supervision: { restart: 'permanent', backoff: { maxMs: 0 } } })
    permanent.tell({ type: 'finish' })
    await clock.settle()
    expect(await permanent.ask({ type: 'notes' })).toMatchObject({ incarnation: 2 })
  })

  it('does not restart a temporary actor', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(fragile, { supervision: { restart: 'temporary' } })
    ref.tell({ type: 'boom' })
    expect(await system.watch(ref)).toMatchObject({ reason: 'failed', error: { message: 'boom' }, incarnation: 1 })
  })

  it('refuses options that make no sense, naming them', async () => {
    const { system } = createWorld()
    const refused = (supervision: object): Promise<unknown> => system.spawn(fragile, { supervision }).catch((error: unknown) => error)
    expect(await refused({ maxRestarts: -1 })).toMatchObject({ code: 'invalid_argument', field: 'maxRestarts' })
    expect(await refused({ windowMs: 0 })).toMatchObject({ field: 'windowMs' })
    expect(await refused({ backoff: { minMs: 10, maxMs: 5 } })).toMatchObject({ field: 'backoff.maxMs' })
    expect(await refused({ backoff: { minMs: Number.NaN } })).toMatchObject({ field: 'backoff.minMs' })
    expect(() => defineActor({ name: 'x', concurrency: 0, handlers: {} })).toThrow(/concurrency/)
    expect(() => defineActor({ name: '', handlers: {} })).toThrow(/name/)
    expect(() => defineActor({ name: 'x', handlers: { a: 1 as never } })).toThrow(/handlers\.a/)
  })
})

describe('a start that fails', () => {
  const flaky = (failures: number, late: boolean) => {
    let starts = 0
    return defineActor({
      name: 'flaky',
      state: () => {
        starts++
        const good = starts > failures
        if (late) return good ? Promise.resolve({ starts }) : Promise.reject(new Error('no start'))
        if (!good) throw new Error('no start')
        return { starts }
      },
      handlers: { starts: (_, ctx) => ctx.state.starts },
    })
  }

  it.each([false, true])('is tried again after a back-off, and spawn waits for it (asynchronous: %s)', async (late) => {
    const { system, clock } = createWorld()
    const spawned = system.spawn(flaky(2, late))
    await clock.advance(300)
    const ref = await spawned
    expect(await ref.ask({ type: 'starts' })).toBe(3)
  })

  it.each([false, true])('rejects the spawn when it is given up (asynchronous: %s)', async (late) => {
    const { system, clock } = createWorld()
    const spawned = expect(system.spawn(flaky(9, late), { id: 'x', supervision: { maxRestarts: 1 } })).rejects.toMatchObject({
      code: 'restart_intensity_exceeded',
      actor: 'x',
      cause: { message: 'no start' },
    })
    await clock.advance(300)
    await spawned
    await expect(system.spawn(flaky(9, late), { id: 'x', supervision: { restart: 'temporary' } })).rejects.toMatchObject({ code: 'actor_crashed', cause: { message: 'no start' } })
    expect(system.tree().children).toEqual([])
  })

  it('takes messages while it starts and handles them then', async () => {
    const { system } = createWorld()
    const starting = gate()
    const definition = defineActor({ name: 'late', state: () => starting.promise, handlers: { get: (_, ctx) => ctx.state } })
    const spawned = system.spawn(definition, { id: 'late' })
    const asked = system.lookup('late')?.ask({ type: 'get' })
    expect(system.tree().children[0]?.state).toBe('starting')
    starting.open('ready')
    await spawned
    expect(await asked).toBe('ready')
  })

  it('closes what a start opened that was given up before it was done', async () => {
    const { system, clock } = createWorld()
    const starting = gate()
    const closed: unknown[] = []
    const definition = defineActor({ name: 'late', state: () => starting.promise, handlers: {}, stop: (ctx) => void closed.push(ctx.state) })
    const spawned = expect(system.spawn(definition, { id: 'late' })).rejects.toMatchObject({ code: 'actor_stopped' })
    const stopped = system.lookup('late')?.stop({ graceMs: 50 })
    await clock.advance(50)
    await stopped
    await spawned
    expect(closed).toEqual([])
    starting.open('connection')
    await clock.settle()
    expect(closed).toEqual(['connection'])
  })
})
