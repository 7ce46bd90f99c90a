import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, AnyStateNode, AnyTransitionDefinition, EventObject } from 'xstate'
import { nodesOf, transitionsOf } from './obstacles.ts'
import { isPromise } from './promises.ts'

type Args = { context: unknown; event: EventObject }
type Implementation = ((args: Args, params: unknown) => unknown) & { check?: (snapshot: AnyMachineSnapshot, args: Args, guard: unknown) => boolean }

/** A guard as it is written in a machine, ready to be asked. `at`: a snapshot of where the machine is then, for guards such as `stateIn`. */
export type Guard = (context: unknown, event: EventObject, at: AnyMachineSnapshot) => boolean

/** What XState asked or did in the course of one step, in order. */
export interface Log {
  guard(guard: Guard, event: EventObject, at: AnyMachineSnapshot, passed: boolean): void
  action(action: unknown, event: EventObject): void
  enter(node: AnyStateNode): void
}

const mostMicrosteps = 1_000

/** A copy of a machine that tells the log of every guard and action of a step, and behaves as before. */
export function instrumented(machine: AnyStateMachine, log: Log): AnyStateMachine {
  const copy = machine.provide({})
  // Eventless transitions that go round for ever are a finding, not the end of the checker.
  copy.options = { ...copy.options, maxIterations: Math.min(copy.options.maxIterations ?? Infinity, mostMicrosteps) }
  const guards = new Map<unknown, unknown>()
  const actions = new Map<unknown, unknown>()
  const watchGuard = (transition: AnyTransitionDefinition): void => {
    const definition = transition.guard
    if (definition === undefined) return
    if (!guards.has(definition)) guards.set(definition, watchedGuard(copy, definition, log))
    Object.assign(transition, { guard: guards.get(definition) })
  }
  const watchActions = <T>(list: readonly T[]): T[] => list.map((action) => {
    if (!actions.has(action)) actions.set(action, watchedAction(action, log))
    return actions.get(action) as T
  })
  for (const node of nodesOf(copy.root)) {
    for (const transition of transitionsOf(node)) {
      watchGuard(transition)
      transition.actions = watchActions(transition.actions)
    }
    node.entry = [watchedEntry(node, log), ...watchActions(node.entry)] as typeof node.entry
    node.exit = watchActions(node.exit)
    if (node.type === 'compound') node.initial.actions = watchActions(node.initial.actions)
  }
  return copy
}

/** A guard that XState asks in its own way (one that is given the snapshot). It bears the name of the original, which labels show. */
function watchedGuard(machine: AnyStateMachine, definition: unknown, log: Log): unknown {
  const guard = guardOf(machine, definition)
  const name = typeof definition === 'string' ? definition : (definition as { type?: string; name?: string }).type ?? (definition as { name?: string }).name ?? ''
  const watched = Object.defineProperty(() => false, 'name', { value: name })
  return Object.assign(watched, {
    check(at: AnyMachineSnapshot, { context, event }: Args): boolean {
      const passed = guard(context, event, at)
      log.guard(guard, event, at, passed)
      return passed
    },
  })
}

/** As XState resolves guards: by name, with params, as an alias of another, or built of others. */
function guardOf(machine: AnyStateMachine, definition: unknown): Guard {
  const implementation = (typeof definition === 'function' ? definition : machine.implementations.guards[typeof definition === 'string' ? definition : (definition as { type: string }).type]) as Implementation | undefined
  if (implementation === undefined) {
    const name = typeof definition === 'string' ? definition : (definition as { type: string }).type
    return () => {
      throw new Error(`Guard '${name}' is not implemented.`)
    }
  }
  if (typeof implementation !== 'function') return guardOf(machine, implementation)
  if (implementation.check !== undefined) return (context, event, at) => Boolean(implementation.check!({ ...at, context } as AnyMachineSnapshot, { context, event }, implementation))
  const params = paramsOf(definition)
  if (typeof params !== 'function') return (context, event) => answered(implementation({ context, event }, params))
  return (context, event) => answered(implementation({ context, event }, params({ context, event })))
}

function answered(answer: unknown): boolean {
  if (isPromise(answer)) throw new Error('the guard gives a promise, which XState takes for true whatever comes of it: let what it waits for arrive in an event')
  return Boolean(answer)
}

function watchedEntry(node: AnyStateNode, log: Log): unknown {
  return Object.assign(() => undefined, {
    type: 'hivemind.entered',
    resolve(_scope: AnyActorScope, snapshot: AnyMachineSnapshot) {
      log.enter(node)
      return [snapshot, undefined, undefined]
    },
  })
}

/** The params a guard or action is written with: a value, or a function that makes them. */
export function paramsOf(definition: unknown): unknown {
  return typeof definition === 'object' && definition !== null && 'params' in definition ? definition.params : undefined
}

/** A built-in action that leaves the original for XState to carry out next. */
function watchedAction(action: unknown, log: Log): unknown {
  return Object.assign(() => undefined, {
    type: 'hivemind.watched',
    resolve(_scope: AnyActorScope, snapshot: AnyMachineSnapshot, { event }: Args) {
      log.action(action, event)
      return [snapshot, undefined, [action]]
    },
  })
}
