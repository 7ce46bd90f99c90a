import type { AnyMachineSnapshot, AnyStateMachine, AnyTransitionDefinition, EventObject } from 'xstate'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { UncheckableMachine } from './errors.ts'
import { Decisions } from './decisions.ts'
import { historyOf } from './history.ts'
import { instrumented } from './instrumented.ts'
import { Interner } from './interner.ts'
import { labelOf } from './labels.ts'
import { findObstacles, inlineActions, nodesOf, transitionsOf } from './obstacles.ts'
import { placed, snapshotOf, type Placed } from './placed.ts'
import { recordingScope, type Recording } from './scope.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import { Unrepresentable } from './unrepresentable.ts'

export interface MachineOptions<V, E> {
  events: readonly E[] | ((snapshot: V) => readonly E[])
  input?: unknown
  key?: (snapshot: V) => unknown
}

/** Runs an XState v5 machine by its own transition function. Throws UncheckableMachine when the machine is not pure. */
export function machineStepper<V extends AnyMachineSnapshot, E extends EventObject>(original: AnyStateMachine, options: MachineOptions<V, E>): Stepper<Placed, V, E> {
  assertMachine('machine', original)
  const obstacles = findObstacles(original)
  if (obstacles.length > 0) throw new UncheckableMachine(original.id, obstacles)

  if (typeof options.events !== 'function') listed(options.events).forEach(assertEvent)

  const recording: Recording = { commands: [], taken: 0 }
  const taken = new Set<AnyTransitionDefinition>()
  const scope = recordingScope(original.id, recording, taken)
  const told = (state: Placed): readonly unknown[] => (options.key === undefined ? toldOf(state) : [options.key(snapshotOf(state) as V)])
  const interner = new Interner()
  const alike = (left: Placed, right: Placed): boolean => {
    try {
      return interner.of(told(left)) === interner.of(told(right))
    } catch (error) {
      // It is refused where its key is made.
      if (error instanceof Unrepresentable) return true
      throw error
    }
  }
  const decisions = new Decisions(original, { self: scope.self, system: scope.system, spawn: () => { throw new Error('nothing can be spawned here') } }, alike)
  const machine = instrumented(original, decisions)
  const offered = new Map<string, boolean>()
  const { events, key } = options
  let commands: readonly Command[] = []

  const begin = (): void => {
    recording.commands = []
    recording.taken = 0
  }
  const pure = (snapshot: V): V => {
    if (Object.keys(snapshot.children).length > 0) {
      throw new UncheckableMachine(machine.id, [{ where: 'an assign', what: 'spawns a child', instead: 'leave a command and keep the child\'s id in context' }])
    }
    commands = recording.commands
    return snapshot
  }
  const initialSnapshot = (): V => {
    try {
      const snapshot = machine.getInitialSnapshot(scope, options.input as never) as V
      if (snapshot.status === 'error') throw snapshot.error
      return snapshot
    } catch (error) {
      if (error instanceof UncheckableMachine || options.input !== undefined) throw error
      throw new Error(`${messageOf(error)} (no input was given: does the machine need one?)`, { cause: error })
    }
  }
  const view = (state: Placed): V => snapshotOf(state) as V
  const knownStep = (state: Placed, event: E): Placed | null | undefined => {
    try {
      return decisions.step(state, event)
    } catch (error) {
      if (error instanceof UncheckableMachine) throw error
      // What throws is thrown again by XState, in its words.
      return undefined
    }
  }

  return {
    name: machine.id,
    initial() {
      begin()
      const snapshot = initialSnapshot()
      return [{ state: placed(decisions.settled(pure(snapshot))), commands }]
    },
    events: typeof events === 'function' ? (state) => listed(events(view(state))) : () => events,
    step(state, event) {
      assertEvent(event)
      const known = knownStep(state, event)
      if (known !== undefined) {
        commands = decisions.commands
        return known ?? undefined
      }
      const snapshot = view(state)
      begin()
      decisions.begin(event)
      const next = machine.transition(snapshot, event, scope) as V
      const isTaken = recording.taken > 0
      if (isTaken || !offered.has(event.type)) offered.set(event.type, isTaken)
      const settled = decisions.learn(snapshot, event, isTaken ? pure(next) : snapshot, isTaken, recording.commands)
      return !isTaken ? undefined : settled === snapshot ? state : placed(settled)
    },
    get commands() {
      return commands
    },
    told,
    view,
    show: (state) => showSnapshot(view(state)),
    rename: ({ at, context }, data) => ({ at, context: data(context), snapshot: undefined }),
    ended: ({ at }) => at.status !== 'active',
    coverage() {
      const nodes = nodesOf(machine.root)
      const dead = nodes.flatMap((node) => transitionsOf(node).filter((transition) => !taken.has(transition)).map(labelOf))
      const unheard = [...offered].filter(([, heard]) => !heard).map(([type]) => `event "${type}": no state takes it`)
      return { neverTaken: [...dead, ...unheard], neverEntered: nodes.filter((node) => node.type !== 'history' && !decisions.entered.has(node)).map((node) => node.id) }
    },
    assumptions: [
      ...inlineActions(original).map((node) => `state "${node}" has an inline action function: it is not run, and what it does is not checked`),
      ...(key === undefined ? [] : ['states are told apart by the key given in the options: states it merges are taken to behave alike']),
    ],
  }
}

/** Throws InvalidArgument for what is no XState machine. */
export function assertMachine(field: string, subject: unknown): asserts subject is AnyStateMachine {
  const { root, getInitialSnapshot, provide } = (typeof subject === 'object' && subject !== null ? subject : {}) as Partial<AnyStateMachine>
  if (root !== undefined && typeof getInitialSnapshot === 'function' && typeof provide === 'function') return
  throw new InvalidArgument(field, 'expected an XState v5 machine (what createMachine(config) or setup().createMachine(config) gives), a model { init, events, next } or a product({ parts })')
}

function listed<E>(events: readonly E[]): readonly E[] {
  if (!Array.isArray(events)) throw new InvalidArgument('events', 'expected an array of events, e.g. [{ type: \'start\' }], or a function of the snapshot that gives one')
  return events
}

function assertEvent(event: unknown): void {
  if (typeof (event as { type?: unknown } | null)?.type !== 'string') {
    throw new InvalidArgument('events', `${JSON.stringify(event)} is no event: expected an object with a type, e.g. { type: 'start' }`)
  }
}

/** Lists of different length stand for different kinds of snapshots. */
function toldOf({ at, context }: Placed): readonly unknown[] {
  const { value, status, output } = at
  const history = historyOf(at)
  if (history !== undefined) return [context, value, status, output, history]
  return status === 'active' ? [context, value] : [context, value, status, output]
}

function showSnapshot(snapshot: AnyMachineSnapshot): unknown {
  const { value, context, status, output } = snapshot
  const history = historyOf(snapshot)
  return { value, context, ...(status === 'active' ? {} : { status, output }), ...(history && { history }) }
}
