import { beforeEach, expect, it } from 'vitest'
import type { Frame } from '../../src/bus/frame.ts'
import { Inbox } from '../../src/bus/inbox.ts'
import type { DataOf } from '../../src/messages/map.ts'

let seen: unknown[]
let lost: DataOf<'bus.resync'>[]
let inbox: Inbox

beforeEach(() => {
  seen = []
  lost = []
  inbox = new Inbox({ deliver: (event) => seen.push(event), lost: (resync) => lost.push(resync) })
})

function frame(seq: number, events: unknown[], more: Partial<Frame> = {}): Frame {
  return { origin: 'a', epoch: 1, delivery: 'must-arrive', seq, events, ...more }
}

it('the first frame of a new life counts from 1, so that what the ring lacks of it is told', () => {
  inbox.take(frame(4, ['x']), 'ring')
  expect(lost).toEqual([])
  inbox.take(frame(3, ['y'], { epoch: 2 }), 'ring')
  expect(seen).toEqual(['x', 'y'])
  expect(lost).toEqual([{ reason: 'restarted', origin: 'a', epoch: 1, from: 5 }, { reason: 'missing', origin: 'a', epoch: 2, from: 1, to: 2, count: 2 }])
})

it('a live frame of an unknown sender that the ring does not have is taken, and what was before it told', () => {
  expect(inbox.take(frame(3, ['x']), 'live')).toBe(false)
  expect(inbox.take(frame(3, ['x']), 'held')).toBe(true)
  expect(seen).toEqual(['x'])
  expect(lost).toEqual([{ reason: 'missing', origin: 'a', epoch: 1, to: 2 }])
})

it('only the new part of a frame that overlaps is delivered', () => {
  inbox.take(frame(1, ['x', 'y']), 'ring')
  inbox.take(frame(2, ['y', 'z']), 'live')
  inbox.take(frame(1, [], { skipped: 5 }), 'live')
  expect(seen).toEqual(['x', 'y', 'z'])
  expect(lost).toEqual([{ reason: 'overflowed', origin: 'a', epoch: 1, from: 4, to: 5, count: 2 }])
  expect(inbox.counts).toMatchObject({ delivered: 3, duplicates: 1 + 3, lost: 2 })
})

it('a frame met again while it is being delivered is not delivered again', () => {
  const again = new Inbox({
    deliver(event) {
      seen.push(event)
      again.take(frame(1, ['x', 'y']), 'ring')
    },
    lost: (resync) => lost.push(resync),
  })
  again.take(frame(1, ['x', 'y']), 'ring')
  expect(seen).toEqual(['x', 'y'])
})

it('remembers a bounded number of senders', () => {
  for (let n = 0; n < 10_000; n++) inbox.take(frame(1, [n], { origin: `node-${n}` }), 'ring')
  inbox.take(frame(2, ['late'], { origin: 'node-9999' }), 'live')
  expect(seen.at(-1)).toBe('late')
  expect(inbox.take(frame(2, ['forgotten'], { origin: 'node-0' }), 'live')).toBe(false)
})
