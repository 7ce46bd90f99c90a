import { debounceTime, EMPTY, filter, finalize, firstValueFrom, map, merge, Subject, Subscriber, take, toArray } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createBus, type Bus } from '../../src/bus/bus.ts'
import { BusOverflow, UnknownMessageType } from '../../src/kernel/errors.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import { defineMessage } from '../../src/messages/define.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import { countingRandomness } from './randomness.ts'

declare module '../../src/messages/map.ts' {
  interface MessageMap {
    'test.pinged': { n: number }
    'test.ponged': { n: number }
  }
}

const pinged = defineMessage('test.pinged', z.object({ n: z.number() }))
const ponged = defineMessage('test.ponged', z.object({ n: z.number() }), { delivery: 'must-arrive' })

let bus: Bus
let clock: VirtualClock
let uncaught: unknown[]
const onUncaught = (error: unknown): void => void uncaught.push(error)

beforeEach(() => {
  clock = new VirtualClock()
  bus = createBus({ catalogue: createCatalogue([pinged, ponged]), clock, randomness: countingRandomness(), source: 'node-a' })
  uncaught = []
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught)
})

afterEach(async () => {
  await clock.settle()
  await new Promise((resolve) => setTimeout(resolve, 1))
  process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught)
  expect(uncaught).toEqual([])
})

function collect(stream: { subscribe(next: (envelope: Envelope) => void): unknown }): Envelope[] {
  const seen: Envelope[] = []
  stream.subscribe((envelope) => seen.push(envelope))
  return seen
}

describe('publishing', () => {
  it('reaches observers of the type and of everything, before it returns, with a full envelope', () => {
    const pings = collect(bus.on('test.pinged'))
    const pongs = collect(bus.on('test.ponged'))
    const all = collect(bus.all())
    const envelope = bus.publish('test.pinged', { n: 1 }, { subject: 's', correlationid: 'c' })
    expect(pings).toEqual([envelope])
    expect(pongs).toEqual([])
    expect(all).toEqual([envelope])
    expect(envelope).toEqual({ id: expect.stringMatching(/^r1-/), type: 'test.pinged', source: 'node-a', time: clock.now(), data: { n: 1 }, subject: 's', correlationid: 'c' })
    expect(bus.publish('test.pinged', { n: 1 }, { id: 'mine', source: 'me' })).toMatchObject({ id: 'mine', source: 'me' })
  })

  it('is typed by the map of messages', () => {
    const sum = bus.on('test.pinged').pipe(map((envelope) => envelope.data.n + 1))
    sum.subscribe((n: number) => n)
    // @ts-expect-error the data of this type has a number n
    bus.publish('test.pinged', { n: 'one' })
    // @ts-expect-error there is no field m
    bus.on('test.pinged').subscribe((envelope) => envelope.data.m)
  })

  it('refuses a type nobody defined, on both sides, and names a near one', () => {
    expect(() => bus.publish('test.pingd', {})).toThrow(/did you mean "test.pinged"/)
    expect(() => bus.on('nope')).toThrow(UnknownMessageType)
    expect(() => bus.publishEnvelope({ id: '1', type: 'nope', source: 's', time: 0, data: {} })).toThrow(UnknownMessageType)
  })

  it('goes outward after the observers here, by the delivery class of the type, and never twice', () => {
    const order: string[] = []
    bus.on('test.ponged').subscribe(() => order.push('observer'))
    const end = bus.outgoing((envelope, delivery) => order.push(`${delivery} ${envelope.type}`))
    const envelope = bus.publish('test.ponged', { n: 1 })
    bus.publishEnvelope(envelope)
    bus.publish('actor.started', { actor: 'a', incarnation: 1 })
    expect(order).toEqual(['observer', 'must-arrive test.ponged', 'observer'])
    end()
    bus.publish('test.ponged', { n: 2 })
    expect(order).toHaveLength(4)
  })
})

