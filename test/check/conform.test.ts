import fc from 'fast-check'
import { assign, setup } from 'xstate'
import { describe, expect, it } from 'vitest'
import { conform, validateTrace, type Adapter } from '../../src/check/index.ts'
import { Tour } from '../../src/check/tour.ts'

type LockEvent = { type: 'take'; by: 'a' | 'b' } | { type: 'release'; by: 'a' | 'b' }
const events: LockEvent[] = (['a', 'b'] as const).flatMap((by) => [{ type: 'take', by }, { type: 'release', by }])

/** A lock with a queue of one. */
const lock = setup({
  types: { context: {} as { owner: string | null; next: string | null }, events: {} as LockEvent },
  actions: { granted: (_args, _params: { to: string | null }) => {} },
  guards: {
    isOwner: ({ context, event }) => context.owner === event.by,
    someoneWaits: ({ context, event }) => context.owner === event.by && context.next !== null,
    isOther: ({ context, event }) => context.owner !== event.by && context.next === null,
  },
}).createMachine({
  id: 'lock',
  context: { owner: null, next: null },
  initial: 'free',
  states: {
    free: { on: { take: { target: 'taken', actions: [assign({ owner: ({ event }) => event.by }), { type: 'granted', params: ({ context }) => ({ to: context.owner }) }] } } },
    taken: {
      on: {
        take: { guard: 'isOther', actions: assign({ next: ({ event }) => event.by }) },
        release: [
          { guard: 'someoneWaits', actions: [assign({ owner: ({ context }) => context.next, next: null }), { type: 'granted', params: ({ context }) => ({ to: context.owner }) }] },
          { guard: 'isOwner', target: 'free', actions: assign({ owner: null }) },
        ],
      },
    },
  },
})

class Lock implements Adapter<LockEvent> {
  owner: string | null = null
  next: string | null = null
  sent = 0

  constructor(readonly forgetsQueue = false) {}

  reset() {
    this.owner = this.next = null
    return this.look([])
  }

  async send({ type, by }: LockEvent) {
    this.sent++
    if (type === 'take') {
      if (this.owner === null) return this.grant(by)
      if (this.owner !== by && this.next === null) this.next = by
      return this.look([])
    }
    if (this.owner !== by) return this.look([])
    const next = this.forgetsQueue ? null : this.next
    this.next = null
    if (next !== null) return this.grant(next)
    this.owner = null
    return this.look([])
  }

  grant(to: string) {
    this.owner = to
    return this.look([{ type: 'granted', params: { to } }])
  }

  look(commands: { type: string; params: unknown }[]) {
    return { commands, state: { value: this.owner === null ? 'free' : 'taken', context: { owner: this.owner, next: this.next } } }
  }
}

