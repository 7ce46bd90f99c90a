import type { AnyTransitionDefinition } from 'xstate'

/** What sets a transition off, as a person writes it. */
export function triggerOf({ eventType }: AnyTransitionDefinition): string {
  return eventType === '' ? 'always' : eventType.startsWith('xstate.done.state.') ? 'onDone' : eventType
}

/** Name of its guard; undefined when it has none. */
export function guardOf({ guard }: AnyTransitionDefinition): string | undefined {
  const named = guard as { type?: string; name?: string } | string | undefined
  if (named === undefined) return undefined
  return typeof named === 'string' ? named : (named.type ?? named.name) || 'guard'
}

/** A transition in one line, e.g. `lease.free --ask[allowed]--> lease.asking`. */
export function labelOf(transition: AnyTransitionDefinition): string {
  const guard = guardOf(transition)
  const target = transition.target?.map((node) => node.id).join(', ') ?? 'itself'
  return `${transition.source.id} --${triggerOf(transition)}${guard === undefined ? '' : `[${guard}]`}--> ${target}`
}
