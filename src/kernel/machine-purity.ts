import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { InvalidArgument } from './errors.ts'

/**
 * The commands a machine may give: its named actions that are not XState's own. Refuses, naming the state and what to write
 * instead, a machine that does more than decide.
 */
export function commandsOf(machine: AnyStateMachine): string[] {
  visit(machine, machine.root)
  return Object.entries(machine.implementations.actions as Record<string, unknown>)
    .filter(([, action]) => !isBuiltIn(action))
    .map(([name]) => name)
}

function visit(machine: AnyStateMachine, node: AnyStateNode): void {
  const refuse = (problem: string): never => {
    throw new InvalidArgument('machine', `state "${node.id}" of "${machine.id}" ${problem}`)
  }
  if (node.invoke.length > 0) refuse('invokes an actor: give a command and hear the outcome as an event')
  if (node.after.length > 0) refuse('uses "after": give a startTimer command and take its timer event')
  const transitions = [...node.transitions.values()].flat()
  if (node.transitions.has('*')) refuse('has a "*" transition: name the events')
  const actions = [...node.entry, ...node.exit, ...transitions.flatMap((transition) => transition.actions), ...(node.always ?? []).flatMap((transition) => transition.actions)]
  for (const action of actions) {
    if (typeof action === 'function' && !isBuiltIn(action)) refuse(`has the inline action "${action.name}": name it in setup({ actions })`)
    const builtIn = (action as { type?: string }).type ?? ''
    if (/^xstate\.(spawnChild|sendTo|stopChild|cancel|emit|log)$/.test(builtIn)) refuse(`uses ${builtIn}: give a command instead`)
  }
  for (const child of Object.values(node.states)) visit(machine, child)
}

function isBuiltIn(action: unknown): boolean {
  return (typeof action === 'function' || typeof action === 'object') && action !== null && 'resolve' in action
}
