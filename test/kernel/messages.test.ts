import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import { createWorld, gate } from './world.ts'
import type { Gate } from './world.ts'

/** Notes what it is told; `hold` occupies it until its gate opens. */
function recorder(capacity = 1000) {
  const seen: number[] = []
  const doors: Gate[] = []
  const definition = defineActor({
    name: 'recorder',
    mailbox: { capacity },
    handlers: {
      note: (message: { n: number }) => void seen.push(message.n),
      slow: async (message: { n: number }) => {
        await null
        seen.push(message.n)
      },
      hold: () => {
        const door = gate()
        doors.push(door)
        return door.promise
      },
      echo: (message: { value: unknown }) => message.value,
      count: () => seen.length,
    },
  })
  return { seen, doors, definition }
}

describe('tell', () => {
  it('is handled in order, one at a time, also when handlers are asynchronous', async () => {
    const { system, clock } = createWorld()
    const { seen, definition } = recorder()
    const ref = await system.spawn(definition)
    for (let n = 0; n < 20; n++) ref.tell(n % 3 === 0 ? { type: 'slow', n } : { type: 'note', n })
    expect(seen).toEqual([])
    await clock.settle()
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('throws MailboxFull above the capacity, and makes a dead letter', async () => {
    const { system } = createWorld()
    const { definition } = recorder(2)
    const ref = await system.spawn(definition, { id: 'r' })
    ref.tell({ type: 'note', n: 1 })
    ref.tell({ type: 'note', n: 2 })
    expect(() => ref.tell({ type: 'note', n: 3 })).toThrow(expect.objectContaining({ code: 'mailbox_full', retryable: true, capacity: 2 }))
    expect(system.deadLetters.list()).toMatchObject([{ target: 'r', reason: 'full', message: { n: 3 } }])
  })

  it('refuses what is no message', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(recorder().definition)
    expect(() => ref.tell(undefined as never)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    expect(() => ref.tell({} as never)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    await expect(ref.ask('count' as never)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('makes a dead letter of a type without a handler, also of one that every object has', async () => {
    const { system, clock } = createWorld()
    const ref = await system.spawn(recorder().definition)
    ref.tell({ type: 'nope' } as never)
    await expect(ref.ask({ type: 'toString' } as never)).rejects.toMatchObject({ code: 'message_unhandled' })
    await clock.settle()
    expect(system.deadLetters.list().map((letter) => letter.reason)).toEqual(['unhandled', 'unhandled'])
    expect(await ref.ask({ type: 'count' })).toBe(0)
  })

  it('handles as many at a time as concurrency says', async () => {
    const { system, clock } = createWorld()
    const doors: Gate[] = []
    const definition = defineActor({
      name: 'pool',
      concurrency: 2,
      handlers: {
        work: () => {
          const door = gate()
          doors.push(door)
          return door.promise
        },
      },
    })
    const ref = await system.spawn(definition)
    for (let n = 0; n < 5; n++) ref.tell({ type: 'work' })
    await clock.settle()
    expect(doors).toHaveLength(2)
    doors[1]?.open()
    await clock.settle()
    expect(doors).toHaveLength(3)
  })
})

describe('offer', () => {
  it('waits for room, first come first served, and is not overtaken by a tell', async () => {
    const { system, clock } = createWorld()
    const { seen, doors, definition } = recorder(1)
    const ref = await system.spawn(definition)
    ref.tell({ type: 'hold' })
    await clock.settle()
    ref.tell({ type: 'note', n: 0 })
    const admitted: number[] = []
    const waiting = [1, 2, 3].map(async (n) => {
      await ref.offer({ type: 'note', n }).catch((error: Error & { code: string }) => admitted.push(-n) && expect(error.code).toBe('mailbox_full'))
      admitted.push(n)
    })
    expect(() => ref.tell({ type: 'note', n: 9 })).toThrow(/full/)
    doors[0]?.open()
    await Promise.all(waiting)
    await clock.settle()
    // One may wait where one may be queued; the others are refused.
    expect(seen).toEqual([0, 1])
    expect(admitted.filter((n) => n < 0)).toEqual([-2, -3])
  })

  it('gives up its place when its signal aborts', async () => {
    const { system, clock } = createWorld()
    const { seen, doors, definition } = recorder(1)
    const ref = await system.spawn(definition)
    ref.tell({ type: 'hold' })
    await clock.settle()
    ref.tell({ type: 'note', n: 0 })
    const controller = new AbortController()
    const offered = ref.offer({ type: 'note', n: 1 }, { signal: controller.signal })
    controller.abort(new Error('changed my mind'))
    await expect(offered).rejects.toMatchObject({ code: 'cancelled' })
    doors[0]?.open()
    await clock.settle()
    expect(seen).toEqual([0])
  })

  it('is refused when the actor stops meanwhile', async () => {
    const { system, clock } = createWorld()
    const { doors, definition } = recorder(1)
    const ref = await system.spawn(definition)
    ref.tell({ type: 'hold' })
    await clock.settle()
    ref.tell({ type: 'note', n: 0 })
    const offered = ref.offer({ type: 'note', n: 1 })
    const stopped = ref.stop()
    doors[0]?.open()
    await expect(offered).rejects.toMatchObject({ code: 'actor_stopped' })
    await stopped
    await expect(ref.offer({ type: 'note', n: 2 })).rejects.toMatchObject({ code: 'actor_stopped' })
    expect(system.deadLetters.list().map((letter) => (letter.message as { n?: number }).n)).toEqual([0, 1, 2])
  })
})

describe('ask', () => {
  it('answers with what the handler returns', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(recorder().definition)
    expect(await ref.ask({ type: 'echo', value: 'now' })).toBe('now')
    expect(await ref.ask({ type: 'echo', value: Promise.resolve('later') })).toBe('later')
    expect(await ref.ask({ type: 'echo', value: undefined })).toBeUndefined()
  })

  it('rejects with AskTimeout; a message still waiting is then dropped, an answer that comes late ignored', async () => {
    const { system, clock } = createWorld()
    const { seen, doors, definition } = recorder()
    const ref = await system.spawn(definition)
    const first = ref.ask({ type: 'hold' }, { timeoutMs: 10 })
    const second = ref.ask({ type: 'note', n: 1 }, { timeoutMs: 10 })
    const outcomes = Promise.allSettled([first, second])
    await clock.advance(9)
    expect(clock.timers).toBe(2)
    await clock.advance(1)
    expect(await outcomes).toMatchObject([{ reason: { code: 'ask_timeout', timeoutMs: 10 } }, { reason: { code: 'ask_timeout' } }])
    doors[0]?.open()
    await clock.settle()
    expect(seen).toEqual([])
    expect(system.deadLetters.total).toBe(0)
  })

  it('has a deadline when none is given', async () => {
    const { system, clock } = createWorld()
    const ref = await system.spawn(recorder().definition)
    const asked = expect(ref.ask({ type: 'hold' })).rejects.toMatchObject({ code: 'ask_timeout', timeoutMs: 5000 })
    await clock.advance(5000)
    await asked
  })

  it('rejects when its signal aborts, at once when it had', async () => {
    const { system, clock } = createWorld()
    const { definition, doors } = recorder()
    const ref = await system.spawn(definition)
    const controller = new AbortController()
    const asked = ref.ask({ type: 'hold' }, { signal: controller.signal })
    await clock.settle()
    const reason = new Error('no longer needed')
    controller.abort(reason)
    await expect(asked).rejects.toMatchObject({ code: 'cancelled', cause: reason })
    await expect(ref.ask({ type: 'hold' }, { signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' })
    await clock.settle()
    expect(doors).toHaveLength(1)
    expect(clock.timers).toBe(0)
  })

  it('rejects at once when the target has stopped, and when it stops meanwhile', async () => {
    const { system, clock } = createWorld()
    const { definition, doors } = recorder()
    const ref = await system.spawn(definition)
    ref.tell({ type: 'hold' })
    await clock.settle()
    const queued = expect(ref.ask({ type: 'count' })).rejects.toMatchObject({ code: 'actor_stopped' })
    const stopped = ref.stop()
    doors[0]?.open()
    await stopped
    await queued
    await expect(ref.ask({ type: 'count' })).rejects.toMatchObject({ code: 'actor_stopped' })
    expect(system.deadLetters.list().map((letter) => letter.reason)).toEqual(['stopped', 'stopped'])
    expect(clock.timers).toBe(0)
  })

  it('rejects with MailboxFull', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(recorder(1).definition)
    ref.tell({ type: 'note', n: 1 })
    await expect(ref.ask({ type: 'count' })).rejects.toMatchObject({ code: 'mailbox_full' })
  })
})
