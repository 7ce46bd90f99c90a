import { assign, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { channel, checkMachine, part, product, type Model } from '../../src/check/index.ts'

const source = (count: number): Model<{ sent: number }, 'send'> => ({
  init: { sent: 0 },
  events: [],
  next: ({ sent }) => (sent < count ? { sent: sent + 1 } : undefined),
  commands: (_state, _event, { sent }) => [{ type: 'message', params: sent }],
})
const sink: Model<{ got: number[] }, number> = { init: { got: [] }, events: [], next: ({ got }, message) => ({ got: [...got, message] }) }
const sent = (count: number, options: { lose?: number; duplicate?: number; reorder?: boolean }, crashes = 0) => product({
  parts: {
    source: part(source(count), { events: ['send'], send: ({ params }) => ({ channel: 'wire', message: params }) }),
    sink: part(sink, { receive: (message) => message, crashes }),
  },
  channels: { wire: channel({ to: 'sink', ...options }) },
})
/** All that the sink may have received at some time. */
function seen(subject: ReturnType<typeof sent>): string[] {
  const all = new Set<string>()
  const result = checkMachine(subject, { invariants: { note: ({ parts }) => all.add(parts.sink.got.join(' ')).size > 0 }, mayStop: () => true })
  expect(result).toMatchObject({ ok: true, exhaustive: true })
  return [...all].sort()
}

describe('the adversary', () => {
  it('does nothing to a reliable channel', () => {
    expect(seen(sent(2, {}))).toEqual(['', '1', '1 2'])
  })
  it('loses as often as it may', () => {
    expect(seen(sent(2, { lose: 1 }))).toEqual(['', '1', '1 2', '2'])
  })
  it('duplicates as often as it may', () => {
    expect(seen(sent(2, { duplicate: 1 }))).toEqual(['', '1', '1 1', '1 1 2', '1 2', '1 2 2'])
  })
  it('reorders', () => {
    expect(seen(sent(2, { reorder: true }))).toEqual(['', '1', '1 2', '2', '2 1'])
  })
  it('crashes a part as often as it may', () => {
    expect(seen(sent(2, {}, 1))).toEqual(['', '1', '1 2', '2'])
  })
})

const clock = (nonceIsChecked: boolean) => setup({
  types: { context: {} as { nonce: number; fired: number[] }, events: {} as { type: 'restart' } | { type: 'timer'; id: string; nonce: number } },
  actions: { startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {} },
  guards: { isCurrent: ({ context, event }) => !nonceIsChecked || (event.type === 'timer' && event.nonce === context.nonce) },
}).createMachine({
  id: 'clock',
  context: { nonce: 1, fired: [] },
  entry: { type: 'startTimer', params: { id: 't', ms: 2, nonce: 1 } },
  on: {
    restart: { guard: ({ context }) => context.nonce === 1, actions: [assign({ nonce: 2 }), { type: 'startTimer', params: { id: 't', ms: 2, nonce: 2 } }] },
    timer: { guard: 'isCurrent', actions: assign({ fired: ({ context, event }) => [...context.fired, event.nonce] }) },
  },
})
/** The first timer was heard after the one that replaced it. */
const lateAnswer = ({ fired, nonce }: { fired: number[]; nonce: number }): boolean => nonce === 2 && fired.includes(1) && fired.indexOf(1) > fired.indexOf(2) && fired.includes(2)

describe('timers', () => {
  const subject = (nonceIsChecked: boolean, time?: object) => product({ parts: { clock: part(clock(nonceIsChecked), { events: [{ type: 'restart' }] }) }, ...(time && { time }) })

  it('may have fired before they were replaced', () => {
    const heard = { mayStop: () => true, invariants: { 'never after its replacement': ({ parts }: any) => !lateAnswer(parts.clock.context) } }
    expect(checkMachine(subject(false), heard).problems).toMatchObject([{ kind: 'invariant' }])
    expect(checkMachine(subject(true), heard).ok).toBe(true)
    // Two ticks pass before it is due: what is replaced sooner cannot have fired.
    const early = { mayStop: () => true, invariants: { 'stale only when due': ({ timers, time }: any) => time >= 2 || timers.clock.every((timer: any) => !timer.stale) } }
    expect(checkMachine(subject(true, { horizon: 5 }), early).ok).toBe(true)
    const everStale = { mayStop: () => true, reachable: { stale: ({ timers }: any) => timers.clock.some((timer: any) => timer.stale) } }
    expect(checkMachine(subject(true, { horizon: 5 }), everStale).ok).toBe(true)
  })
})

describe('clocks', () => {
  const reader = (): Model<{ read: number }, { now: number }> => ({ init: { read: 0 }, events: [], next: (_state, { now }) => ({ read: now }) })
  const pair = (drift?: Record<string, number>) => product({
    parts: { a: part(reader(), { events: (_state, at) => [at] }), b: part(reader(), { events: (_state, at) => [at] }) },
    time: { horizon: 4, drift },
  })
  const apart = (ticks: number) => ({ mayStop: () => true, reachable: { apart: ({ clocks, time }: any) => time === 4 && clocks.a - clocks.b === ticks } })

  it('are the same without drift, and part as far as it allows', () => {
    expect(checkMachine(pair(), apart(1)).problems).toMatchObject([{ kind: 'unreachable' }])
    expect(checkMachine(pair({ a: 1, b: 1 }), apart(2)).ok).toBe(true)
    expect(checkMachine(pair({ a: 1, b: 1 }), apart(3)).problems).toMatchObject([{ kind: 'unreachable' }])
  })
  it('are read by parts', () => {
    const result = checkMachine(pair({ a: 1 }), { mayStop: () => true, reachable: { ahead: ({ parts, time }: any) => parts.a.read === 5 && time === 4 }, invariants: { bounded: ({ parts, time }: any) => parts.a.read <= time + 1 && parts.b.read <= time } })
    expect(result).toMatchObject({ ok: true })
  })
  it('need a horizon to drift', () => {
    expect(() => checkMachine(product({ parts: { a: part(reader()) }, time: { drift: { a: 1 } } }))).toThrow('time.horizon')
  })
})
