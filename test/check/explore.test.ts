import fc from 'fast-check'
import { assign, createMachine, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { checkMachine, type Model } from '../../src/check/index.ts'

/** Two processes, each idle -> wanting -> critical, by Peterson's algorithm. Reads and writes are single steps. */
interface Peterson { pc: ['idle' | 'flagged' | 'waiting' | 'critical', 'idle' | 'flagged' | 'waiting' | 'critical']; flag: [boolean, boolean]; turn: 0 | 1 }
function peterson(options: { checkTurn: boolean }): Model<Peterson, 0 | 1> {
  return {
    name: 'peterson',
    init: { pc: ['idle', 'idle'], flag: [false, false], turn: 0 },
    events: [0, 1],
    next({ pc, flag, turn }, me) {
      const other = me === 0 ? 1 : 0
      const with_ = <T>(pair: [T, T], value: T): [T, T] => (me === 0 ? [value, pair[1]] : [pair[0], value])
      switch (pc[me]) {
        case 'idle': return { pc: with_(pc, 'flagged'), flag: with_(flag, true), turn }
        case 'flagged': return { pc: with_(pc, 'waiting'), flag, turn: other }
        case 'waiting': return !flag[other] || (options.checkTurn && turn === me) || (!options.checkTurn && turn === other) ? { pc: with_(pc, 'critical'), flag, turn } : undefined
        case 'critical': return { pc: with_(pc, 'idle'), flag: with_(flag, false), turn }
      }
    },
  }
}
const apart = { invariants: { 'one at a time': ({ pc }: Peterson) => !(pc[0] === 'critical' && pc[1] === 'critical') } }

describe('explorer', () => {
  it('visits every state of a machine with parallel regions', () => {
    const machine = createMachine({
      id: 'two',
      type: 'parallel',
      states: {
        light: { initial: 'red', states: { red: { on: { next: 'green' } }, green: { on: { next: 'yellow' } }, yellow: { on: { next: 'red' } } } },
        power: { initial: 'on', states: { on: { on: { cut: 'off' } }, off: { on: { restore: 'on' } } } },
      },
    })
    const result = checkMachine(machine, { events: [{ type: 'next' }, { type: 'cut' }, { type: 'restore' }] })
    // 3 lights x 2 powers; in each state `next` and one of cut and restore have an effect.
    expect(result).toMatchObject({ ok: true, exhaustive: true, states: 6, transitions: 12, depth: 3, neverTaken: [], neverEntered: [] })
  })

  it('tells states apart by their history', () => {
    const machine = createMachine({
      id: 'player',
      initial: 'on',
      states: {
        on: { initial: 'a', states: { a: { on: { flip: 'b' } }, b: { on: { flip: 'a' } }, last: { type: 'history' } }, on: { off: 'off' } },
        off: { on: { on: 'on.last' } },
      },
    })
    const result = checkMachine(machine, { events: [{ type: 'flip' }, { type: 'off' }, { type: 'on' }] })
    // a and b before there is a history; off, a and b for either history.
    expect(result.states).toBe(2 + 2 * 3)
    expect(result.ok).toBe(true)
  })

  it('finds both processes of a broken mutual exclusion in the critical section, on a shortest path', () => {
    const good = checkMachine(peterson({ checkTurn: true }), apart)
    expect(good).toMatchObject({ ok: true, exhaustive: true, problems: [] })
    const bad = checkMachine(peterson({ checkTurn: false }), apart)
    expect(bad.ok).toBe(false)
    const [problem] = bad.problems
    expect(problem).toMatchObject({ kind: 'invariant', property: 'one at a time' })
    // Three steps each: none can be left out.
    expect(problem!.path).toHaveLength(1 + 6)
    expect((problem!.path.at(-1)!.state as Peterson).pc).toEqual(['critical', 'critical'])
  })

  it('agrees with a naive explorer on random graphs', () => {
    const graph = fc.array(fc.array(fc.nat(11), { maxLength: 4 }), { minLength: 12, maxLength: 12 })
    fc.assert(fc.property(graph, fc.nat(11), (successors, forbidden) => {
      const model: Model<{ at: number }, number> = {
        init: { at: 0 },
        events: ({ at }) => successors[at]!.map((_, index) => index),
        next: ({ at }, index) => ({ at: successors[at]![index]! }),
      }
      const distance = new Map([[0, 0]])
      for (const state of distance.keys()) for (const next of successors[state]!) if (!distance.has(next)) distance.set(next, distance.get(state)! + 1)
      const result = checkMachine(model, { invariants: { allowed: ({ at }) => at !== forbidden }, mayStop: () => true })
      expect(result.states).toBe(distance.size)
      expect(result.depth).toBe(Math.max(...distance.values()))
      const found = result.problems.find(({ property }) => property === 'allowed')
      expect(found ? found.path.length - 1 : undefined).toBe(distance.get(forbidden))
      // The path is one of the graph.
      for (let step = 1; step < (found?.path.length ?? 0); step++) {
        const from = (found!.path[step - 1]!.state as { at: number }).at
        expect(successors[from]![found!.path[step]!.event!]).toBe((found!.path[step]!.state as { at: number }).at)
      }
    }))
  })

  it('reports where nothing leads on, except in declared ends and final states', () => {
    const machine = createMachine({ id: 'ends', initial: 'a', states: { a: { on: { left: 'dead', right: 'done', back: 'rest' } }, dead: {}, rest: {}, done: { type: 'final' } } })
    const events = [{ type: 'left' }, { type: 'right' }, { type: 'back' }]
    const result = checkMachine(machine, { events, mayStop: (snapshot) => snapshot.value === 'rest' })
    expect(result.problems).toHaveLength(1)
    expect(result.problems[0]).toMatchObject({ kind: 'deadlock', path: [{ event: null, state: { value: 'a' } }, { event: { type: 'left' }, state: { value: 'dead' } }] })
  })

  it('holds step properties against commands, and sees ignored events', () => {
    const machine = setup({ types: { events: {} as { type: 'ask' } | { type: 'noise' } }, actions: { answer: (_args, _params: { n: number }) => {} } }).createMachine({
      id: 'asked',
      context: { n: 0 },
      on: { ask: { actions: [assign({ n: ({ context }) => (context.n + 1) % 3 }), { type: 'answer', params: ({ context }) => ({ n: context.n }) }] } },
    })
    const events = [{ type: 'ask' }, { type: 'noise' }] as const
    const good = checkMachine(machine, {
      events,
      steps: {
        'every ask is answered with the new number': (_before, event, after, commands) => event.type !== 'ask' || (commands[0]!.params as { n: number }).n === after.context.n,
        'noise does nothing': (before, event, after, commands) => event.type !== 'noise' || (before === after && commands.length === 0),
      },
    })
    expect(good).toMatchObject({ ok: true, states: 3, neverTaken: ['event "noise": no state takes it'] })
    const bad = checkMachine(machine, { events, steps: { 'never answers 0': (_before, _event, _after, commands) => commands.every(({ params }) => (params as { n: number }).n !== 0) } })
    expect(bad.problems[0]).toMatchObject({ kind: 'step', path: { length: 4 } })
    expect(bad.problems[0]!.path.at(-1)).toMatchObject({ event: { type: 'ask' }, commands: [{ type: 'answer', params: { n: 0 } }] })
  })

  it('names dead transitions and states, and properties that hold nowhere', () => {
    const machine = setup({ guards: { never: () => false } }).createMachine({
      id: 'dead',
      initial: 'a',
      states: { a: { on: { go: [{ guard: 'never', target: 'b' }, { target: 'c' }] } }, b: {}, c: { on: { go: 'a' } } },
    })
    const result = checkMachine(machine, { events: [{ type: 'go' }], reachable: { b: (snapshot) => snapshot.matches('b'), c: (snapshot) => snapshot.matches('c') } })
    expect(result.neverTaken).toEqual(['dead.a --go[never]--> dead.b'])
    expect(result.neverEntered).toEqual(['dead.b'])
    expect(result.problems).toMatchObject([{ kind: 'unreachable', property: 'b' }])
  })

  it('knows a state as entered that is left at once', () => {
    const machine = createMachine({
      id: 'm', initial: 'one',
      states: {
        one: { initial: 'ask', states: { ask: { on: { yes: 'ok' } }, ok: { type: 'final' }, no: { type: 'final' } }, onDone: 'two' },
        two: { on: { again: 'one' }, initial: 'a', states: { a: { always: 'b' }, b: {} } },
      },
    })
    const result = checkMachine(machine, { events: [{ type: 'yes' }, { type: 'again' }] })
    expect(result).toMatchObject({ ok: true, states: 2, neverEntered: ['m.one.no'], neverTaken: [] })
  })

  it('never passes when it was cut short, and says that leads-to was not checked', () => {
    const machine = setup({ types: { context: {} as { n: number } } }).createMachine({ id: 'counter', context: { n: 0 }, on: { inc: { actions: assign({ n: ({ context }) => context.n + 1 }) } } })
    const result = checkMachine(machine, { events: [{ type: 'inc' }], maxStates: 100, leadsTo: { grows: { from: () => true, to: ({ context }) => context.n > 5, weak: ['inc'] } }, reachable: { far: ({ context }) => context.n > 1000 } })
    expect(result).toMatchObject({ ok: false, exhaustive: false })
    expect(result.problems).toMatchObject([{ kind: 'truncated', message: expect.stringContaining('leads-to properties were not checked; not seen so far: far') }])
  })

  it('takes a throw in a guard or an action for a finding, with the path to it', () => {
    const machine = setup({ types: { context: {} as { items: string[] } } }).createMachine({
      id: 'thrower',
      context: { items: ['x'] },
      on: { pop: { actions: assign({ items: ({ context }) => context.items.slice(1) }) }, read: { guard: ({ context }) => context.items[0]!.length > 0, actions: assign({ items: ['y'] }) } },
    })
    const result = checkMachine(machine, { events: [{ type: 'pop' }, { type: 'read' }] })
    expect(result.problems).toMatchObject([{ kind: 'throw', property: 'read', message: expect.stringContaining('undefined'), path: [{ event: null }, { event: { type: 'pop' } }, { event: { type: 'read' }, error: expect.any(String) }] }])
    const atStart = checkMachine(createMachine({ id: 'broken', context: () => { throw new Error('no input') } }), { events: [{ type: 'x' }] })
    expect(atStart.problems).toMatchObject([{ kind: 'throw', property: 'initial state', message: 'no input (no input was given: does the machine need one?)' }])
    expect(atStart.ok).toBe(false)
  })
})
