import { createHive } from '../hive.ts'
import type { Hive, HiveOptions } from '../hive.ts'
import { systemClock, systemRandomness } from '../kernel/clock.ts'
import { defineSupervisor } from '../kernel/define-supervisor.ts'
import { Cancelled, InvalidArgument, messageOf } from '../kernel/errors.ts'
import type { AnyRef } from '../kernel/types.ts'
import { countFailures } from './counts.ts'
import type { Scenario, ScenarioContext, ScenarioSetup } from './define.ts'
import { parseInput } from './input.ts'
import { silentProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { startTrace } from './trace.ts'
import type { Trace, TraceSummary } from './trace.ts'

export interface RunOptions {
  input?: Record<string, unknown>
  /** Settings of the hive; they win over those of the scenario. */
  hive?: HiveOptions
  /** Ends the run: the step in hand is left, agents are drained, what was opened is closed. */
  signal?: AbortSignal
  progress?: Progress
  /** Called when the steps are done; the hive stays up until it resolves. */
  linger?: (hive: Hive) => Promise<void>
  /** A file that the run is written to as it goes: messages of the bus and transitions of machines, without what they carry. */
  trace?: string
}

export interface ScenarioResult<Report = unknown> {
  scenario: string
  run: string
  /** All expectations hold. */
  ok: boolean
  durationMs: number
  steps: { name: string; ms: number }[]
  expectations: { name: string; ok: boolean; why?: string }[]
  /** Where what was said and stored can be looked at afterwards, unless the scenario brought stores of its own. */
  store: { kind: string; dataDir: string; temporary: boolean }
  /** What was written down of it, when that was asked for. */
  trace?: TraceSummary
  report: Report
}

/** How long agents may take to finish what they have in hand when the run ends (ms). */
const drainMs = 5_000

/**
 * Runs a scenario to its end: opens a hive, the rooms and the agents, takes the steps, makes the report, checks the expectations, and closes
 * everything again. Rejects with `InvalidArgument` for a wrong input, `Cancelled` when `signal` aborts, else with what a step threw.
 */
export async function runScenario<Input, Report>(scenario: Scenario<Input, Report>, options: RunOptions = {}): Promise<ScenarioResult<Report>> {
  const { name, input: schema } = scenario.options
  const input = parseInput(schema, options.input ?? {})
  const clock = options.hive?.clock ?? systemClock
  const startedAt = clock.monotonic()
  const cleanUps: (() => unknown)[] = []
  const setup: ScenarioSetup<any> = {
    input, signal: options.signal ?? new AbortController().signal, progress: options.progress ?? silentProgress,
    defer: (cleanUp) => void cleanUps.push(cleanUp),
  }
  const steps: ScenarioResult['steps'] = []
  const step = async <T>(title: string, run: () => T | Promise<T>): Promise<T> => {
    setup.progress.step(title)
    const from = clock.monotonic()
    const result = await unlessAborted(setup.signal, name, run)
    steps.push({ name: title, ms: Math.round(clock.monotonic() - from) })
    return result
  }

  // Begins first and ends last: machines run while the hive is opened and while it is closed.
  const trace = options.trace === undefined ? undefined : startTrace(options.trace, { scenario: name, clock })
  if (trace !== undefined) setup.defer(() => trace.close())

  try {
    const ctx = await step('opening the hive', () => open(scenario, options, setup, trace))
    ctx.hive.bus.publish('scenario.started', { scenario: name })
    for (const { name: title, run } of scenario.options.steps) {
      await step(title, () => run(ctx))
      ctx.hive.bus.publish('scenario.step-finished', { scenario: name, step: title, ms: steps.at(-1)?.ms ?? 0 })
    }
    if (options.linger !== undefined) await options.linger(ctx.hive)
    const report = await scenario.options.report(ctx)
    const expectations = scenario.options.expectations.map((expectation) => judge(expectation, report))
    const ok = expectations.every((expectation) => expectation.ok)
    ctx.hive.bus.publish('scenario.finished', { scenario: name, ok })
    setup.progress.end()
    await cleanUpAll(cleanUps)
    return {
      scenario: name, run: ctx.run, ok, durationMs: Math.round(clock.monotonic() - startedAt), steps, expectations,
      store: { kind: ctx.hive.store.kind, dataDir: ctx.hive.config.dataDir, temporary: ctx.temporary }, report,
      ...(trace !== undefined && { trace: trace.close() }),
    }
  } catch (error) {
    setup.progress.end()
    await cleanUpAll(cleanUps).catch((second: unknown) => setup.progress.note(`while closing: ${messageOf(second)}`))
    throw error
  }
}

async function open(scenario: Scenario, options: RunOptions, setup: ScenarioSetup<any>, trace: Trace | undefined): Promise<ScenarioContext<any, any> & { temporary: boolean }> {
  const { name, messages = [], rooms = {} } = scenario.options
  const wanted = await scenario.options.hive?.(setup) ?? {}
  const hive = await createHive({ ...wanted, ...options.hive, messages: [...(wanted.messages ?? []), ...(options.hive?.messages ?? []), ...messages] })
  setup.defer(() => hive.stop({ drainMs }))
  trace?.observe(hive)
  const { counts, stop } = countFailures(hive, setup.progress)
  setup.defer(stop)
  for (const [room, roomOptions] of Object.entries(rooms)) await hive.room(room, roomOptions)

  const agents = new Map<string, AnyRef>()
  const base = {
    ...setup, hive, counts, temporary: wanted.dataDir !== undefined && options.hive?.dataDir === undefined, run: systemRandomness.id().slice(0, 8), state: undefined,
    agent(id: string): AnyRef {
      const ref = agents.get(id)
      if (ref === undefined) throw new InvalidArgument('agent', `"${id}" is not an agent of "${name}": it has ${[...agents.keys()].join(', ') || 'none'}`)
      return ref
    },
  }
  const state: unknown = await scenario.options.state?.(base)
  const ctx = { ...base, state }
  const children = await scenario.options.agents?.(ctx) ?? []
  const supervisor = await hive.spawn(defineSupervisor({ name, strategy: 'one-for-one', children }), { id: `${name}-${base.run}` })
  for (const { id } of children) {
    const ref = hive.system.lookup(`${supervisor.id}/${id}`)
    if (ref !== undefined) agents.set(id, ref)
  }
  return ctx
}

/** A step that does not heed the signal is left behind: the run ends all the same. */
async function unlessAborted<T>(signal: AbortSignal, name: string, run: () => T | Promise<T>): Promise<T> {
  if (signal.aborted) throw new Cancelled(`"${name}"`, signal.reason)
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Cancelled(`"${name}"`, signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
  })
  const work = Promise.resolve().then(run)
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

function judge(expectation: { name: string; check(report: any): true | string }, report: unknown): ScenarioResult['expectations'][number] {
  try {
    const held = expectation.check(report)
    return held === true ? { name: expectation.name, ok: true } : { name: expectation.name, ok: false, why: held }
  } catch (error) {
    return { name: expectation.name, ok: false, why: `the check failed: ${messageOf(error)}` }
  }
}

/** In reverse, each once; one that fails does not keep the others from running, and its failure is told. */
async function cleanUpAll(cleanUps: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const cleanUp of cleanUps.splice(0).reverse()) {
    try {
      await cleanUp()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.map(messageOf).join('; '))
}
