import { UncheckableMachine } from './errors.ts'
import type { Stepper } from './stepper.ts'
import { describe, Taker } from './taker.ts'
import { withTraps } from './traps.ts'

/** A machine as a table: for each state, where the first, second... of its events leads. The initial state is 0. */
export interface TransitionTable {
  states: number
  next: number[][]
  exhaustive: boolean
}

/** Explores a machine into a table. Throws UncheckableMachine when a step throws or gives two answers. */
export function tabulate<S, V, E>(stepper: Stepper<S, V, E>, maxStates: number): TransitionTable {
  return withTraps((traps) => {
    const taker = new Taker(stepper, traps)
    const numbers = new Map<number, number>()
    const keys: number[] = []
    const states: S[] = []
    const next: number[][] = []
    const intern = (state: S, key: number): number => {
      let number = numbers.get(key)
      if (number === undefined) {
        number = numbers.size
        numbers.set(key, number)
        states.push(state)
        keys.push(key)
      }
      return number
    }
    for (const { state } of taker.initial()) intern(state, taker.key(state))
    for (let number = 0; number < states.length && states.length <= maxStates; number++) {
      const state = states[number]!
      const events = stepper.ended(state) ? [] : stepper.events(state)
      next.push(events.map((event) => {
        const outcome = taker.take(state, keys[number]!, event)
        if (outcome.kind === 'next') return intern(outcome.state, outcome.key)
        if (outcome.kind === 'ignored') return number
        throw new UncheckableMachine(stepper.name, [{
          where: `event ${describe(event)} in state ${describe(stepper.show(state))}`,
          what: outcome.message,
          instead: 'put the machine right first: checkMachine shows the way there',
        }])
      }))
      taker.assertUnchanged(state, keys[number]!)
    }
    return { states: states.length, next, exhaustive: next.length === states.length }
  })
}
