import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setup } from 'xstate'
import { z } from 'zod'
import { machines } from '../../machines/index.ts'
import { validateRun, type RecordedRun } from '../../src/check/recorded-run.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { defineMachineActor } from '../../src/kernel/define-machine.ts'
import { transitions, type Transition } from '../../src/kernel/transitions.ts'
import { defineScenario } from '../../src/scenario/define.ts'
import { runScenario } from '../../src/scenario/run.ts'
import { startTrace } from '../../src/scenario/trace.ts'

const known = Object.fromEntries(Object.values(machines).map(({ machine }) => [machine.id, machine]))
const secret = 'sk-this-must-not-be-written-down'

const lock = setup({
  types: { context: {} as { code: string }, input: {} as { code: string }, events: {} as { type: 'open'; code: string } | { type: 'shut' } },
  actions: { opened: (_, _params: { code: string }) => {} },
}).createMachine({
  id: 'lock',
  context: ({ input }) => input,
  initial: 'shut',
  states: { shut: { on: { open: { target: 'open', actions: { type: 'opened', params: ({ event }) => ({ code: event.code }) } } } }, open: { on: { shut: 'shut' } } },
})

/** Everything there is to record: messages, a crash, a room whose handler fails once, a machine of the user. */
const scenario = defineScenario({
  name: 'recorded', title: 'Recorded', description: 'It is written down.',
  input: z.object({}),
  agents: () => [{ id: 'fragile', definition: defineActor({ name: 'fragile', handlers: { fall: () => { throw new Error(secret) }, stands: () => true } }) }],
  steps: [
    {
      name: 'working',
      run: async ({ hive, agent }) => {
        const room = await hive.room('hall')
        for (const n of [1, 2, 3]) await room.post('text', { text: `${secret} ${n}` })
        await new Promise<void>((resolve) => {
          let handled = 0
          void room.work('group', (_, { attempt }) => {
            if (handled === 0 && attempt === 1) throw new Error('not yet')
            if (++handled === 3) resolve()
          })
        })
        agent('fragile').tell({ type: 'fall' })
        await agent('fragile').ask({ type: 'stands' })
        const door = await hive.spawn(defineMachineActor({ name: 'door', machine: lock, effects: { opened: () => {} } }), { input: { code: secret } })
        door.tell({ type: 'open', code: secret })
        door.tell({ type: 'shut' })
        await door.stop({ drainMs: 1_000 })
      },
    },
  ],
  report: () => ({}),
  expectations: [],
})

let folder: string
let text: string
let lines: any[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivemind-trace-'))
  const trace = join(folder, 'run.jsonl')
  const result = await runScenario(scenario, { hive: { dataDir: folder, log: { level: 'silent' } }, trace })
  text = readFileSync(trace, 'utf8')
  lines = text.trimEnd().split('\n').map((line) => JSON.parse(line))
  expect(result.trace).toEqual({ file: trace, lines: lines.length })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function* each(some: readonly string[]): AsyncIterable<string> {
  yield* some
}
const validate = (some: readonly unknown[]): Promise<RecordedRun> => validateRun(each(some.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))), known)
const numbered = (some: readonly any[]): any[] => some.map((line, index) => ({ ...line, n: index + 1 }))

describe('a run that is recorded', () => {
  it('is one its machines can have done, from the first line to the last', async () => {
    const run = await validate(lines)
    expect(run).toMatchObject({ ok: true, scenario: 'recorded', lines: lines.length, version: expect.stringMatching(/^\d+\.\d+/), node: expect.any(String) })
    expect(run.cut).toBeUndefined()
    expect(run.machines).toMatchObject({ lease: { transitions: expect.any(Number) }, 'room-consumer': { instances: 3 } })
    expect(run.machines['supervisor']!.transitions).toBeGreaterThan(5)
    // Shut at first, opened, shut again.
    expect(run.unchecked).toBe(3)
    expect(lines.filter(({ machine }) => machine === 'lock').map(({ state, event, actor, incarnation }) => [state.value, event?.type, actor, incarnation])).toEqual([
      ['shut', undefined, 'door-1', 1], ['open', 'open', 'door-1', 1], ['shut', 'shut', 'door-1', 1],
    ].map(([value, type, , incarnation]) => [value, type, expect.stringMatching(/^door-\d+$/), incarnation]))
    expect(lines.filter(({ type }) => type === 'actor.crashed')).toEqual([expect.objectContaining({ about: { actor: expect.stringMatching(/fragile$/), incarnation: 1 } })])
    expect(lines.at(-1)).toMatchObject({ kind: 'end' })
  })

  it('holds nothing of what messages, errors, and machines of the user carry', () => {
    expect(text).not.toContain(secret)
    expect(text).not.toContain('not yet')
  })

  it('nobody listens when it has ended', () => {
    expect(transitions.hasSubscribers).toBe(false)
  })
})

