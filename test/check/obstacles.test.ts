import { and, assign, createMachine, enqueueActions, fromPromise, not, raise, sendTo, setup, spawnChild, type AnyStateMachine } from 'xstate'
import { afterEach, describe, expect, it } from 'vitest'
import { checkMachine, part, product, UncheckableMachine, validateTrace } from '../../src/check/index.ts'

const events = [{ type: 'go' }]
const originals = { random: Math.random, date: Date, now: performance.now, timeout: setTimeout, hrtime: process.hrtime, uuid: crypto.randomUUID }

function refusal(machine: AnyStateMachine): string {
  try {
    checkMachine(machine, { events })
  } catch (error) {
    expect(error).toBeInstanceOf(UncheckableMachine)
    expect((error as UncheckableMachine).code).toBe('uncheckable_machine')
    return (error as Error).message
  }
  return 'no refusal'
}
const onGo = (actions: any, context: unknown = {}) => createMachine({ id: 'm', context, on: { go: { actions } } } as never)

afterEach(() => {
  expect({ random: Math.random, date: Date, now: performance.now, timeout: setTimeout, hrtime: process.hrtime, uuid: crypto.randomUUID }).toEqual(originals)
})

describe('what keeps a machine from being checked', () => {
  it('names every invoke, after and systemId, and how to write it instead', () => {
    const work = fromPromise(async () => 1)
    const text = refusal(createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { invoke: { src: work, id: 'loader', systemId: 'loading' } }, b: { after: { 500: 'a' } } },
    }))
    expect(text).toContain('state "m.a": invokes "loader" under the systemId "loading"')
    expect(text).toContain('Instead: leave a command on entry')
    expect(text).toContain('state "m.b": has an "after" transition (500)')
    expect(text).toContain('startTimer')
  })

  it('says each thing once, and calls what is invoked by its name', () => {
    const text = refusal(createMachine({ id: 'm', initial: 'a', states: { a: { after: { 500: 'b', soon: 'b' }, invoke: { src: 'load' } }, b: {} } }))
    expect(text.split('\n').slice(1).map((line) => line.split('. Instead')[0])).toEqual([
      '  - state "m.a": invokes "load"', '  - state "m.a": has an "after" transition (500)', '  - state "m.a": has an "after" transition (soon)',
    ])
  })

  const later = async (): Promise<boolean> => false
  it.each([
    ['a guard', setup({}).createMachine({ id: 'm', on: { go: { guard: later as never } } }), 'a guard on "go": is async: XState takes its promise for true'],
    ['a named guard', setup({ guards: { later: later as never } }).createMachine({ id: 'm', on: { go: { guard: 'later' } } }), 'a guard on "go": is async'],
    ['part of a guard', setup({ guards: { later: later as never } }).createMachine({ id: 'm', on: { go: { guard: not(and(['later'])) } } }), 'a guard on "go": is async'],
    ['an assign', onGo(assign(later as never)), 'an assign: is async: XState does not wait for it'],
    ['a field of an assign', onGo(assign({ n: later } as never)), 'an assign: is async'],
    ['an assign that gives a promise', onGo(assign((() => later()) as never)), 'an assign on "go": is async'],
  ])('refuses what is async: %s', (_, machine, what) => {
    expect(refusal(machine as AnyStateMachine)).toContain(what)
  })

  it('finds a guard that gives a promise', () => {
    const machine = createMachine({ id: 'm', on: { go: { guard: (() => later()) as never } } })
    expect(checkMachine(machine, { events }).problems).toMatchObject([{ kind: 'throw', message: expect.stringContaining('the guard gives a promise') }])
  })

  it('refuses a class in context when a record is held against the machine, too', () => {
    const machine = createMachine({ id: 'm', context: { at: new Date(0) }, on: { go: {} } })
    expect(() => validateTrace(machine, [{ event: { type: 'go' } }])).toThrow('"m" cannot be checked:\n  - "at" in a state that was followed: is an instance of Date')
  })

  it.each([
    ['spawns a child', spawnChild(fromPromise(async () => 1)), 'it spawns a child'],
    ['spawns in an assign', assign({ child: ({ spawn }: any) => spawn(fromPromise(async () => 1)) }), 'self.system'],
    ['sends to another actor', sendTo('other', { type: 'x' }), 'it sends to another actor'],
    ['raises later', raise({ type: 'x' }, { delay: 10 }), 'after a delay'],
    ['spawns from enqueueActions', enqueueActions(({ enqueue }: any) => enqueue.spawnChild(fromPromise(async () => 1))), 'self.system'],
    ['uses the actor system', assign(({ system }: any) => ({ other: system.get('other') })), 'system.get'],
  ])('refuses a machine that %s', (_, action, what) => {
    expect(refusal(onGo(action))).toContain(what)
  })

  it.each([
    ['a class instance', () => ({ a: { when: new Date(0) } }), '"a.when" after {"type":"go"}: is an instance of Date'],
    ['a Map', () => ({ a: new Map() }), '"a" after {"type":"go"}: is an instance of Map'],
    ['a function', () => ({ a: [() => 1] }), '"a.0" after {"type":"go"}: is a function'],
    ['a symbol key', () => ({ a: { [Symbol('x')]: 1 } }), '"a" after {"type":"go"}: has a symbol as a key'],
    ['a cycle', () => { const a: any = {}; a.a = a; return { a } }, 'is cyclic'],
  ])('refuses %s in context rather than merge states', (_, update, what) => {
    expect(refusal(onGo(assign(update as never)))).toContain(what)
  })

  it.each([
    ['Math.random()', () => Math.random()],
    ['Date.now()', () => Date.now()],
    ['new Date()', () => new Date().getTime()],
    ['performance.now()', () => performance.now()],
    ['crypto.randomUUID()', () => crypto.randomUUID().length],
    ['process.hrtime.bigint()', () => Number(process.hrtime.bigint())],
    ['setTimeout()', () => Number(setTimeout(() => {}, 1))],
  ])('catches %s in guards and actions, even when the error is swallowed', (name, read) => {
    const guarded = setup({ guards: { lucky: () => read() > 0.5 } }).createMachine({ id: 'm', on: { go: { guard: 'lucky', actions: 'x' as never } } })
    expect(refusal(guarded)).toContain(`a guard or action calls ${name}`)
    const swallowed = assign({ at: () => { try { return read() } catch { return 0 } } })
    expect(refusal(onGo(swallowed))).toContain(`a guard or action calls ${name}`)
    const initial = createMachine({ id: 'm', context: () => ({ at: read() }) })
    expect(refusal(initial)).toContain(name)
  })

  it('catches a state that is changed in place', () => {
    const machine = onGo([assign(({ context }: any) => { context.list.push(1); return {} })], { list: [] })
    expect(refusal(machine)).toContain('changed the state in place')
  })

  it('catches a state that is changed in place where successors share it, in whatever state that happens', () => {
    const machine = setup({ types: { context: {} as { n: number; log: { last: number } } } }).createMachine({
      id: 'm', context: () => ({ n: 0, log: { last: 0 } }),
      on: { go: { guard: ({ context }) => context.n < 9, actions: assign({ n: ({ context }) => { if (context.n === 5) context.log.last = 7; return context.n + 1 } }) } },
    })
    expect(() => checkMachine(machine, { events, mayStop: () => true })).toThrow('changed the state in place')
    expect(() => checkMachine(product({ parts: { m: part(machine, { events }) } }), { mayStop: () => true })).toThrow('changed the state in place')
  })

  it('catches an object outside that is put into context and changed again and again', () => {
    const box = { n: 0 }
    const machine = onGo(assign(() => { box.n++; return { box } }), { box: null })
    expect(refusal(machine)).toContain('changed the state in place')
  })

  it('catches answers that take turns, in a transition that is there only once', () => {
    let calls = 0
    const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
      id: 'm', context: { n: 0 }, initial: 'a', states: { a: { on: { go: { target: 'b', actions: assign({ n: () => calls++ % 2 }) } } }, b: { type: 'final' } },
    })
    expect(checkMachine(machine, { events })).toMatchObject({ ok: false, problems: [{ kind: 'nondeterministic', property: 'go' }] })
  })

  it('catches one odd transition among thousands', () => {
    let asked = 0
    const machine = setup({ types: { context: {} as { a: number; b: number }, events: {} as { type: 'a' } | { type: 'b' } } }).createMachine({
      id: 'm', context: { a: 0, b: 0 },
      on: {
        a: { actions: assign({ a: ({ context: { a } }) => (a + 1) % 60 }) },
        b: { guard: ({ context: { a, b } }) => a !== 41 || b !== 37 || asked++ % 2 === 0, actions: assign({ b: ({ context: { b } }) => (b + 1) % 60 }) },
      },
    })
    expect(checkMachine(machine, { events: [{ type: 'a' }, { type: 'b' }] })).toMatchObject({ ok: false, exhaustive: false, problems: [{ kind: 'nondeterministic', property: 'b' }] })
    expect(asked).toBeGreaterThan(1)
  })

  it('catches answers that depend on something outside', () => {
    let calls = 0
    const machine = setup({ types: { context: {} as { n: number } } }).createMachine({ id: 'm', context: { n: 0 }, on: { go: { actions: assign({ n: () => calls++ }) } } })
    const result = checkMachine(machine, { events })
    expect(result).toMatchObject({ ok: false, exhaustive: false, problems: [{ kind: 'nondeterministic', property: 'go' }] })
  })

  it('catches commands that depend on something outside', () => {
    let calls = 0
    const machine = setup({ actions: { ring: (_args, _params: { n: number }) => {} } }).createMachine({ id: 'm', on: { go: { actions: { type: 'ring', params: () => ({ n: calls++ }) } } } })
    expect(checkMachine(machine, { events }).problems).toMatchObject([{ kind: 'nondeterministic' }])
  })

  it('says that an inline action is not run', () => {
    let ran = false
    const result = checkMachine(onGo(() => { ran = true }), { events })
    expect(result.assumptions).toEqual(['state "m" has an inline action function: it is not run, and what it does is not checked'])
    expect(ran).toBe(false)
  })

  it('catches an initial state that depends on something outside', () => {
    let made = 0
    expect(refusal(createMachine({ id: 'm', context: () => ({ n: made++ }) }))).toContain('its initial state: it is another one each time')
  })

  it('asks for events', () => {
    const machine = createMachine({ id: 'm', on: { go: {} } })
    expect(() => checkMachine(machine, { events: ['go'] as never })).toThrow('"events": "go" is no event: expected an object with a type')
    expect(() => checkMachine(machine, { events: () => ['go'] as never })).toThrow('is no event')
    expect(() => checkMachine(createMachine({ id: 'm' }), { events: [] })).toThrow('"events": "m" needs the events that may arrive')
  })

  it('tells apart what is equal only on the surface', () => {
    const values = [0, -0, '0', undefined, null, [], {}, { a: undefined }, [undefined], 'T', true, 1n, 1, NaN]
    const machine = setup({ types: { context: {} as { v: unknown }, events: {} as { type: 'set'; v: unknown } } }).createMachine({
      id: 'm', context: { v: 'start' }, on: { set: { actions: assign({ v: ({ event }) => event.v }) } },
    })
    expect(checkMachine(machine, { events: values.map((v) => ({ type: 'set' as const, v })) }).states).toBe(values.length + 1)
    const orders = [{ type: 'set' as const, v: { a: 1, b: 2 } }, { type: 'set' as const, v: { b: 2, a: 1 } }]
    expect(checkMachine(machine, { events: orders }).states).toBe(2)
  })
})
