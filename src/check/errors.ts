import { HivemindError } from '../kernel/errors.ts'
import type { Unrepresentable } from './unrepresentable.ts'

/** One thing that keeps a machine from being checked. */
export interface Obstacle {
  /** Where: a state node, an action, a path in the context. */
  where: string
  /** What is in the way. */
  what: string
  /** How to write it instead. */
  instead: string
}

/** The machine is not a pure decision core, so that no exploration of it would mean anything. */
export class UncheckableMachine extends HivemindError {
  constructor(machine: string, readonly obstacles: readonly Obstacle[]) {
    const lines = obstacles.map(({ where, what, instead }) => `  - ${where}: ${what}. Instead: ${instead}`)
    super('uncheckable_machine', `"${machine}" cannot be checked:\n${lines.join('\n')}`, false)
  }
}

/** A state of the machine holds something that no key can stand for. */
export function notPlain(machine: string, { path, what }: Unrepresentable, when: string): UncheckableMachine {
  // The first step of the path says which of the things that tell a state apart it is.
  const field = path.slice(1).join('.')
  return new UncheckableMachine(machine, [{
    where: `${field === '' ? 'the state' : `"${field}"`} ${when}`,
    what,
    instead: 'keep plain data in context (objects, arrays, strings, numbers, booleans, null): a Set as a sorted array, a Map as an object, a Date as a number of ms',
  }])
}

/** The same event in the same state was answered in two ways. */
export class TwoAnswers extends Error {
  constructor() {
    super('the same event in the same state gave two answers: a guard or action reads something outside of context, event and params')
  }
}