describe('a record that was changed is refused', () => {
  const ofMachines = (): number[] => lines.flatMap((line, index) => (line.kind === 'machine' && !line.foreign ? [index] : []))

  it('any line that is missing, by its number', async () => {
    for (let index = 1; index < lines.length - 1; index += 5) {
      expect(await validate(lines.toSpliced(index, 1)), `without line ${index + 1}`).toMatchObject({ ok: false, failure: { line: index + 1, message: expect.stringContaining('lines are missing') } })
    }
  })

  it('a step that is missing, though the lines were numbered again, at the next step that cannot be without it', async () => {
    const found: number[] = []
    const missed: number[] = []
    for (const index of ofMachines()) {
      const { instance, event, state } = lines[index]
      const before = lines.slice(0, index).findLast((line) => line.instance === instance)?.state
      const next = lines.findIndex((line, at) => at > index && line.instance === instance)
      if (next < 0 || (event !== undefined && JSON.stringify(before) === JSON.stringify(state))) continue
      const { ok, failure } = await validate(numbered(lines.toSpliced(index, 1)))
      if (ok) missed.push(index)
      else {
        found.push(index)
        expect(failure, `without line ${index + 1}`).toMatchObject({ line: expect.any(Number), instance })
        expect(failure!.line).toBeGreaterThanOrEqual(next)
      }
    }
    // A stop, for one, leads a supervisor to the same state whether or not its child has told that it started.
    expect(found.length).toBeGreaterThan(20)
    expect(missed.length).toBeLessThan(found.length / 5)
  })

  it('another state, context, command, or event in any line', async () => {
    for (const index of ofMachines().filter((_, at) => at % 3 === 0)) {
      const line = lines[index]
      const changes = [
        { ...line, state: { ...line.state, value: 'elsewhere' } },
        { ...line, state: { ...line.state, context: { ...line.state.context, nonces: 'changed' } } },
        { ...line, commands: [...line.commands, { type: 'more' }] },
        ...(line.state.status === undefined ? [{ ...line, state: { ...line.state, status: 'done' } }] : []),
        { ...line, machine: 'unheard-of' },
      ]
      for (const change of changes) {
        const { ok, failure } = await validate(lines.with(index, change))
        expect({ ok, line: failure?.line }, JSON.stringify(change)).toEqual({ ok: false, line: index + 1 })
      }
    }
  })

  it('the line is named, and the states the machine may have been in', async () => {
    const index = lines.findIndex(({ machine, event }) => machine === 'room-consumer' && event?.type === 'handled')
    const { failure } = await validate(lines.with(index, { ...lines[index], state: { ...lines[index].state, value: 'lost' } }))
    expect(failure).toMatchObject({
      line: index + 1, machine: 'room-consumer', actor: expect.stringContaining('hall'), message: expect.stringContaining('"acknowledging"'),
      possible: [expect.objectContaining({ value: 'handling' })],
    })
  })

  it('two beginnings, a line after the end, a step of nobody', async () => {
    const first = ofMachines()[0]!
    expect(await validate(numbered(lines.toSpliced(first + 1, 0, lines[first])))).toMatchObject({ failure: { message: 'it begins a second time' } })
    expect(await validate(numbered([...lines, { kind: 'message' }]))).toMatchObject({ failure: { line: lines.length + 1, message: 'it comes after the end' } })
    expect(await validate(lines.with(first, { ...lines[first], event: { type: 'start' } }))).toMatchObject({ failure: { line: first + 1, message: expect.stringContaining('beginning is missing') } })
  })

  it('what is no record at all says how one is made', async () => {
    await expect(validate([])).rejects.toThrow(/empty/)
    await expect(validate(['{"level":30}', '{}'])).rejects.toThrow(/line 1 is no header.*--trace FILE/)
    await expect(validate([lines[0], 'not JSON', lines[2]])).rejects.toThrow(/line 2 is not JSON/)
  })
})

describe('a record that is not whole', () => {
  it('of a process that was killed holds as far as it goes, and says so', async () => {
    expect(await validate(lines.slice(0, -5))).toMatchObject({ ok: true, cut: expect.stringContaining('without closing') })
    expect(await validate([...lines.slice(0, -5), '{"n":999,"kin'])).toMatchObject({ ok: true, cut: expect.stringContaining('cut off') })
  })

  it('a file that is full ends with a line that says so, and is valid', async () => {
    const file = join(folder, 'full.jsonl')
    const trace = startTrace(file, { scenario: 'full', clock: systemClock, limitBytes: 5_000 })
    const instance = {}
    const transition: Transition = { machine: 'lease', actor: 'a', instance, input: {}, snapshot: { value: 'idle', status: 'active', context: { note: 'x'.repeat(1_000) } }, commands: [] }
    transitions.publish(transition)
    for (let n = 0; n < 20; n++) transitions.publish({ ...transition, input: undefined, event: { type: 'start' } })
    expect(trace.close()).toMatchObject({ problem: expect.stringContaining('full') })
    const written = readFileSync(file, 'utf8')
    expect(written.length).toBeLessThan(6_000)
    expect(JSON.parse(written.trimEnd().split('\n').at(-1)!)).toMatchObject({ kind: 'full' })
    expect(transitions.hasSubscribers).toBe(false)
  })

  it('is written as it goes', () => {
    const file = join(folder, 'live.jsonl')
    const trace = startTrace(file, { scenario: 'live', clock: systemClock })
    trace.observe({ node: { id: 'n' }, bus: { all: () => ({ subscribe: () => ({ unsubscribe: () => {} }) }) } as never })
    const transition: Transition = { machine: 'lease', actor: 'a', instance: {}, input: {}, snapshot: { value: 'idle', status: 'active', context: {} }, commands: [] }
    for (let n = 0; n < 1_000; n++) transitions.publish({ ...transition, instance: {} })
    expect(readFileSync(file, 'utf8').length).toBeGreaterThan(100_000)
    trace.close()
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(1_002)
  })

  it('a file that cannot be made is refused before anything runs', async () => {
    await expect(runScenario(scenario, { hive: { dataDir: folder }, trace: join(folder, 'nowhere', 'run.jsonl') })).rejects.toThrow(/"trace".*cannot be written/)
    expect(transitions.hasSubscribers).toBe(false)
  })
})
