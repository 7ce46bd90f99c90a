import { messageOf } from '../kernel/errors.ts'
import { UncheckableMachine } from './errors.ts'
import { encode, same, Unrepresentable } from './key.ts'
import type { Command, PathStep, Space, Visitor } from './space.ts'
import type { Stepper } from './stepper.ts'
import type { Traps } from './traps.ts'

const none: readonly Command[] = []

/**
 * The states of a stepper, kept until they have been expanded, then only by their key.
 * Every transition is taken twice and the answers compared; a state that has changed after its transitions were taken was mutated.
 */
export class StateSpace<S, V, E> implements Space<V, E> {
  readonly #numbers = new Map<string, number>()
  readonly #states: (S | undefined)[] = []
  readonly #events: E[] = []
  readonly #eventNumbers = new Map<unknown, number>()
  readonly #eventKeys = new Map<string, number>()
  #before!: S
  #after!: S
  #fresh = false
  commands: readonly Command[] = none

  constructor(readonly stepper: Stepper<S, V, E>, readonly traps: Traps) {}

  get name(): string {
    return this.stepper.name
  }

  get size(): number {
    return this.#numbers.size
  }

  get eventCount(): number {
    return this.#events.length
  }

  get before(): V {
    return this.stepper.view(this.#before)
  }

  get after(): V {
    return this.stepper.view(this.#after)
  }

  get ended(): boolean {
    return this.stepper.ended(this.#before)
  }

  get assumptions(): readonly string[] {
    return this.stepper.assumptions
  }

  coverage(): { neverTaken: string[]; neverEntered: string[] } {
    return this.stepper.coverage()
  }

  event(number: number): E {
    return this.#events[number]!
  }

  roots(visit: (state: number, fresh: boolean) => void, fault: (message: string) => void): void {
    let initial
    try {
      initial = this.stepper.initial()
    } catch (error) {
      this.#checkPure('its initial state', error)
      fault(messageOf(error))
      return
    }
    this.#checkPure('its initial state')
    for (const { state, commands } of initial) {
      this.#after = state
      this.commands = commands
      const number = this.#intern(state, 'the initial state')
      visit(number, this.#fresh)
    }
  }

  expand(number: number, visitor: Visitor): void {
    const { stepper } = this
    const state = this.#states[number]!
    this.#before = state
    if (stepper.ended(state)) {
      this.#states[number] = undefined
      return
    }
    for (const event of stepper.events(state)) this.#take(number, state, event, visitor)
    const key = this.#keyOf(state, 'a state')
    if (this.#numbers.get(key) !== number) {
      throw new UncheckableMachine(this.name, [{
        where: `state ${describe(stepper.show(state))}`,
        what: 'an action or guard changed the state in place',
        instead: 'return new objects from assign, e.g. assign({ list: ({ context }) => [...context.list, item] })',
      }])
    }
    this.#states[number] = undefined
  }

  #take(number: number, state: S, event: E, visitor: Visitor): void {
    const { stepper } = this
    let next: S | undefined
    let again: S | undefined
    let commands = none
    try {
      next = stepper.step(state, event)
      commands = stepper.commands
      if (next !== undefined) again = stepper.step(state, event)
    } catch (error) {
      this.#checkPure(`event ${describe(event)} in state ${describe(stepper.show(state))}`, error)
      this.#after = state
      this.commands = none
      visitor.fault(this.#number(event), 'throw', messageOf(error))
      return
    }
    if (this.traps.sprung !== undefined) this.#checkPure(`event ${describe(event)} in state ${describe(stepper.show(state))}`)
    if (next === undefined) {
      this.#after = state
      this.commands = none
      visitor.successor(this.#number(event), number, false, false)
      return
    }
    if (again === undefined || !same(commands, stepper.commands) || !stepper.agree(next, again)) {
      this.#after = next
      this.commands = commands
      visitor.fault(this.#number(event), 'nondeterministic', 'the same event in the same state gave two answers: a guard or action reads something outside of context, event and params')
      return
    }
    const target = this.#intern(next, 'the next state', event)
    this.#after = next
    this.commands = commands
    visitor.successor(this.#number(event), target, this.#fresh, target !== number || commands.length > 0)
  }

  path(root: number, events: readonly number[]): PathStep<E>[] {
    const { stepper } = this
    const start = stepper.initial()[root]!
    const steps: PathStep<E>[] = [{ event: null, state: stepper.show(start.state), commands: start.commands }]
    let state = start.state
    for (const number of events) {
      const event = this.event(number)
      try {
        const next = stepper.step(state, event)
        steps.push({ event, state: stepper.show(next ?? state), commands: next === undefined ? none : stepper.commands })
        state = next ?? state
      } catch (error) {
        steps.push({ event, state: stepper.show(state), error: messageOf(error) })
      }
    }
    return steps
  }

  #intern(state: S, what: string, event?: E): number {
    const key = this.#keyOf(state, what, event)
    const known = this.#numbers.get(key)
    this.#fresh = known === undefined
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(key, number)
    this.#states.push(state)
    this.stepper.entered?.(state)
    return number
  }

  #keyOf(state: S, what: string, event?: E): string {
    try {
      return this.stepper.key(state)
    } catch (error) {
      if (!(error instanceof Unrepresentable)) throw error
      throw new UncheckableMachine(this.name, [{
        where: `${error.path || 'the state'} in ${what}${event === undefined ? '' : ` after ${describe(event)}`}`,
        what: error.what,
        instead: 'keep plain data in context (objects, arrays, strings, numbers, booleans, null): a Set as a sorted array, a Map as an object, a Date as a number of ms',
      }])
    }
  }

  #number(event: E): number {
    const known = this.#eventNumbers.get(event)
    if (known !== undefined) return known
    const key = encode(event)
    let number = this.#eventKeys.get(key)
    if (number === undefined) {
      number = this.#events.length
      this.#events.push(event)
      this.#eventKeys.set(key, number)
      // Only the first object of a kind is remembered by identity: event functions make new ones for every state.
      this.#eventNumbers.set(event, number)
    }
    return number
  }

  #checkPure(where: string, error?: unknown): void {
    if (error instanceof UncheckableMachine) throw error
    const { sprung } = this.traps
    if (sprung === undefined) return
    throw new UncheckableMachine(this.name, [{
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
