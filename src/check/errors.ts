import { HivemindError } from '../kernel/errors.ts'

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
