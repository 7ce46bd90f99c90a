import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkMachine, type LeadsTo, type Model } from '../../src/check/index.ts'

/** A sender that resends until its message comes through a link that may lose it. */
type Wire = { sent: boolean; wire: boolean; got: boolean }
const link: Model<Wire, { type: 'send' | 'lose' | 'deliver' }> = {
  name: 'link',
  init: { sent: false, wire: false, got: false },
  events: [{ type: 'send' }, { type: 'lose' }, { type: 'deliver' }],
  next(state, { type }) {
    if (type === 'send') return state.got || state.wire ? undefined : { ...state, sent: true, wire: true }
    if (!state.wire) return undefined
    return type === 'lose' ? { ...state, wire: false } : { ...state, wire: false, got: true }
  },
}
const arrives = { from: ({ sent }: Wire) => sent, to: ({ got }: Wire) => got }
const mayStop = ({ got }: Wire): boolean => got

describe('leads-to', () => {
  it('needs fairness to get anywhere: the environment may stop', () => {
    const result = checkMachine(link, { leadsTo: { arrives }, mayStop })
    expect(result.problems).toMatchObject([{ kind: 'leads-to', loop: [], message: expect.stringContaining('nothing more happens') }])
  })

  it('is broken under weak fairness by a link that loses every message', () => {
    const result = checkMachine(link, { leadsTo: { arrives: { ...arrives, weak: ['send', 'deliver'] } }, mayStop })
    const [problem] = result.problems
    expect(problem).toMatchObject({ kind: 'leads-to', property: 'arrives' })
    expect(problem!.loop!.map(({ event }) => event!.type).sort()).toEqual(['lose', 'send'])
    // The loop comes back to where the path ended.
    expect(problem!.loop!.at(-1)!.state).toEqual(problem!.path.at(-1)!.state)
  })

  it('holds under strong fairness of the delivery', () => {
    const result = checkMachine(link, { leadsTo: { arrives: { ...arrives, weak: ['send'], strong: ['deliver'] } }, mayStop })
    expect(result).toMatchObject({ ok: true, problems: [], assumptions: ['"arrives" is held under weak fairness of "send", strong fairness of "deliver"'] })
  })

  it('is broken under strong fairness of the delivery when sending may be given up', () => {
    const result = checkMachine(link, { leadsTo: { arrives: { ...arrives, strong: ['deliver'] } }, mayStop })
    expect(result.problems).toMatchObject([{ kind: 'leads-to', loop: [] }])
  })

  it('says when there was nothing to promise', () => {
    const result = checkMachine(link, { leadsTo: { never: { from: () => false, to: () => true } }, mayStop })
    expect(result.problems).toMatchObject([{ kind: 'vacuous', property: 'never' }])
  })

  it('agrees with a search over all small lassos on random graphs', () => {
    const size = 5
    const edge = fc.record({ from: fc.nat(size - 1), to: fc.nat(size - 1), action: fc.constantFrom('a', 'b', 'c') })
    const cases = fc.record({
      edges: fc.uniqueArray(edge, { maxLength: 9, selector: ({ from, action }) => `${from}${action}` }),
      goal: fc.integer({ min: 1, max: size - 1 }),
      weak: fc.subarray(['a', 'b']),
      strong: fc.subarray(['b', 'c']),
    })
    fc.assert(fc.property(cases, ({ edges, goal, weak, strong }) => {
      const model: Model<{ at: number }, { type: string }> = {
        init: { at: 0 },
        events: [{ type: 'a' }, { type: 'b' }, { type: 'c' }],
        next: ({ at }, { type }) => {
          const found = edges.find(({ from, action }) => from === at && action === type)
          return found && { at: found.to }
        },
      }
      const leadsTo: LeadsTo<{ at: number }, { type: string }> = { from: ({ at }) => at === 0, to: ({ at }) => at === goal, weak, strong }
      const problem = checkMachine(model, { leadsTo: { p: leadsTo }, mayStop: () => true }).problems[0]
      expect(problem !== undefined).toBe(hasFairRun(edges.filter(({ from, to }) => from !== to), size, goal, weak, strong))
      if (problem) expectFairLasso(problem.path, problem.loop!, edges, goal, weak, strong)
    }), { numRuns: 2000 })
  })
})

type Edge = { from: number; to: number; action: string }

/** Whether some set of states that avoids the goal, connected by some of the edges, can be gone round for ever fairly: tried for all subsets. */
function hasFairRun(edges: Edge[], size: number, goal: number, weak: string[], strong: string[]): boolean {
  const avoiding = edges.filter(({ from, to }) => from !== goal && to !== goal)
  const reach = closure(avoiding, 0)
  for (let bits = 1; bits < 1 << size; bits++) {
    const states = [...Array(size).keys()].filter((state) => bits & (1 << state))
    if (states.includes(goal) || !states.every((state) => reach.has(state))) continue
    const inside = avoiding.filter(({ from, to }) => states.includes(from) && states.includes(to))
    if (!states.every((state) => states.every((other) => closure(inside, state).has(other)))) continue
    const enabled = (state: number, action: string): boolean => edges.some((edge) => edge.from === state && edge.action === action)
    const takes = (action: string): boolean => inside.some((edge) => edge.action === action)
    if (weak.every((action) => takes(action) || states.some((state) => !enabled(state, action))) && strong.every((action) => takes(action) || !states.some((state) => enabled(state, action)))) return true
  }
  return false
}

function closure(edges: Edge[], start: number): Set<number> {
  const seen = new Set([start])
  for (const state of seen) for (const { from, to } of edges) if (from === state) seen.add(to)
  return seen
}

function expectFairLasso(path: { state: unknown }[], loop: { event: { type: string } | null; state: unknown }[], edges: Edge[], goal: number, weak: string[], strong: string[]): void {
  const last = path.at(-1)!.state as { at: number }
  const visited = [last, ...loop.map(({ state }) => state as { at: number })].map(({ at }) => at)
  expect(visited).not.toContain(goal)
  expect(visited.at(-1)).toBe(last.at)
  const taken = loop.map(({ event }) => event!.type)
  const enabled = (state: number, action: string): boolean => edges.some((edge) => edge.from === state && edge.to !== state && edge.action === action)
  for (const action of weak) expect(taken.includes(action) || visited.some((state) => !enabled(state, action))).toBe(true)
  for (const action of strong) expect(taken.includes(action) || !visited.some((state) => enabled(state, action))).toBe(true)
}
