import { and, assign, getNextSnapshot, initialTransition, not, or, raise, setup, stateIn, transition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate'
import { describe, expect, it } from 'vitest'
import { machines } from '../../machines/index.ts'
import { checkMachine } from '../../src/check/index.ts'
import { machineStepper } from '../../src/check/machine.ts'
import { encode } from './encode.ts'

/** A bit of everything that decides where a step goes. */
const everything = setup({
  types: { context: {} as { n: number; log: string }, events: {} as { type: 'add'; by: number } | { type: 'go' } | { type: 'back' } | { type: 'any' } },
  actions: {
    tell: (_args, _params: { n: number }) => {},
    add: assign({ n: ({ context, event }) => (context.n + (event.type === 'add' ? event.by : 1)) % 5, log: 'added' }),
    note: assign((_args, params: { text: string }) => ({ log: params.text })),
  },
  guards: { small: ({ context }) => context.n < 3, below: ({ context }, params: { than: number }) => context.n < params.than },
}).createMachine({
  id: 'everything',
  context: { n: 0, log: '' },
  type: 'parallel',
  states: {
    left: {
      initial: 'a',
      states: {
        a: { entry: { type: 'tell', params: ({ context }) => ({ n: context.n }) }, on: { go: [{ guard: and(['small', not(stateIn({ right: 'y' }))]), target: 'b', actions: 'add' }, { guard: 'small', target: 'c' }] } },
        b: { exit: { type: 'note', params: { text: 'left b' } }, always: { guard: { type: 'below', params: { than: 2 } }, target: 'a' }, on: { back: 'a', go: { actions: raise({ type: 'any' }) } } },
        c: { initial: 'deep', states: { deep: { on: { go: 'end' } }, end: { type: 'final' } }, onDone: { target: 'a', actions: 'add' } },
      },
    },
    right: {
      initial: 'x',
      on: { '*': { guard: or(['small', ({ context }) => context.n === 4]), actions: { type: 'tell', params: ({ event }) => ({ n: event.type === 'any' ? -1 : -2 }) } } },
      states: {
        x: { on: { add: { target: 'y', actions: ['add', 'add'] } } },
        y: { on: { add: { guard: 'small', actions: assign(({ context }) => ({ n: context.n + 2 })) }, back: 'x', any: { guard: { type: 'below', params: ({ context }) => ({ than: context.n + 1 }) }, target: 'x' } } },
      },
    },
  },
})
/** Remembers where it was, deep and shallow, and what it held then. */
const editor = setup({ types: { context: {} as { bold: number } } }).createMachine({
  id: 'editor', context: { bold: 0 }, initial: 'open',
  states: {
    open: {
      initial: 'text', on: { min: 'mini' },
      states: {
        text: { initial: 'plain', on: { swap: 'image' }, states: { plain: { on: { bold: { target: 'fat', actions: assign({ bold: ({ context }) => (context.bold + 1) % 3 }) } } }, fat: { on: { bold: 'plain' } } } },
        image: { on: { swap: 'text' } },
        deep: { type: 'history', history: 'deep' },
        shallow: { type: 'history' },
      },
    },
    mini: { on: { restore: 'open.deep', top: 'open.shallow', reset: { target: 'open', guard: ({ context }) => context.bold > 0 } } },
  },
})

/** How many states there are, and steps that lead to another one or leave something, told apart by their text. */
function plainSearch(machine: AnyStateMachine, events: readonly { type: string }[]): { states: number; transitions: number } {
  const textOf = ({ value, context, status, historyValue }: AnyMachineSnapshot): string => encode([value, context, status, Object.entries(historyValue).map(([id, nodes]) => [id, nodes!.map((node) => node.id)])])
  const [first] = initialTransition(machine)
  const seen = new Map([[textOf(first), first]])
  let transitions = 0
  for (const [text, snapshot] of seen) {
    for (const event of snapshot.status === 'active' ? events : []) {
      const [next, actions] = transition(machine, snapshot, event)
      const reached = textOf(next)
      if (reached !== text || actions.some(({ type }) => !type.startsWith('xstate.'))) transitions++
      if (!seen.has(reached)) seen.set(reached, next)
    }
  }
  return { states: seen.size, transitions }
}

function agreesWithXState(machine: AnyStateMachine, { events, input, key }: { events: any; input?: unknown; key?: (snapshot: any) => unknown }, most = 400): number {
  const stepper = machineStepper<any, any>(machine, { events, input, key })
  type State = Parameters<typeof stepper.told>[0]
  const seen = new Map<string, State>()
  let steps = 0
  for (const { state } of stepper.initial()) seen.set(encode(stepper.told(state)), state)
  for (const state of seen.values()) {
    // Well beyond the first uses of a course, which XState takes itself.
    for (let again = 0; again < 3; again++) {
      for (const event of stepper.ended(state) ? [] : stepper.events(state)) {
        const { value, context, status, historyValue } = stepper.view(state)
        const plain = machine.resolveState({ value, context, status, historyValue })
        const [expected, actions] = transition(machine, plain, event)
        const next = stepper.step(state, event)
        const commands = next === undefined ? [] : stepper.commands
        const shown = (snapshot: AnyMachineSnapshot): unknown => ({ value: snapshot.value, context: snapshot.context, status: snapshot.status, output: snapshot.output, tags: [...snapshot.tags].sort() })
        expect(encode(shown(stepper.view(next ?? state))), `${JSON.stringify(event)} in ${JSON.stringify(value)}`).toBe(encode(shown(expected)))
        expect(commands).toEqual(actions.filter(({ type }) => !type.startsWith('xstate.')).map(({ type, params }: any) => ({ type, params })))
        if (next !== undefined && seen.size < most) seen.set(encode(stepper.told(next)), next)
        steps++
      }
    }
  }
  return steps
}

describe('steps that are taken by what is known of the machine', () => {
  it('are those of XState, for all that decides where a step goes', () => {
    const events = [{ type: 'add', by: 1 }, { type: 'add', by: 3 }, { type: 'go' }, { type: 'back' }, { type: 'any' }, { type: 'unknown' }]
    expect(agreesWithXState(everything, { events })).toBeGreaterThan(500)
  })

  it('come to the states and steps that a plain search by XState finds', () => {
    const events = [{ type: 'add', by: 1 }, { type: 'add', by: 3 }, { type: 'go' }, { type: 'back' }, { type: 'any' }] as const
    expect(checkMachine(everything, { events })).toMatchObject(plainSearch(everything, events))
    const moves = ['min', 'swap', 'bold', 'restore', 'top', 'reset'].map((type) => ({ type }))
    expect(checkMachine(editor, { events: moves })).toMatchObject(plainSearch(editor, moves))
  })

  it.each(Object.entries(machines))('are those of XState: %s', (_name, { machine, models }) => {
    for (const model of Object.values(models)) expect(agreesWithXState(machine, model as never, 12)).toBeGreaterThan(100)
  })

  it('are given up when a guard answers otherwise than before', () => {
    let asked = 0
    const fickle = setup({ guards: { sometimes: () => ++asked % 7 === 0 } }).createMachine({
      context: { n: 0 }, initial: 'a',
      states: { a: { on: { go: [{ guard: 'sometimes', target: 'b' }, { actions: assign({ n: ({ context }) => (context as { n: number }).n + 1 }) }] } }, b: {} },
    })
    expect(checkMachine(fickle, { events: [{ type: 'go' }], maxStates: 100, mayStop: () => true }).problems).toMatchObject([{ kind: 'nondeterministic' }])
  })

  it('throw what XState throws', () => {
    const late = setup({ types: { context: {} as { n: number } }, guards: { early: ({ context }) => { if (context.n === 6) throw new Error('six'); return true } } }).createMachine({
      context: { n: 0 }, on: { go: { guard: 'early', actions: assign({ n: ({ context }) => context.n + 1 }) } },
    })
    const { problems } = checkMachine(late, { events: [{ type: 'go' }], mayStop: () => true })
    expect(problems).toMatchObject([{ kind: 'throw', path: { length: 8 } }])
    const six = late.resolveState({ value: {}, context: { n: 6 } })
    expect(() => getNextSnapshot(late, six, { type: 'go' })).toThrow()
    expect(problems[0]!.message).toContain('six')
  })

  it('find eventless transitions that go round for ever', () => {
    const round = setup({}).createMachine({ initial: 'a', states: { a: { on: { go: 'b' } }, b: { always: 'c' }, c: { always: 'b' } } })
    expect(checkMachine(round, { events: [{ type: 'go' }] }).problems).toMatchObject([{ kind: 'throw', property: 'go', message: expect.stringContaining('Infinite loop') }])
  })
})
