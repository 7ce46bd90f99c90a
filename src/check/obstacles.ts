import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import type { Obstacle } from './errors.ts'
import { isAsync } from './promises.ts'

type Action = { type?: unknown; delay?: unknown; name?: unknown; id?: unknown; sendId?: unknown; assignment?: unknown }
type Guard = { type?: string; guards?: readonly unknown[] }

const builtin: Record<string, Omit<Obstacle, 'where'>> = {
  'xstate.spawnChild': { what: 'it spawns a child', instead: 'leave a command, e.g. { type: \'startWorker\', params: { id } }, let the runtime start it, and take its result as an event' },
  'xstate.stopChild': { what: 'it stops a child', instead: 'leave a command, e.g. { type: \'stopWorker\', params: { id } }' },
  'xstate.sendTo': { what: 'it sends to another actor', instead: 'leave a named action with params, e.g. { type: \'notify\', params: { to, message } }, and let the effects table send it' },
  'xstate.cancel': { what: 'it cancels a delayed event', instead: 'leave a command { type: \'cancelTimer\', params: { id } }' },
}
const delayed: Omit<Obstacle, 'where'> = {
  what: 'it raises an event after a delay',
  instead: 'leave a command { type: \'startTimer\', params: { id, ms, nonce } } and take { type: \'timer\', id, nonce } as an event',
}

/** An assign that gives a promise. */
export const asyncAssign = (where: string): Obstacle => ({
  where,
  what: 'is async: XState does not wait for it, and nothing of it gets into context',
  instead: 'leave a command, and assign what comes back when it arrives in an event',
})

/** What stands in the way of checking a built-in action, if anything. */
export function obstacleOf(type: unknown, isDelayed: boolean): Omit<Obstacle, 'where'> | undefined {
  if (type === 'xstate.raise') return isDelayed ? delayed : undefined
  return typeof type === 'string' && Object.hasOwn(builtin, type) ? builtin[type] : undefined
}

/** Everything in a machine's configuration that makes it more than a pure decision core. */
export function findObstacles(machine: AnyStateMachine): Obstacle[] {
  const found: Obstacle[] = []
  for (const node of nodesOf(machine.root)) {
    const where = `state "${node.id}"`
    for (const invoked of node.invoke) {
      found.push({
        where,
        what: `invokes "${nameOf(invoked)}"${invoked.systemId === undefined ? '' : ` under the systemId "${invoked.systemId}"`}`,
        instead: 'leave a command on entry, e.g. entry: { type: \'load\', params }, and take the outcome as events (\'loaded\', \'failed\')',
      })
    }
    for (const delay of Object.keys(node.config.after ?? {})) {
      found.push({
        where,
        what: `has an "after" transition (${delay})`,
        instead: 'leave { type: \'startTimer\', params: { id, ms, nonce } } on entry and react to on: { timer: { guard: the nonce is the one awaited } }',
      })
    }
    for (const action of actionsOf(node, machine)) {
      // What "after" is made of is named above.
      if (String(action.id ?? action.sendId).startsWith('xstate.after.')) continue
      const obstacle = obstacleOf(action.type, action.delay !== undefined)
      if (obstacle) found.push({ where, ...obstacle })
      const { assignment } = action
      const assigns = typeof assignment === 'object' && assignment !== null ? Object.values(assignment) : [assignment]
      if (assigns.some(isAsync)) found.push(asyncAssign(`${where}, an assign`))
    }
    for (const transition of transitionsOf(node)) {
      if (!waits(machine, transition.guard)) continue
      found.push({
        where: `${where}, a guard on "${transition.eventType || 'always'}"`,
        what: 'is async: XState takes its promise for true, whatever comes of it',
        instead: 'leave a command that asks, and let the answer arrive as an event (\'allowed\', \'denied\')',
      })
    }
  }
  return found
}

/** Ids of invocations that were given none begin with a number. */
function nameOf({ id, src }: AnyStateNode['invoke'][number]): string {
  return typeof src === 'string' && /^\d/.test(id) ? src : id
}

/** A guard that is async, or built of one that is. */
function waits(machine: AnyStateMachine, guard: unknown): boolean {
  if (guard === undefined) return false
  const named = typeof guard === 'string' ? guard : typeof guard === 'object' ? (guard as Guard).type : undefined
  const implementation = (named === undefined ? guard : machine.implementations.guards[named]) as Guard | undefined
  return isAsync(implementation) || (implementation?.guards ?? []).some((part) => waits(machine, part))
}

/** Those a state node declares. */
export function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...node.transitions.values()].flat().concat(node.always ?? [])
}

function actionsOf(node: AnyStateNode, machine: AnyStateMachine): Action[] {
  const actions = [...node.entry, ...node.exit, ...transitionsOf(node).flatMap((transition) => transition.actions)] as unknown[]
  return actions.map((action) => {
    const name = typeof action === 'string' ? action : (action as Action).type
    const implementation = typeof name === 'string' ? machine.implementations.actions[name] : undefined
    return (implementation ?? action) as Action
  })
}

/** Inline action functions: they are named nowhere, so that nothing can be said about what they do. */
export function inlineActions(machine: AnyStateMachine): string[] {
  return nodesOf(machine.root).filter((node) => actionsOf(node, machine).some((action) => typeof action === 'function' && !('resolve' in action) && !isNamed(machine, action))).map((node) => node.id)
}

function isNamed(machine: AnyStateMachine, action: unknown): boolean {
  return Object.values(machine.implementations.actions).includes(action as never)
}

/** A state node and all below it, in document order. */
export function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(nodesOf)]
}
