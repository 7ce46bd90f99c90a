import { assign, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { channel, checkMachine, formatResult, part, product, replay, toItf, type Model } from '../../src/check/index.ts'

/** Sends its message until it is acknowledged. */
const sender = setup({
  types: { events: {} as { type: 'ack' } | { type: 'timer'; id: string; nonce: number } },
  actions: { send: () => {}, startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {}, cancelTimer: (_args, _params: { id: string }) => {} },
}).createMachine({
  id: 'sender',
  initial: 'waiting',
  states: {
    waiting: {
      entry: ['send', { type: 'startTimer', params: { id: 'resend', ms: 5, nonce: 1 } }],
      exit: { type: 'cancelTimer', params: { id: 'resend' } },
      on: { ack: 'done', timer: { target: 'waiting', reenter: true } },
    },
    done: { type: 'final' },
  },
})

const receiver = (idempotent: boolean) => setup({ types: { context: {} as { effects: number } }, actions: { acknowledge: () => {} } }).createMachine({
  id: 'receiver',
  context: { effects: 0 },
  on: { message: { actions: [assign({ effects: ({ context }) => (idempotent ? 1 : Math.min(2, context.effects + 1)) }), 'acknowledge'] } },
})

const delivery = (options: { idempotent: boolean; lose: boolean }) => product({
  parts: {
    sender: part(sender, { send: ({ type }) => (type === 'send' ? { channel: 'there', message: 'hello' } : undefined), receive: () => ({ type: 'ack' }) }),
    receiver: part(receiver(options.idempotent), { send: ({ type }) => (type === 'acknowledge' ? { channel: 'back', message: 'ok' } : undefined), receive: () => ({ type: 'message' }) }),
  },
  channels: { there: channel({ to: 'receiver', capacity: 2, lose: options.lose }), back: channel({ to: 'sender', capacity: 2, lose: options.lose }) },
})

describe('product', () => {
  it('finds the second effect of a message that was sent twice', () => {
    const result = checkMachine(delivery({ idempotent: false, lose: true }), { invariants: { 'one effect': ({ parts }) => parts.receiver.context.effects < 2 }, mayStop: ({ parts }) => parts.sender.status === 'done' })
    expect(result.problems).toMatchObject([{ kind: 'invariant', property: 'one effect' }])
    // Resent, and both delivered: three steps, in one of the two shortest orders.
    expect(result.problems[0]!.path.map(({ event }) => event?.type).slice(1).sort()).toEqual(['deliver:there', 'deliver:there', 'timer:sender'])
    expect(replay(delivery({ idempotent: false, lose: true }), JSON.parse(JSON.stringify(result.problems[0]!.replay)))).toEqual(result.problems[0]!.path)
    expect(formatResult(result)).toContain('receiver.context.effects: 1 -> 2')
  })

  it('holds that the message arrives, given what cannot be withheld for ever', () => {
    const arrives = { from: () => true, to: ({ parts }: any) => parts.sender.matches('done') }
    const fair = { weak: ['timer:sender'], strong: ['deliver:there', 'deliver:back'] }
    const mayStop = ({ parts }: any): boolean => parts.sender.status === 'done'
    expect(checkMachine(delivery({ idempotent: true, lose: true }), { leadsTo: { arrives: { ...arrives, ...fair } }, mayStop })).toMatchObject({ ok: true, exhaustive: true })
    const lossy = checkMachine(delivery({ idempotent: true, lose: true }), { leadsTo: { arrives: { ...arrives, weak: [...fair.weak, ...fair.strong] } }, mayStop })
    expect(lossy.problems).toMatchObject([{ kind: 'leads-to', property: 'arrives' }])
    expect(lossy.problems[0]!.loop!.some(({ event }) => event!.type.startsWith('lose:'))).toBe(true)
  })

  it('makes a sender wait for a full channel, and says so', () => {
    const result = checkMachine(delivery({ idempotent: true, lose: false }), { mayStop: ({ parts }) => parts.sender.status === 'done' })
    expect(result.ok).toBe(true)
    expect(result.assumptions).toContain('channel "there" was full (2): senders wait for it')
  })

  it('counts the states of a channel: every content up to its capacity, in order or not', () => {
    const source: Model<{ n: 0 }, 'a' | 'b'> = { init: { n: 0 }, events: ['a', 'b'], next: (state) => ({ ...state }), commands: (_state, event) => [{ type: 'put', params: event }] }
    const sink: Model<{ n: 0 }, { got: unknown }> = { init: { n: 0 }, events: [], next: (state) => state }
    const wired = (reorder: boolean) => product({
      parts: { source: part(source, { events: ['a', 'b'], send: ({ params }) => ({ channel: 'c', message: params }) }), sink: part(sink, { receive: (got) => ({ got }) }) },
      channels: { c: channel({ to: 'sink', capacity: 3, reorder }) },
    })
    // Sequences of up to 3 letters: 1 + 2 + 4 + 8. Multisets: 1 + 2 + 3 + 4.
    expect(checkMachine(wired(false)).states).toBe(15)
    expect(checkMachine(wired(true)).states).toBe(10)
  })

  it('fires timers at their tick when time is counted, and at any time when it is not', () => {
    const clock = setup({
      types: { context: {} as { order: string }, events: {} as { type: 'timer'; id: string; nonce: number } },
      actions: { startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {} },
    }).createMachine({
      id: 'clock',
      context: { order: '' },
      entry: [{ type: 'startTimer', params: { id: 'late', ms: 3000, nonce: 1 } }, { type: 'startTimer', params: { id: 'early', ms: 1000, nonce: 1 } }],
      on: { timer: { actions: assign({ order: ({ context, event }) => `${context.order}${event.id} ` }) } },
    })
    const ordered = { invariants: { ordered: ({ parts }: any) => !parts.clock.context.order.startsWith('late') }, reachable: { both: ({ parts }: any) => parts.clock.context.order === 'early late ' }, mayStop: () => true }
    // Ticks 0 to 1, early fires, ticks 1 to 3, late fires; then time goes on without a change.
    expect(checkMachine(product({ parts: { clock: part(clock) }, time: { msPerTick: 1000 } }), ordered)).toMatchObject({ ok: true, states: 6 })
    expect(checkMachine(product({ parts: { clock: part(clock) } }), ordered).problems).toMatchObject([{ kind: 'invariant', property: 'ordered', path: { length: 2 } }])
    // Three ticks late, the first may overtake.
    expect(checkMachine(product({ parts: { clock: part(clock) }, time: { msPerTick: 1000, late: 3 } }), ordered).ok).toBe(false)
  })

  it('refuses to promise anything beyond a horizon', () => {
    const timed = product({ parts: { sender: part(sender) }, time: { horizon: 3 } })
    expect(() => checkMachine(timed, { leadsTo: { x: { from: () => true, to: () => true } } })).toThrow('"leadsTo": time ends at time.horizon')
    expect(checkMachine(timed).assumptions).toContain('only the first 3 ticks are looked at')
  })

  it('holds its parts to be pure, and drops the timers of one that has ended', () => {
    const mutating = part<{ list: number[] }, 'push'>({ init: { list: [] }, events: [], next: (state) => { state.list.push(1); return { list: [] } } }, { events: ['push'] })
    expect(() => checkMachine(product({ parts: { mutating } }))).toThrow('changed the state in place')
    const endless = setup({ actions: { startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {} } }).createMachine({
      id: 'endless', initial: 'on', states: { on: { entry: { type: 'startTimer', params: { id: 't', ms: 1, nonce: 1 } }, on: { stop: 'off' } }, off: { type: 'final' } },
    })
    const stopped = checkMachine(product({ parts: { endless: part(endless, { events: [{ type: 'stop' }] }) } }), { invariants: { 'no timer of the dead': ({ parts, timers }) => parts.endless.status !== 'done' || timers.endless.length === 0 }, mayStop: () => true })
    expect(stopped).toMatchObject({ ok: true })
  })

  it('names what is not there', () => {
    expect(() => product({ parts: { sender: part(sender) }, channels: { c: channel({ to: 'nobody' }) } })).toThrow('"channels.c.to": there is no part "nobody": there are sender')
    const unwired = product({ parts: { sender: part(sender, { send: () => ({ channel: 'x', message: 1 }) }) } })
    expect(() => checkMachine(unwired)).toThrow('"parts.sender.send": there is no channel "x": there are none')
  })

  /** Clients that take a lock held by a server; `careless` ones do not wait for the answer. */
  const locked = (names: string[], options: { careless?: boolean; symmetric?: boolean }) => product({
    name: 'locked',
    parts: {
      ...Object.fromEntries(names.map((name) => [name, part<{ at: string }, string>({
        name,
        init: { at: 'out' },
        events: [],
        next: ({ at }, event) => {
          if (event === 'ask' && at === 'out') return { at: options.careless ? 'in' : 'asking' }
          if (event === 'granted' && at === 'asking') return { at: 'in' }
          return event === 'leave' && at === 'in' ? { at: 'out' } : undefined
        },
        commands: (_state, event) => (event === 'granted' ? [] : [{ type: event, params: undefined }]),
      }, { events: ['ask', 'leave'], send: ({ type }) => ({ channel: 'requests', message: { type, from: name } }), receive: () => 'granted' })])),
      server: part<{ owner: string | null; queue: string[] }, { type: string; from: string }>({
        init: { owner: null, queue: [] },
        events: [],
        next: ({ owner, queue }, { type, from }) => {
          if (type === 'ask') return owner === null ? { owner: from, queue } : queue.includes(from) ? undefined : { owner, queue: [...queue, from] }
          return owner === from ? { owner: queue[0] ?? null, queue: queue.slice(1) } : undefined
        },
        commands: ({ owner }, _event, next) => (next.owner !== null && next.owner !== owner ? [{ type: 'grant', params: { to: next.owner } }] : []),
      }, { receive: (message) => message, send: ({ params }) => ({ channel: `to ${params.to}`, message: 'granted' }) }),
    } as Record<string, any>,
    channels: { requests: channel({ to: 'server', capacity: 3 }), ...Object.fromEntries(names.map((name) => [`to ${name}`, channel({ to: name, capacity: 1 })])) },
    ...(options.symmetric ? { symmetry: [names] } : {}),
  })
  const names = ['ann', 'bob', 'cy']
  const alone = { invariants: { 'one inside': ({ parts }: any) => names.filter((name) => parts[name]?.at === 'in').length < 2 }, mayStop: () => true }

  it('merges states that differ only in who is who, and finds the same', () => {
    const all = checkMachine(locked(names, {}), alone)
    const merged = checkMachine(locked(names, { symmetric: true }), alone)
    expect(all.ok && merged.ok).toBe(true)
    expect(merged.depth).toBe(all.depth)
    expect(merged.states).toBeLessThan(all.states / 4)
    expect(merged.states).toBeGreaterThanOrEqual(all.states / 6)

    const broken = checkMachine(locked(names, { careless: true, symmetric: true }), alone)
    expect(broken.problems[0]!.path).toHaveLength(3)
    // The path is one of the real product: its events can be run in the one that merges nothing.
    const [, first, second] = broken.problems[0]!.path
    expect(first!.event!.type).not.toBe(second!.event!.type)
    expect(replay(locked(names, { careless: true }), broken.problems[0]!.replay!)).toEqual(broken.problems[0]!.path)
    expect(broken.assumptions).toContain('ann, bob, cy are alike: what differs only in which is which was looked at once')
  })

  it('refuses symmetry of what is not alike, and promises with it', () => {
    const { product: options } = locked(['ann', 'bob'], { symmetric: true })
    const unlike = product({ ...options, parts: { ...options.parts, bob: part({ init: { at: 'elsewhere' }, events: [], next: () => undefined }) } })
    expect(() => checkMachine(unlike, { mayStop: () => true })).toThrow('"symmetry": the parts of a group are not alike')
    expect(() => checkMachine(locked(['ann', 'bob'], { symmetric: true }), { leadsTo: { x: { from: () => true, to: () => true } } })).toThrow('leave symmetry out')
  })

  it('exports a counterexample as ITF', () => {
    const result = checkMachine(delivery({ idempotent: false, lose: true }), { invariants: { 'one effect': ({ parts }) => parts.receiver.context.effects < 2 }, mayStop: () => true })
    const itf = toItf(result.problems[0]!, result.machine) as { vars: string[]; states: Record<string, any>[] }
    expect(itf.vars).toContain('receiver')
    expect(itf.states).toHaveLength(4)
    expect(itf.states.every((state) => itf.vars.every((name) => name in state))).toBe(true)
    expect(itf.states.at(-1)!['receiver'].context).toEqual({ effects: { '#bigint': '2' } })
  })
})
