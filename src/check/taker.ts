import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { UncheckableMachine } from './errors.ts'
import { same, Unrepresentable } from './key.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import type { Traps } from './traps.ts'

/** What became of an event. */
export type Outcome<S> =
  | { kind: 'next'; state: S; key: string; commands: readonly Command[] }
  | { kind: 'ignored' }
  | { kind: 'throw' | 'nondeterministic'; message: string }

const ignored = { kind: 'ignored' } as const
const twoAnswers = {
  kind: 'nondeterministic',
  message: 'the same event in the same state gave two answers: a guard or action reads something outside of context, event and params',
} as const

/** Takes steps and makes sure that they are steps of a pure machine: each is taken twice and the answers compared, and the traps have to stay set. */
export class Taker<S, V, E> {
  constructor(readonly stepper: Stepper<S, V, E>, readonly traps: Traps) {}

  initial(): { state: S; commands: readonly Command[] }[] {
    try {
      const initial = this.stepper.initial()
      const again = this.stepper.initial()
      this.#assertPure('its initial state')
      const keys = (roots: { state: S }[]): string[] => roots.map(({ state }) => this.key(state))
      if (!same(keys(initial), keys(again)) || !same(initial.map(({ commands }) => commands), again.map(({ commands }) => commands))) {
        throw new UncheckableMachine(this.stepper.name, [{ where: 'its initial state', what: 'it is another one each time', instead: 'make it of the input alone' }])
      }
      return initial
    } catch (error) {
      this.#assertPure('its initial state', error)
      throw error
    }
  }

  take(state: S, event: E): Outcome<S> {
    const { stepper, traps } = this
    let next: S | undefined
    let again: S | undefined
    let commands
    try {
      next = stepper.step(state, event)
      commands = stepper.commands
      again = stepper.step(state, event)
    } catch (error) {
      this.#assertPure(this.#where(state, event), error)
      return { kind: 'throw', message: messageOf(error) }
    }
    if (traps.sprung !== undefined) this.#assertPure(this.#where(state, event))
    if (next === undefined) return again === undefined ? ignored : twoAnswers
    // The key first: it refuses what cannot be compared.
    const key = this.key(next, event)
    if (again === undefined || !same(commands, stepper.commands) || !stepper.agree(next, again)) return twoAnswers
    return { kind: 'next', state: next, key, commands }
  }

  /** Throws UncheckableMachine, naming the field, when the state is not plain data. */
  key(state: S, after?: E): string {
    try {
      return this.stepper.key(state)
    } catch (error) {
      if (!(error instanceof Unrepresentable)) throw error
      throw new UncheckableMachine(this.stepper.name, [{
        where: `${error.path === '' ? 'the state' : `"${error.path}"`}${after === undefined ? ' in the initial state' : ` after ${describe(after)}`}`,
        what: error.what,
        instead: 'keep plain data in context (objects, arrays, strings, numbers, booleans, null): a Set as a sorted array, a Map as an object, a Date as a number of ms',
      }])
    }
  }

  /** `state` was changed in place by one of its own steps. */
  mutated(state: S): UncheckableMachine {
    return new UncheckableMachine(this.stepper.name, [{
      where: `state ${describe(this.stepper.show(state))}`,
      what: 'an action or guard changed the state in place',
      instead: 'return new objects from assign, e.g. assign({ list: ({ context }) => [...context.list, item] })',
    }])
  }

  #where(state: S, event: E): string {
    return `event ${describe(event)} in state ${describe(this.stepper.show(state))}`
  }

  #assertPure(where: string, error?: unknown): void {
    // Not the machine's: what is wrong with how it is checked.
    if (error instanceof UncheckableMachine || error instanceof InvalidArgument) throw error
    const { sprung } = this.traps
    if (sprung === undefined) return
    throw new UncheckableMachine(this.stepper.name, [{
      where,
      what: `a guard or action calls ${sprung}`,
      instead: 'let time and chance arrive in the event, e.g. { type: \'tick\', now } or { type: \'drawn\', value }, so that a recorded run can be replayed',
    }])
  }
}

/** A value in one line of text. */
export function describe(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item)) ?? String(value)
}
