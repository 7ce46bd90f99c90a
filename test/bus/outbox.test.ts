import { expect, it } from 'vitest'
import type { Frame } from '../../src/bus/frame.ts'
import { Outbox } from '../../src/bus/outbox.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { countingRandomness } from './randomness.ts'

function outbox(delivery: Frame['delivery'], send: (frame: Frame, text: string) => Promise<void>): { box: Outbox; clock: VirtualClock; dropped: number[] } {
  const clock = new VirtualClock()
  const dropped: number[] = []
  const box = new Outbox({
    origin: 'a', delivery, clock, randomness: countingRandomness(), maxMessages: 100_000, maxBytes: 100 * 1024 * 1024,
    send: (text) => send(JSON.parse(text) as Frame, text),
    onDropped: (count) => dropped.push(count),
  })
  box.open(1)
  return { box, clock, dropped }
}

it('cuts a backlog into frames of at most 64 KB, and gives a message that is larger one of its own', async () => {
  const sizes: number[] = []
  const seqs: [number, number][] = []
  const { box, clock } = outbox('must-arrive', async (frame, text) => {
    sizes.push(text.length)
    seqs.push([frame.seq, frame.events.length])
  })
  for (let n = 0; n < 20; n++) box.add(JSON.stringify('x'.repeat(10_000)))
  box.add(JSON.stringify('y'.repeat(200_000)))
  box.add('"z"')
  await clock.settle()
  expect(seqs).toEqual([[1, 6], [7, 6], [13, 6], [19, 2], [21, 1], [22, 1]])
  expect(sizes.filter((size) => size > 66_000)).toHaveLength(1)
  expect(box.waiting).toEqual({ messages: 0, bytes: 0 })
})

it('has one frame under way; the next one gathers meanwhile', async () => {
  const frames: number[][] = []
  let answer: () => void = () => undefined
  const { box, clock } = outbox('ephemeral', (frame) => new Promise((resolve) => {
    frames.push(frame.events as number[])
    answer = resolve
  }))
  for (const n of [1, 2]) box.add(String(n))
  await clock.settle()
  for (const n of [3, 4, 5]) {
    box.add(String(n))
    await clock.settle()
  }
  expect(frames).toEqual([[1, 2]])
  answer()
  await clock.settle()
  expect(frames).toEqual([[1, 2], [3, 4, 5]])
})

it('tries a must-arrive frame again, unchanged, later and later, and ends on stop', async () => {
  const tries: { at: number; text: string }[] = []
  const { box, clock } = outbox('must-arrive', async (_, text) => {
    tries.push({ at: clock.monotonic(), text })
    throw new Error('down')
  })
  box.add('1')
  await clock.settle()
  box.add('2')
  await clock.advance(60_000)
  expect(new Set(tries.map(({ text }) => text)).size).toBe(1)
  const waits = tries.slice(1).map(({ at }, index) => at - tries[index]!.at)
  expect(waits[0]).toBe(50)
  expect(waits).toEqual([...waits].sort((a, b) => a - b))
  expect(Math.max(...waits)).toBeLessThanOrEqual(5_000)
  expect(box.failure).toBe('down')
  box.stop()
  await clock.settle()
  expect(clock.timers).toBe(0)
  const count = tries.length
  await clock.advance(60_000)
  expect(tries).toHaveLength(count)
})

it('a long backlog costs no more than its messages', async () => {
  let messages = 0
  const { box, clock } = outbox('must-arrive', async (frame) => { messages += frame.events.length })
  const before = performance.now()
  for (let n = 0; n < 50_000; n++) box.add(String(n))
  while (messages < 50_000) await clock.settle()
  expect(performance.now() - before).toBeLessThan(2_000)
  expect(box.sent.messages).toBe(50_000)
})