describe('conform', () => {
  it('takes every transition of a right implementation', async () => {
    const real = new Lock()
    const result = await conform(lock, real, { events })
    // Free, and for each owner: nobody or the other waits. Four events in each state.
    expect(result).toMatchObject({ ok: true, states: 5, transitions: 20, covered: 20, resets: 1 })
    expect(real.sent).toBe(result.steps)
    expect(result.steps).toBeLessThan(40)
  })

  it('stops where a wrong one parts from the machine, and shows both', async () => {
    const { ok, failure } = await conform(lock, new Lock(true), { events })
    expect(ok).toBe(false)
    expect(failure!.message).toMatch(/after {"type":"release","by":"[ab]"} the commands differ: expected \[{"type":"granted".*\], got \[\]/)
    expect(failure!.path.at(-1)!.event).toMatchObject({ type: 'release' })
    expect(failure!.actual).toMatchObject({ commands: [] })
  })

  it('compares state when commands are not shown', async () => {
    const real = new Lock(true)
    const { failure } = await conform(lock, { reset: () => {}, send: async (event) => ({ state: { context: { owner: (await real.send(event)).state.context.owner } } }) }, { events })
    expect(failure!.message).toContain('the state differ')
  })

  it('passes on what the adapter rejects with', async () => {
    await expect(conform(lock, { reset: () => {}, send: () => Promise.reject(new Error('gone')) }, { events })).rejects.toThrow('gone')
  })

  it('tours every transition of random graphs, with resets only where there is no way back', () => {
    fc.assert(fc.property(fc.array(fc.array(fc.nat(7), { minLength: 1, maxLength: 3 }), { minLength: 8, maxLength: 8 }), (next) => {
      const reachable = new Set([0])
      for (const state of reachable) for (const to of next[state]!) reachable.add(to)
      const table = { states: next.length, next: next.map((targets, state) => (reachable.has(state) ? targets : [])), exhaustive: true }
      const tour = new Tour(table)
      const todo = new Set([...reachable].flatMap((state) => next[state]!.map((_, event) => `${state}:${event}`)))
      let state = 0
      for (let steps = 0; steps < 1000; steps++) {
        const step = tour.step(state)
        if (step === undefined) break
        if (step === 'reset') {
          const onward = new Set([state])
          for (const from of onward) for (const to of next[from]!) onward.add(to)
          expect([...todo].some((entry) => onward.has(Number(entry.split(':')[0])))).toBe(false)
          state = 0
          continue
        }
        tour.taken(state, step.event)
        todo.delete(`${state}:${step.event}`)
        state = next[state]![step.event]!
      }
      expect([...todo]).toEqual([])
      expect(tour.left).toBe(0)
    }))
  })
})

describe('validateTrace', () => {
  const grant = (to: string) => [{ type: 'granted', params: { to } }]

  it('accepts what the machine can do', () => {
    const lines = [{ event: events[0], commands: grant('a') }, { event: events[2], commands: [] }, { event: events[1], commands: grant('b'), state: { context: { owner: 'b' } } }]
    expect(validateTrace(lock, lines)).toEqual({ ok: true, lines: 3, possible: 1 })
    expect(validateTrace(lock, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)).toMatchObject({ ok: true, lines: 3 })
  })

  it('names the line where there is no way, and where the machine may have been', () => {
    const result = validateTrace(lock, [{ event: events[0], commands: grant('a') }, { event: events[2], commands: grant('b') }])
    expect(result).toMatchObject({
      ok: false,
      failure: { line: 2, message: 'the machine leaves the commands []', possible: [{ value: 'taken', context: { owner: 'a', next: null } }] },
    })
  })

  it('closes over events that are not recorded', () => {
    const released = [{ event: events[0], commands: grant('a') }, { event: events[2], commands: grant('b') }]
    expect(validateTrace(lock, released, { hidden: [events[1]!] })).toMatchObject({ ok: true })
    const impossible = [...released, { event: events[3], commands: grant('a') }]
    const result = validateTrace(lock, impossible, { hidden: [events[1]!] })
    expect(result.failure).toMatchObject({ line: 3 })
    // `a` may have taken it again in the meantime only if that were hidden too.
    expect(validateTrace(lock, impossible, { hidden: [events[1]!, events[0]!] }).ok).toBe(true)
  })

  it('skips lines of no concern, and may be strict about ignored events', () => {
    const log = [{ level: 30 }, { level: 30, machine: 'lock', event: events[1] }]
    const line = ({ machine, event }: any) => (machine === 'lock' ? { event } : undefined)
    expect(validateTrace(lock, log, { line })).toMatchObject({ ok: true, lines: 1 })
    expect(validateTrace(lock, log, { line, strict: true }).failure).toMatchObject({ line: 2, message: 'the machine ignores {"type":"release","by":"a"}' })
    expect(() => validateTrace(lock, '{"event":{"type":"take","by":"a"}}\n\n{oops')).toThrow('"line 3": is not JSON')
    expect(() => validateTrace(lock, '{"level":30}')).toThrow('"line 1": has no event with a type')
  })
})
