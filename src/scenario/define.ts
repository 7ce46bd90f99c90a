import type { z } from 'zod'
import type { Hive } from '../hive.ts'
import type { HiveOptions } from '../hive.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import type { SupervisedChild } from '../kernel/define-supervisor.ts'
import type { AnyRef } from '../kernel/types.ts'
import type { MessageType } from '../messages/define.ts'
import type { Progress } from './progress.ts'

type MaybePromise<T> = T | Promise<T>

/** What a scenario has before its hive exists. */
export interface ScenarioSetup<Input> {
  readonly input: Input
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal
  readonly progress: Progress
  /** Runs when the run ends, in reverse order, whatever happened. */
  defer(cleanUp: () => MaybePromise<unknown>): void
}

/** What the agents, steps and report of a scenario work with. */
export interface ScenarioContext<Input = unknown, State = unknown> extends ScenarioSetup<Input> {
  readonly hive: Hive
  readonly state: State
  /** Unique to this run. */
  readonly run: string
  /** An agent of this scenario. Throws `InvalidArgument` for an id that is not among them. */
  agent(id: string): AnyRef
  /** Failures and what became of them so far, over all actors of the hive. */
  readonly counts: ScenarioCounts
}

export interface ScenarioCounts {
  readonly crashes: number
  readonly restarts: number
  /** Messages no actor handled, and room messages that failed too often. */
  readonly deadLetters: number
}

export interface ScenarioStep<Input, State> {
  /** Shown while it runs: "reading the files". */
  name: string
  run(ctx: ScenarioContext<Input, State>): MaybePromise<unknown>
}

export interface Expectation<Report> {
  /** What must hold, as a sentence: "every file is handled once". */
  name: string
  /** `true`, or what is wrong in plain words. */
  check(report: Report): true | string
}

export interface ScenarioOptions<Schema extends z.ZodObject, State, Report> {
  /** Lower case, digits and "-". */
  name: string
  title: string
  description: string
  /** Every field has a default, or must be given with `--input field=value`; `.describe()` is what `--help` shows. */
  input: Schema
  messages?: readonly MessageType<string, any>[]
  /** Settings of the hive this scenario needs; what the user configured comes first where both say something. */
  hive?(setup: ScenarioSetup<z.output<Schema>>): MaybePromise<HiveOptions>
  /** Rooms to open before the agents start, with the options of `hive.room`. */
  rooms?: Readonly<Record<string, Parameters<Hive['room']>[1]>>
  /** What the agents and steps share in this process. */
  state?(ctx: Omit<ScenarioContext<z.output<Schema>, undefined>, 'state' | 'agent'>): MaybePromise<State>
  /** Started together under one supervisor (one-for-one) before the first step. */
  agents?(ctx: Omit<ScenarioContext<z.output<Schema>, State>, 'agent'>): MaybePromise<readonly SupervisedChild[]>
  /** Run one after the other. */
  steps: readonly ScenarioStep<z.output<Schema>, State>[]
  /** What came out, as plain JSON. */
  report(ctx: ScenarioContext<z.output<Schema>, State>): MaybePromise<Report>
  /** They decide whether the run succeeded. */
  expectations: readonly Expectation<NoInfer<Report>>[]
  /** The report for a person; without it, it is shown as JSON. */
  text?(report: NoInfer<Report>): string
}

/** A scenario, with its types erased: what `runScenario` takes. */
export interface Scenario<Input = any, Report = any> {
  readonly kind: 'scenario'
  readonly options: ScenarioOptions<z.ZodObject, any, any>
  /** Never set: carries the types. */
  readonly types?: { input: Input; report: Report }
}

/**
 * Defines a scenario: agents in rooms, working on real input, with a report and the expectations it must meet.
 * Export it by default from a module and start it with `hivemind run PATH`.
 *
 * @example
 * export default defineScenario({
 *   name: 'greeting', title: 'Greeting', description: 'Somebody says hello.',
 *   input: z.object({ name: z.string().default('world').describe('whom to greet') }),
 *   rooms: { main_hall: {} },
 *   steps: [{ name: 'greeting', run: async (ctx) => (await ctx.hive.room('main_hall')).post('text', { text: `hello ${ctx.input.name}` }) }],
 *   report: (ctx) => ({ greeted: ctx.input.name }),
 *   expectations: [{ name: 'somebody was greeted', check: (report) => report.greeted !== '' || 'nobody was' }],
 * })
 */
export function defineScenario<Schema extends z.ZodObject, State = undefined, Report = unknown>(
  options: ScenarioOptions<Schema, State, Report>,
): Scenario<z.output<Schema>, Report> {
  if (!/^[a-z][a-z0-9-]*$/.test(options.name)) throw new InvalidArgument('name', `"${options.name}" is no name for a scenario: use lower-case letters, digits and "-"`)
  return { kind: 'scenario', options: options as unknown as ScenarioOptions<z.ZodObject, any, any> }
}

/** Whether a module's default export is a scenario, also one made by another copy of this package. */
export function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && (value as Scenario).kind === 'scenario' && typeof (value as Scenario).options === 'object'
}
