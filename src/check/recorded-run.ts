import type { AnyStateMachine } from 'xstate'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { Follower } from './follower.ts'
import { same } from './same.ts'
import { machineStepper } from './machine.ts'
import type { Stepper } from './stepper.ts'

export interface RecordedRun {
  /** Every transition is one its machine takes, and no line is missing. */
  ok: boolean
  scenario?: string
  version?: string
  node?: string
  lines: number
  /** Messages of the bus. */
  messages: number
  /** By machine: how often it was run, and the transitions that were held against it. */
  machines: Record<string, { instances: number; transitions: number }>
  /** Transitions of machines of a user: what their events carry was not recorded, so that they cannot be held against anything. */
  unchecked: number
  /** Why the record has no end: the process was killed, or the file was full. What there is was held against the machines. */
  cut?: string
  failure?: {
    line: number
    message: string
    machine?: string
    actor?: string
    instance?: number
    record?: unknown
    /** The states the machine may have been in before the line. */
    possible?: unknown[]
  }
}

type Failure = NonNullable<RecordedRun['failure']>
interface MachineLine {
  machine: string
  actor: string
  instance: number
  foreign?: true
  event?: { type: string }
  input?: unknown
  state: { value: unknown; status?: string; context?: unknown }
  commands: { type: string; params?: unknown }[]
}

/**
 * Holds a run that was recorded with `hivemind run --trace` against the machines it ran, each instance from its beginning, and stops at
 * the first line that none of them could have done. Lines are read as they come. Throws `InvalidArgument` for what is no such record.
 */
export async function validateRun(lines: AsyncIterable<string>, machines: Readonly<Record<string, AnyStateMachine>>): Promise<RecordedRun> {
  const run: RecordedRun = { ok: true, lines: 0, messages: 0, machines: {}, unchecked: 0 }
  const instances = new Map<number, Follower<{ type: string }>>()
  const steppers = new Map<string, Stepper<any, any, any>>()
  let ended = false

  /** One for all instances with the same input: they begin in the same state. */
  const stepperOf = (name: string, input: unknown): Stepper<any, any, any> => {
    const key = `${name} ${JSON.stringify(input)}`
    const stepper = steppers.get(key) ?? machineStepper<any, any>(machines[name]!, { events: [], input })
    if (steppers.size < 1_000) steppers.set(key, stepper)
    return stepper
  }

  const onMachine = (record: MachineLine): Omit<Failure, 'line'> | undefined => {
    const { machine, actor, instance, event, state } = record
    if (record.foreign) {
      run.unchecked++
      return undefined
    }
    const about = { machine, actor, instance, record }
    if (!Object.hasOwn(machines, machine)) return { ...about, message: `there is no machine "${machine}": is the record of another version?` }
    const tally = (run.machines[machine] ??= { instances: 0, transitions: 0 })
    const commands = record.commands.map(({ type, params }) => ({ type, params }))
    const seen = { commands, state: { status: 'active', ...state } }
    if (event === undefined) {
      if (instances.has(instance)) return { ...about, message: 'it begins a second time' }
      const follower = new Follower<{ type: string }>(stepperOf(machine, record.input))
      instances.set(instance, follower)
      tally.instances++
      const message = follower.begin(seen)
      return message === undefined ? undefined : { ...about, message, possible: follower.possible() }
    }
    const follower = instances.get(instance)
    if (follower === undefined) return { ...about, message: 'its beginning is missing, or it had ended' }
    tally.transitions++
    const message = follower.take({ event, ...seen })
    if (message !== undefined) return { ...about, message, possible: follower.possible() }
    if (follower.ended) instances.delete(instance)
    return undefined
  }

  const onLine = (text: string): Omit<Failure, 'line'> | undefined => {
    const record = parse(run.lines, text)
    if (run.lines === 1) {
      if (record.kind !== 'header' || record.format !== 1) throw new InvalidArgument('trace', 'line 1 is no header of a recorded run: make one with "hivemind run SCENARIO --trace FILE"')
      Object.assign(run, { scenario: record.scenario, version: record.version, node: record.node })
    }
    if (!same(record.n, run.lines)) return { message: `it says that it is line ${JSON.stringify(record.n)}: lines are missing or were added`, record }
    if (ended) return { message: 'it comes after the end', record }
    switch (record.kind) {
      case 'header': return undefined
      case 'message': return void run.messages++
      case 'machine': return onMachine(record)
      case 'full': return void (run.cut = 'the file was full')
      case 'end': return void (ended = true)
      default: return { message: `it is of no kind that is known: ${JSON.stringify(record.kind)}`, record }
    }
  }

  let waiting: string | undefined
  for await (const text of lines) {
    if (waiting !== undefined && !step(waiting)) return run
    waiting = text
  }
  if (waiting === undefined) throw new InvalidArgument('trace', 'the file is empty')
  // A process that is killed may leave half a line behind.
  if (run.lines > 0 && !isJson(waiting)) run.cut = 'its last line is cut off'
  else step(waiting)
  if (!ended) run.cut ??= 'the process ended without closing it'
  return run

  function step(text: string): boolean {
    run.lines++
    const failure = onLine(text)
    if (failure === undefined) return true
    run.ok = false
    run.failure = { line: run.lines, ...failure }
    return false
  }
}

function parse(line: number, text: string): any {
  try {
    return JSON.parse(text, (_key, value: any) => (typeof value?.$number === 'string' ? Number(value.$number) : value))
  } catch (error) {
    throw new InvalidArgument('trace', `line ${line} is not JSON: ${messageOf(error)}`)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
