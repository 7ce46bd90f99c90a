import { createMachine, fromPromise } from 'xstate'
import { describe, expect, it } from 'vitest'
import { channel, conform, checkMachine, part, product, validateTrace } from '../../src/check/index.ts'

const machine = createMachine({ id: 'm', on: { go: {} } })
const events = [{ type: 'go' }]
const holds = (): boolean => true
const check = (options: unknown, subject: unknown = machine) => () => checkMachine(subject as never, options as never)

describe('what a check is asked', () => {
  it.each([
    ['nothing', null],
    ['an empty object', {}],
    ['the configuration of a machine', { id: 'm', initial: 'a', states: { a: {} } }],
    ['logic that is no machine', fromPromise(async () => 1)],
  ])('is refused for %s', (_name, subject) => {
    expect(check({ events }, subject)).toThrow('"machine": expected an XState v5 machine (what createMachine(config)')
    expect(() => validateTrace(subject as never, [])).toThrow('expected an XState v5 machine')
    expect(() => part(subject as never)).toThrow('expected an XState v5 machine')
  })

  it.each([
    ['a misspelt property', { events, invariant: { x: holds } }, '"invariant": is no option of checkMachine: there are events, input, key, invariants, steps'],
    ['a property that is no function', { events, invariants: { x: true } }, '"invariants.x": expected a function of the state, not boolean'],
    ['a leads-to without its from', { events, leadsTo: { x: { to: holds } } }, '"leadsTo.x.from": expected a function of the state, not undefined'],
    ['misspelt fairness', { events, leadsTo: { x: { from: holds, to: holds, weakly: ['go'] } } }, '"weakly": is no option of leadsTo.x: there are from, to, weak, strong'],
    ['fairness that is no list', { events, leadsTo: { x: { from: holds, to: holds, weak: 'go' } } }, '"leadsTo.x.weak": expected true, or a list of event types'],
    ['no states at all', { events, maxStates: NaN }, '"maxStates": a check needs a number of states from 1 up, not NaN'],
    ['an event instead of a list', { events: { type: 'go' } }, '"events": expected an array of events'],
    ['a function that gives no events', { events: () => undefined }, '"events": expected an array of events'],
    ['mayStop as a value', { events, mayStop: true }, '"mayStop": expected a function'],
  ])('is refused for %s', (_name, options, message) => {
    expect(check(options)).toThrow(message)
  })

  it('of a product or a model has no events of its own', () => {
    const model = { init: 0, events: [1], next: () => undefined }
    expect(check({ events: [2], mayStop: holds }, model)).toThrow('"events": is no option')
    expect(check({ mayStop: holds }, model)().ok).toBe(true)
    expect(check({ events }, product({ parts: { m: part(machine) } }))).toThrow('"events": is no option')
  })

  it('of a tour or of a recorded run names what is misspelt', async () => {
    await expect(conform(machine, { reset: () => undefined, step: () => undefined } as never, { events, comands: () => true } as never)).rejects.toThrow('"comands": is no option of conform: there are events, input')
    expect(() => validateTrace(machine, [], { hiden: [] } as never)).toThrow('"hiden": is no option of validateTrace: there are hidden, input')
  })

  it('of a product names what is misspelt or missing', () => {
    expect(() => channel({ to: 'm', lossy: true } as never)).toThrow('"lossy": is no option of channel: there are to, capacity, lose')
    expect(() => part(machine, { event: events } as never)).toThrow('"event": is no option of part')
    expect(() => product({ parts: { m: machine } as never })).toThrow('"parts.m": is no part: wrap the machine or model, e.g. part(machine, { events })')
    expect(() => product({ parts: { m: part(machine) }, clocks: {} } as never)).toThrow('"clocks": is no option of product')
    expect(() => product({ parts: { m: part(machine) }, time: { drift: {}, delay: 1 } } as never)).toThrow('"delay": is no option of time')
  })

  it('says when an input may be missing', () => {
    const needy = createMachine({ id: 'm', context: ({ input }) => ({ n: (input as { n: number }).n }), on: { go: {} } })
    expect(checkMachine(needy, { events }).problems).toMatchObject([{ kind: 'throw', message: expect.stringContaining('no input was given: does the machine need one?') }])
    expect(checkMachine(needy, { events, input: { n: 1 }, mayStop: holds }).ok).toBe(true)
  })

  it('says that a line of a trace has no event, whatever it is instead', () => {
    for (const line of [null, 'go', {}]) expect(() => validateTrace(machine, [line])).toThrow('"line 1": has no event with a type')
  })
})
