import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import { createWorld } from './world.ts'

const sink = () => {
  const seen: number[] = []
  return { seen, definition: defineActor({ name: 'sink', mailbox: { capacity: 3 }, handlers: { n: (message: { n: number }) => void seen.push(message.n) } }) }
}

describe('dead letters', () => {
  it('are replayed to whoever has the id now; the rest stays', async () => {
    const { system, clock } = createWorld()
    const { seen, definition } = sink()
    const first = await system.spawn(definition, { id: 'a' })
    const other = await system.spawn(definition, { id: 'b' })
    await Promise.all([first.stop(), other.stop()])
    for (let n = 0; n < 3; n++) first.tell({ type: 'n', n })
    other.tell({ type: 'n', n: 9 })
    expect(system.deadLetters.replay()).toBe(0)
    await system.spawn(definition, { id: 'a' })
    expect(system.deadLetters.replay({ target: 'a', numbers: [1, 3] })).toBe(2)
    await clock.settle()
    expect(seen).toEqual([0, 2])
    expect(system.deadLetters.list().map((letter) => letter.number)).toEqual([2, 4])
    expect(system.deadLetters.list({ target: 'b' })).toMatchObject([{ number: 4, target: 'b', reason: 'stopped', time: clock.now() }])
    system.deadLetters.clear()
    expect(system.deadLetters.list()).toEqual([])
  })

  it('are not lost by a replay into a full mailbox', async () => {
    const { system, clock } = createWorld()
    const { seen, definition } = sink()
    const ref = await system.spawn(definition, { id: 'a' })
    for (let n = 0; n < 8; n++) try { ref.tell({ type: 'n', n }) } catch (error) { expect(error).toMatchObject({ code: 'mailbox_full' }) }
    await clock.settle()
    expect(system.deadLetters.replay()).toBe(3)
    expect(system.deadLetters.list().map((letter) => (letter.message as unknown as { n: number }).n)).toEqual([6, 7])
    await clock.settle()
    expect(seen).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('are bounded, and logged once a second at most', async () => {
    const { system, clock, lines } = createWorld()
    const ref = await system.spawn(sink().definition)
    await ref.stop()
    for (let n = 0; n < 5000; n++) ref.tell({ type: 'n', n })
    expect(system.deadLetters.total).toBe(5000)
    expect(system.deadLetters.list()).toHaveLength(1000)
    expect(system.deadLetters.list()[0]).toMatchObject({ number: 4001 })
    expect(lines).toEqual(['warn dead letter'])
    await clock.advance(1000)
    ref.tell({ type: 'n', n: 0 })
    expect(lines).toEqual(['warn dead letter', 'warn dead letter'])
  })
})
