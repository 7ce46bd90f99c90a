import { assign, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { checkMachine, formatResult, replay, toDot, toItf, toMermaid } from '../../src/check/index.ts'

const door = setup({
  types: { context: {} as { tries: number }, events: {} as { type: 'open' | 'close' } | { type: 'code'; digits: number } },
  guards: { isRight: ({ event }) => event.type === 'code' && event.digits === 42 },
  actions: { alarm: (_args, _params: { after: number }) => {} },
}).createMachine({
  id: 'front-door',
  context: { tries: 0 },
  initial: 'shut',
  states: {
    shut: {
      initial: 'locked',
      states: {
        locked: {
          on: {
            code: [
              { guard: 'isRight', target: 'unlocked' },
              { actions: [assign({ tries: ({ context }) => Math.min(3, context.tries + 1) }), { type: 'alarm', params: ({ context }) => ({ after: context.tries }) }] },
            ],
          },
        },
        unlocked: { on: { open: '#front-door.ajar' } },
      },
    },
    ajar: { on: { close: 'shut' } },
    gone: { type: 'final' },
  },
})
const events = [{ type: 'open' as const }, { type: 'close' as const }, { type: 'code' as const, digits: 1 }, { type: 'code' as const, digits: 42 }]
const fewTries = { invariants: { 'at most one try': (snapshot: any) => snapshot.context.tries < 2 } }

describe('output', () => {
  it('is text that says what changed in each step', () => {
    const result = { ...checkMachine(door, { events, ...fewTries }), ms: 7 }
    expect(formatResult(result)).toBe(`FAIL front-door: 12 states, 16 transitions, depth 5, 7 ms

  invariant "at most one try": does not hold
      0. at first
           value: {"shut":"locked"}
           context: {"tries":0}
      1. code {"digits":1}
           context.tries: 0 -> 1
           ! alarm {"after":1}
      2. code {"digits":1}
           context.tries: 1 -> 2
           ! alarm {"after":2}

  never entered:
    front-door.gone`)
  })

  it('shows the loop of a broken leads-to property', () => {
    const forever = checkMachine(door, { events, leadsTo: { opens: { from: () => true, to: (snapshot) => snapshot.matches('ajar'), weak: ['code', 'open'] } } })
    expect(formatResult(forever)).toContain('the loop may go on for ever')
    expect(formatResult(forever)).toContain('  then for ever:')
    const still = checkMachine(door, { events, leadsTo: { opens: { from: () => true, to: (snapshot) => snapshot.matches('ajar') } } })
    expect(formatResult(still)).toContain('then nothing more happens, for ever')
  })

  it('can be replayed from JSON', () => {
    const [problem] = checkMachine(door, { events, ...fewTries }).problems
    const saved = JSON.parse(JSON.stringify(problem!.replay))
    expect(saved).toEqual({ machine: 'front-door', root: 0, events: [events[2], events[2]] })
    expect(replay(door, saved)).toEqual(problem!.path)
    expect(() => replay(door, { ...saved, machine: 'other' })).toThrow('this is a run of "other"')
  })

  it('is ITF, with the loop', () => {
    const [problem] = checkMachine(door, { events, leadsTo: { opens: { from: () => true, to: (snapshot) => snapshot.matches('ajar'), weak: ['code', 'open'] } } }).problems
    const itf = toItf(problem!, 'front-door') as any
    expect(itf).toMatchObject({ '#meta': { format: 'ITF', source: 'front-door' }, vars: ['value', 'context', 'event'], loop: problem!.path.length - 1 })
    expect(itf.states[0]).toEqual({ '#meta': { index: 0 }, value: { shut: 'locked' }, context: { tries: { '#bigint': '0' } }, event: { tag: 'None', value: {} } })
    expect(itf.states).toHaveLength(problem!.path.length + problem!.loop!.length)
  })

  it('is a Mermaid diagram', () => {
    expect(toMermaid(door)).toBe(`stateDiagram-v2
  [*] --> front_x2d_door_shut
  state "shut" as front_x2d_door_shut {
    [*] --> front_x2d_door_shut_locked
    state "locked" as front_x2d_door_shut_locked
    state "unlocked" as front_x2d_door_shut_unlocked
  }
  state "ajar" as front_x2d_door_ajar
  front_x2d_door_gone --> [*]
  state "gone" as front_x2d_door_gone
  front_x2d_door_shut_locked --> front_x2d_door_shut_unlocked : code [isRight]
  front_x2d_door_shut_locked --> front_x2d_door_shut_locked : code
  front_x2d_door_shut_unlocked --> front_x2d_door_ajar : open
  front_x2d_door_ajar --> front_x2d_door_shut : close
`)
  })

  it('is a DOT diagram', () => {
    const dot = toDot(door)
    expect(dot).toContain('subgraph cluster_front_x2d_door_shut {')
    expect(dot).toContain('front_x2d_door_ajar -> front_x2d_door_shut_locked [label="close", lhead=cluster_front_x2d_door_shut];')
    expect(dot).toContain('front_x2d_door_gone [label="gone", peripheries=2];')
    expect(dot.split('{').length).toBe(dot.split('}').length)
  })
})
