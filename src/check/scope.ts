import type { AnyActorScope, AnyTransitionDefinition } from 'xstate'
import { UncheckableMachine } from './errors.ts'
import { obstacleOf } from './obstacles.ts'
import type { Command } from './space.ts'

/** What the last run of the machine did. */
export interface Recording {
  commands: Command[]
  /** How many transitions were taken. */
  taken: number
}

/**
 * One inert actor scope for all the steps of a machine (xstate's own `transition` builds an actor and a system for each call, which costs more
 * than the step). It records commands and the transitions taken, and refuses whatever reaches outside of the machine.
 */
export function recordingScope(name: string, recording: Recording, taken: Set<AnyTransitionDefinition>): AnyActorScope {
  const outside = (what: string): never => {
    throw new UncheckableMachine(name, [{
      where: 'an action',
      what: `reaches for ${what}`,
      instead: 'decide from context, event and params alone, and leave a named action with params for what has to happen outside',
    }])
  }
  const guarded = (known: object, label: string): any => new Proxy(known, {
    get: (target, property) => (property in target ? Reflect.get(target, property) : outside(`${label}.${String(property)}`)),
  })
  // The inspection event is the only place where xstate tells which transitions it took.
  const system = guarded({
    _sendInspectionEvent: (inspection: { _transitions?: AnyTransitionDefinition[] }) => {
      for (const transition of inspection._transitions ?? []) {
        recording.taken++
        taken.add(transition)
      }
    },
  }, 'system')
  return {
    self: guarded({ id: name, sessionId: 'check' }, 'self'),
    system,
    id: name,
    sessionId: 'check',
    logger: () => undefined,
    defer: () => undefined,
    emit: () => undefined,
    stopChild: () => undefined,
    actionExecutor(action) {
      const { type, params } = action as { type: string; params: unknown }
      if (!type.startsWith('xstate.')) {
        recording.commands.push({ type, params })
        return
      }
      const obstacle = obstacleOf(type, (params as { delay?: unknown } | undefined)?.delay !== undefined)
      if (obstacle) throw new UncheckableMachine(name, [{ where: 'an action', ...obstacle }])
      if (type === 'xstate.emit') recording.commands.push({ type: 'emit', params: (params as { event: unknown }).event })
    },
  }
}
