import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { notPlain, TwoAnswers, UncheckableMachine } from './errors.ts'
import { Interner } from './interner.ts'
import { same } from './same.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import type { Traps } from './traps.ts'
import { Unrepresentable } from './unrepresentable.ts'

/** What became of an event. */
export type Outcome<S> =
  | { kind: 'next'; state: S; key: number; commands: readonly Command[] }
  | { kind: 'ignored' }
  | { kind: 'throw' | 'nondeterministic'; message: string }

const ignored = { kind: 'ignored' } as const
const twoAnswers = { kind: 'nondeterministic', message: new TwoAnswers().message } as const

/**
 * Takes steps and makes sure that they are steps of a pure machine: each is taken twice and the answers compared, and the traps have to stay set.
 * States have equal keys exactly when nothing tells them apart.
 */
export class Taker<S, V, E> {
  readonly #interner = new Interner()
  /** The state whose steps are taken, and what tells it apart. */
  #from: { state: S; told: readonly unknown[] } | undefined

  constructor(readonly stepper: Stepper<S, V, E>, readonly traps: Traps) {}

  initial(): { state: S; commands: readonly Command[] }[] {
    try {
      const initial = this.stepper.initial()
      const again = this.stepper.initial()
      this.#assertPure('its initial state')
      const keys = (roots: { state: S }[]): number[] => roots.map(({ state }) => this.key(state))
      if (!same(keys(initial), keys(again)) || !same(initial.map(({ commands }) => commands), again.map(({ commands }) => commands))) {
        throw new UncheckableMachine(this.stepper.name, [{ where: 'its initial state', what: 'it is another one each time', instead: 'make it of the input alone' }])
      }
      return initial
    } catch (error) {
      this.#assertPure('its initial state', error)
      throw error
    }
  }

  /** `key`: that of the state. Whoever takes steps from it asks `assertUnchanged` afterwards. */
  take(state: S, key: number, event: E): Outcome<S> {
    const { stepper, traps } = this
    let next: S | undefined
    let again: S | undefined
    let commands
    try {
      next = stepper.step(state, event)
      commands = stepper.commands
      again = stepper.step(state, event)
    } catch (error) {
      if (error instanceof TwoAnswers) return twoAnswers
      this.#assertPure(this.#where(state, event), error)
      return { kind: 'throw', message: messageOf(error) }
    }
    if (traps.sprung !== undefined) this.#assertPure(this.#where(state, event))
    if (next === undefined) return again === undefined ? ignored : twoAnswers
    if (this.#from?.state !== state) this.#from = { state, told: stepper.told(state) }
    // The key first: it refuses what cannot be compared.
    const reached = this.#nextKey(next, this.#from.told, key, event)
    if (again === undefined || !same(commands, stepper.commands) || (again !== next && !same(stepper.told(next), stepper.told(again)))) return twoAnswers
    return { kind: 'next', state: next, key: reached, commands }
  }

  /** Throws UncheckableMachine, naming the field, when the state is not plain data. */
  key(state: S): number {
    try {
      return this.#interner.of(this.stepper.told(state))
    } catch (error) {
      throw this.#refusal(error)
    }
  }

  /** The number of a value that is part of the key of a state. */
  keyOf(value: unknown): number {
    return this.#interner.of(value)
  }

  #nextKey(next: S, told: readonly unknown[], key: number, event: E): number {
    try {
      return this.#interner.near(this.stepper.told(next), told, key)
    } catch (error) {
      throw this.#refusal(error, event)
    }
  }

  #refusal(error: unknown, after?: E): unknown {
    return error instanceof Unrepresentable ? notPlain(this.stepper.name, error, after === undefined ? 'in the initial state' : `after ${describe(after)}`) : error
  }

  /** Throws when `state` was changed in place by one of its own steps. */
  assertUnchanged(state: S, key: number): void {
    if (this.key(state) === key) return
    throw new UncheckableMachine(this.stepper.name, [{
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