describe('an observer that fails', () => {
  const failures = (): unknown[] => collect(bus.on('bus.observer-failed')) as unknown[]

  it.each<[string, (value: unknown) => unknown]>([
    ['throws', () => { throw new Error('oops') }],
    ['rejects', async () => { throw new Error('oops') }],
  ])('%s: the others get the message, and the failure is told', async (_, fail) => {
    const told = failures()
    const before = collect(bus.on('test.pinged'))
    bus.on('test.pinged').subscribe(fail)
    const after = collect(bus.on('test.pinged'))
    bus.publish('test.pinged', { n: 1 })
    await clock.settle()
    await clock.advance(1_000)
    bus.publish('test.pinged', { n: 2 })
    await clock.settle()
    expect([before.length, after.length]).toEqual([2, 2])
    expect(told).toMatchObject([{ data: { type: 'test.pinged', message: 'oops', count: 1 } }, { data: { count: 1 } }])
  })

  it('is caught at the end of a pipe, inside an operator, and in complete and error callbacks', () => {
    const told = failures()
    bus.on('test.pinged').pipe(filter(() => true), map((envelope) => envelope.data)).subscribe(() => { throw new Error('at the end') })
    bus.on('test.ponged').pipe(map(() => { throw new Error('inside') })).subscribe(() => undefined)
    bus.on('text').pipe(take(1)).subscribe({ complete: () => { throw new Error('completing') } })
    bus.on('room.opened').pipe(map(() => { throw new Error('x') })).subscribe({ error: () => { throw new Error('handling') } })
    bus.publish('test.pinged', { n: 1 })
    bus.publish('test.ponged', { n: 1 })
    bus.publish('text', { text: '' })
    bus.publish('room.opened', { room: 'r', visibility: 'public' })
    expect(told.map((envelope) => (envelope as Envelope<string, { message: string }>).data.message)).toEqual(['at the end', 'inside', 'completing', 'handling'])
  })

  it('cannot stop the bus even as a Subscriber made by hand', () => {
    const told = failures()
    const byHand = new Subscriber<Envelope>({ next: () => { throw new Error('raw') }, error: () => undefined, complete: () => undefined })
    bus.on('test.pinged').subscribe(byHand)
    bus.publish('test.pinged', { n: 1 })
    const after = collect(bus.on('test.ponged'))
    bus.publish('test.ponged', { n: 2 })
    expect(after).toHaveLength(1)
    expect(told).toMatchObject([{ data: { message: 'raw' } }])
  })

  it('is told once a second for each type, with how often it failed', async () => {
    const told = failures()
    bus.on('test.pinged').subscribe(() => { throw new Error('again') })
    for (let n = 0; n < 10; n++) bus.publish('test.pinged', { n })
    await clock.advance(1_000)
    bus.publish('test.pinged', { n: 10 })
    expect(told).toMatchObject([{ data: { count: 1 } }, { data: { count: 10 } }])
  })

  it('does not feed itself by observing failures', async () => {
    let calls = 0
    bus.on('bus.observer-failed').subscribe(() => { calls++; throw new Error('sync') })
    bus.all().subscribe(async () => { calls++; throw new Error('async') })
    bus.publish('test.pinged', { n: 1 })
    await clock.settle()
    expect(calls).toBeLessThan(10)
  })
})

describe('publishing from an observer', () => {
  it('keeps one order for all observers', () => {
    const order: string[] = []
    bus.on('test.pinged').subscribe(({ data }) => { if (data.n < 3) bus.publish('test.pinged', { n: data.n + 1 }) })
    bus.on('test.pinged').subscribe(({ data }) => order.push(`b${data.n}`))
    bus.on('test.pinged').subscribe(({ data }) => order.push(`c${data.n}`))
    bus.publish('test.pinged', { n: 1 })
    expect(order).toEqual(['b1', 'c1', 'b2', 'c2', 'b3', 'c3'])
  })

  it('in a circle ends with an error told to the observer, not with a hang or a full stack', () => {
    const told = collect(bus.on('bus.observer-failed'))
    const refused: unknown[] = []
    bus.on('test.pinged').subscribe(({ data }) => bus.publish('test.ponged', data))
    bus.on('test.ponged').subscribe(({ data }) => {
      try {
        bus.publish('test.pinged', data)
      } catch (error) {
        refused.push(error)
      }
    })
    bus.publish('test.pinged', { n: 1 })
    expect(refused.length + told.length).toBeGreaterThan(0)
    for (const error of refused) expect(error).toBeInstanceOf(BusOverflow)
    const after = collect(bus.on('text'))
    bus.publish('text', { text: 'still alive' })
    expect(after).toHaveLength(1)
  })

  it('may subscribe and unsubscribe while a message is delivered', () => {
    const late: number[] = []
    const first = bus.on('test.pinged').subscribe(() => {
      first.unsubscribe()
      bus.on('test.pinged').subscribe(({ data }) => late.push(data.n))
    })
    const others = collect(bus.on('test.pinged'))
    bus.publish('test.pinged', { n: 1 })
    bus.publish('test.pinged', { n: 2 })
    expect(late).toEqual([2])
    expect(others).toHaveLength(2)
  })
})

describe('streams', () => {
  it('work with the operators of RxJS', async () => {
    const first = firstValueFrom(bus.on('test.pinged').pipe(filter(({ data }) => data.n > 1)))
    const both = firstValueFrom(merge(bus.on('test.pinged'), bus.on('test.ponged')).pipe(take(3), toArray()))
    const relay = new Subject<Envelope>()
    const relayed = collect(relay)
    bus.on('test.pinged').subscribe(relay)
    const quiet = collect(bus.on('test.pinged').pipe(debounceTime(0)))
    for (const n of [1, 2]) bus.publish('test.pinged', { n })
    bus.publish('test.ponged', { n: 3 })
    expect((await first).data).toEqual({ n: 2 })
    expect((await both).map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(relayed).toHaveLength(2)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(quiet).toHaveLength(1)
  })

  it('let go of the bus as soon as an operator has enough', () => {
    let ended = 0
    bus.on('test.pinged').pipe(finalize(() => { ended++ }), take(1)).subscribe()
    bus.publish('test.pinged', { n: 1 })
    expect(ended).toBe(1)
  })

  it('complete when the bus stops, twice is harmless, and afterwards nobody is called', () => {
    let completed = 0
    const seen: unknown[] = []
    for (const stream of [bus.on('test.pinged'), bus.all()]) stream.subscribe({ next: (value) => seen.push(value), complete: () => { completed++ } })
    bus.stop()
    bus.stop()
    expect(completed).toBe(2)
    bus.publish('test.pinged', { n: 1 })
    expect(seen).toEqual([])
    expect(bus.on('test.pinged')).toBe(EMPTY)
  })
})
