import { beforeEach, expect, it } from 'vitest'
import { CatchUp } from '../../src/bus/catch-up.ts'
import type { Frame } from '../../src/bus/frame.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { FakeHub, type FakeLink } from './fake-signals.ts'
import { countingRandomness } from './randomness.ts'

let hub: FakeHub
let link: FakeLink
let clock: VirtualClock
let entries: string[]
let held: number[]
let catchUp: CatchUp

beforeEach(() => {
  hub = new FakeHub()
  link = hub.link()
  clock = new VirtualClock()
  entries = []
  held = []
  catchUp = new CatchUp({
    signals: link, ring: 'r', cursor: '0-0', clock, randomness: countingRandomness(),
    onEntry: (payload) => entries.push(payload),
    onHeld: (frame) => held.push(frame.seq),
    onTruncated: () => entries.push('truncated'),
  })
})

const frame = (seq: number): Frame => ({ origin: 'a', epoch: 1, delivery: 'must-arrive', seq, events: [] })

it('reads page after page, and goes on where it was', async () => {
  const all = Array.from({ length: 1_000 }, (_, n) => String(n))
  for (const payload of all) hub.append('r', 10_000, payload)
  catchUp.wake()
  await clock.settle()
  expect(entries).toEqual(all)
  hub.append('r', 10_000, 'more')
  catchUp.wake()
  await clock.settle()
  expect(entries).toEqual([...all, 'more'])
})

it('hands held frames over after the ring was read, also when reading failed at first', async () => {
  hub.append('r', 10, 'first')
  link.goDown()
  catchUp.hold(frame(7))
  await clock.settle()
  catchUp.hold(frame(8))
  await clock.settle()
  expect(held).toEqual([])
  expect(catchUp.failure).toBe('the link is down')
  link.comeUp()
  await clock.advance(5_000)
  expect(entries).toEqual(['first'])
  expect(held).toEqual([7, 8])
  expect(catchUp.failure).toBeUndefined()
})

it('holds a bounded number of frames', async () => {
  link.goDown()
  for (let seq = 1; seq <= 1_000; seq++) catchUp.hold(frame(seq))
  await clock.settle()
  link.comeUp()
  await clock.advance(5_000)
  expect(held).toHaveLength(256)
})

it('leaves no timer behind when it stops, twice, and reads no more', async () => {
  link.goDown()
  catchUp.wake()
  await clock.settle()
  expect(clock.timers).toBe(1)
  catchUp.stop()
  catchUp.stop()
  expect(clock.timers).toBe(0)
  link.comeUp()
  hub.append('r', 10, 'x')
  catchUp.wake()
  await clock.advance(10_000)
  expect(entries).toEqual([])
})
