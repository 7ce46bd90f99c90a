import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate'
import { InvalidArgument } from '../kernel/errors.ts'
import { defaultMaxStates } from './check.ts'
import { same } from './same.ts'
import { machineStepper } from './machine.ts'
import { assertKnown } from './options.ts'
import type { Command, PathStep } from './space.ts'
import { isWithin } from './subset.ts'
import { tabulate } from './table.ts'
import { describe } from './taker.ts'
import { Tour } from './tour.ts'

/** What an implementation shows after a step. What it leaves out is not compared. */
export interface Observed {
  commands?: readonly Command[]
  state?: unknown
}

/** The real thing behind a machine. Failures reject. */
export interface Adapter<E> {
  /** Begins anew, in the initial state of the machine. */
  reset(): Promise<Observed | void> | Observed | void
  /** Presents an event and waits until it has been dealt with. */
  send(event: E): Promise<Observed | void> | Observed | void
}

export interface ConformOptions<V, E> {
  events: readonly E[] | ((snapshot: V) => readonly E[])
  input?: unknown
  key?: (snapshot: V) => unknown
  /** What the implementation's `state` is compared with: it may show any part of this. `{ value, context }` by default. */
  state?: (snapshot: V) => unknown
  /** How commands are compared; by default they are equal, in order. */
  commands?: (expected: readonly Command[], actual: readonly Command[]) => boolean
  /** States to tour at most. */
  maxStates?: number
}

export interface ConformResult<E> {
  /** Every transition was taken, and the implementation did what the machine does. */
  ok: boolean
  states: number
  /** Transitions taken, and those there are; ignored events count, since they have to be ignored. */
  covered: number
  transitions: number
  steps: number
  resets: number
  failure?: {
    message: string
    /** The steps since the last reset, as the machine takes them; the last is where they part. */
    path: PathStep<E>[]
    expected: Observed
    actual: Observed
  }
}

/**
 * Drives an implementation along a tour of every transition of its machine and compares commands and state after each step.
 * Stops at the first difference. Rejects when the adapter does.
 */
export async function conform<M extends AnyStateMachine>(machine: M, adapter: Adapter<EventFromLogic<M>>, options: NoInfer<ConformOptions<SnapshotFrom<M>, EventFromLogic<M>>>): Promise<ConformResult<EventFromLogic<M>>> {
  type E = EventFromLogic<M>
  assertKnown('conform', options, ['events', 'input', 'key', 'state', 'commands', 'maxStates'])
  const stepper = machineStepper<any, any>(machine, options)
  const table = tabulate(stepper, options.maxStates ?? defaultMaxStates)
  if (!table.exhaustive) throw new InvalidArgument('maxStates', `"${machine.id}" has more states than ${table.next.length}: give fewer events, a smaller input, or a key that merges what is alike`)
  const tour = new Tour(table)
  const transitions = tour.left
  const project = options.state ?? (({ value, context }: any) => ({ value, context }))
  const agree = options.commands ?? same
  const result: ConformResult<E> = { ok: false, states: table.states, covered: 0, transitions, steps: 0, resets: 0 }

  let current: any
  /** Its number in the table. */
  let state = 0
  let path: PathStep<E>[] = []
  const compare = (event: E | null, expected: Required<Observed>, observed: Observed | void): boolean => {
    path.push({ event, state: stepper.show(current), commands: expected.commands })
    const actual = observed ?? {}
    const differs = actual.commands !== undefined && !agree(expected.commands, actual.commands) ? 'commands' : actual.state !== undefined && !isWithin(actual.state, expected.state) ? 'state' : undefined
    if (differs === undefined) return true
    const where = event === null ? 'at the start' : `after ${describe(event)}`
    result.failure = { message: `${where} the ${differs} differ: expected ${describe(expected[differs])}, got ${describe(actual[differs])}`, path, expected, actual }
    return false
  }
  const reset = async (): Promise<boolean> => {
    const [start] = stepper.initial()
    current = start!.state
    state = 0
    path = []
    result.resets++
    return compare(null, { commands: start!.commands, state: project(stepper.view(current)) }, await adapter.reset())
  }

  if (!await reset()) return result
  for (;;) {
    const step = tour.step(state)
    if (step === undefined) break
    if (step === 'reset') {
      if (!await reset()) return result
      continue
    }
    const event = stepper.events(current)[step.event]!
    const next = stepper.step(current, event)
    const commands = next === undefined ? [] : stepper.commands
    current = next ?? current
    result.steps++
    if (!compare(event, { commands, state: project(stepper.view(current)) }, await adapter.send(event))) return result
    tour.taken(state, step.event)
    state = table.next[state]![step.event]!
    result.covered = transitions - tour.left
  }
  return { ...result, ok: tour.left === 0 }
}
