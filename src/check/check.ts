import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate'
import { systemClock } from '../kernel/clock.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { explore } from './explore.ts'
import { Judge } from './judge.ts'
import { isModel, modelStepper, type Model } from './model.ts'
import { assertMachine, machineStepper } from './machine.ts'
import { assertProperties } from './options.ts'
import type { Part } from './part.ts'
import { isProduct, type Product, type ProductEvent, type ProductOptions, type ProductView } from './product.ts'
import { ProductSpace } from './product-space.ts'
import type { Properties } from './properties.ts'
import type { CheckResult } from './result.ts'
import type { Space } from './space.ts'
import { StateSpace } from './states.ts'
import { withTraps, type Traps } from './traps.ts'

export interface CheckOptions<V, E> extends Properties<V, E> {
  /** States to see before giving up; 1,000,000 by default. Giving up is never a pass. */
  maxStates?: number
}

export interface MachineCheckOptions<V, E> extends CheckOptions<V, E> {
  /** The events that may arrive, or a function that gives those possible in a snapshot (a reply needs a request that is under way). */
  events: readonly E[] | ((snapshot: V) => readonly E[])
  /** Input of the machine. */
  input?: unknown
  /** What tells states apart, when that is less than the whole snapshot. */
  key?: (snapshot: V) => unknown
}

export const defaultMaxStates = 1_000_000

/**
 * Visits every reachable state of a machine and holds its properties against all of them.
 *
 * *Gotchas*: only the given events arrive, so a list that is too short hides behaviour (look at `neverTaken`). A pass means that every reachable
 * state was seen; an exploration that was cut short never passes. Throws UncheckableMachine when the machine is not a pure decision core.
 */
export function checkMachine<M extends AnyStateMachine>(machine: M, options: MachineCheckOptions<SnapshotFrom<M>, EventFromLogic<M>>): CheckResult<EventFromLogic<M>>
export function checkMachine<S, E>(model: Model<S, E>, options?: CheckOptions<S, E>): CheckResult<E>
export function checkMachine<P extends Record<string, Part<any, any>>>(product: Product<P>, options?: CheckOptions<ProductView<P>, ProductEvent>): CheckResult<ProductEvent>
export function checkMachine(subject: AnyStateMachine | Model<unknown, unknown> | Product<any>, options: Partial<MachineCheckOptions<any, any>> = {}): CheckResult<any> {
  return timed(() => withTraps((traps) => {
    if (isProduct(subject)) {
      assertProperties(options, [])
      return checkProduct(subject.product, options, traps)
    }
    if (isModel(subject)) {
      assertProperties(options, [])
      return checkSpace(new StateSpace(modelStepper(subject), traps), options)
    }
    assertMachine('machine', subject)
    assertProperties(options, ['events', 'input', 'key'])
    const { events } = options
    if (typeof events !== 'function' && (events === undefined || events.length === 0)) {
      throw new InvalidArgument('events', `"${subject.id}" needs the events that may arrive: an array of events, or a function of the snapshot`)
    }
    return checkSpace(new StateSpace(machineStepper(subject, { ...options, events }), traps), options, options.input)
  }))
}

/** Holds the properties in `options` against any space of states. `ms` is left to the caller. */
export function checkSpace<V, E>(space: Space<V, E>, options: CheckOptions<V, E>, input?: unknown): CheckResult<E> {
  const maxStates = options.maxStates ?? defaultMaxStates
  const judge = new Judge(space, options)
  const wantsEdges = Object.keys(options.leadsTo ?? {}).length > 0
  const exploration = explore(space, judge, { maxStates, edges: wantsEdges })
  judge.conclude(exploration, maxStates)
  const problems = judge.problems(exploration, input)
  return {
    machine: space.name,
    ok: problems.length === 0 && exploration.exhaustive,
    exhaustive: exploration.exhaustive,
    states: exploration.states,
    transitions: exploration.transitions,
    depth: exploration.depth,
    ms: 0,
    problems,
    ...space.coverage(),
    assumptions: [...space.assumptions, ...judge.assumptions],
  }
}

function checkProduct(options: ProductOptions<any>, properties: CheckOptions<any, ProductEvent>, traps: Traps): CheckResult<ProductEvent> {
  const asksForMore = Object.keys(properties.leadsTo ?? {}).length > 0
  if (asksForMore && options.time?.horizon !== undefined) {
    throw new InvalidArgument('leadsTo', 'time ends at time.horizon here, so that nothing can be said about what happens in the end: leave the horizon out (parts must not read the time then)')
  }
  if (asksForMore && options.symmetry !== undefined) {
    throw new InvalidArgument('leadsTo', 'states that differ in who is who are merged here, and fairness is owed to each of them: leave symmetry out')
  }
  return checkSpace(new ProductSpace(options, traps), properties)
}

/** Notes how long a check took. The clock is out of reach while the traps are set. */
export function timed<E>(check: () => CheckResult<E>): CheckResult<E> {
  const started = systemClock.monotonic()
  const result = check()
  return { ...result, ms: Math.round(systemClock.monotonic() - started) }
}
