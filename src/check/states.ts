import { HivemindError, messageOf } from '../kernel/errors.ts'
import { Ints } from './ints.ts'
import { Numbered } from './numbered.ts'
import type { Command, PathStep, Space, Visitor } from './space.ts'
import type { Stepper } from './stepper.ts'
import { Taker } from './taker.ts'
import type { Traps } from './traps.ts'

const none: readonly Command[] = []

/** The states of one machine or model, kept until they have been expanded, then only by their key. */
export class StateSpace<S, V, E> implements Space<V, E> {
  readonly #taker: Taker<S, V, E>
  /** States by their key. */
  readonly #numbers = new Map<number, number>()
  readonly #keys = new Ints()
  readonly #states: (S | undefined)[] = []
  readonly #events = new Numbered<E>()
  #before!: S
  #after!: S
  #event!: E
  #fresh = false
  commands: readonly Command[] = none

  constructor(readonly stepper: Stepper<S, V, E>, traps: Traps) {
    this.#taker = new Taker(stepper, traps)
  }

  get name(): string {
    return this.stepper.name
  }

  get size(): number {
    return this.#numbers.size
  }

  get eventCount(): number {
    return this.#events.values.length
  }

  get taken(): number {
    return this.#events.of(this.#event)
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
    return this.#events.values[number]!
  }

  roots(visit: (state: number, fresh: boolean) => void, fault: (message: string) => void): void {
    let initial
    try {
      initial = this.#taker.initial()
    } catch (error) {
      if (error instanceof HivemindError) throw error
      fault(messageOf(error))
      return
    }
    for (const { state, commands } of initial) {
      this.#after = state
      this.commands = commands
      const number = this.#intern(state, this.#taker.key(state))
      visit(number, this.#fresh)
    }
  }

  expand(number: number, visitor: Visitor): void {
    const { stepper } = this
    const state = this.#states[number]!
    this.#states[number] = undefined
    this.#before = state
    if (stepper.ended(state)) return
    const key = this.#keys.at(number)
    for (const event of stepper.events(state)) this.#take(number, state, key, event, visitor)
    this.#taker.assertUnchanged(state, key)
  }

  #take(number: number, state: S, key: number, event: E, visitor: Visitor): void {
    this.#event = event
    const outcome = this.#taker.take(state, key, event)
    if (outcome.kind === 'next') {
      const target = this.#intern(outcome.state, outcome.key)
      this.#after = outcome.state
      this.commands = outcome.commands
      visitor.successor(target, this.#fresh, target !== number || outcome.commands.length > 0)
      return
    }
    this.#after = state
    this.commands = none
    if (outcome.kind === 'ignored') visitor.successor(number, false, false)
    else visitor.fault(outcome.kind, outcome.message)
  }

  path(root: number, events: readonly E[]): PathStep<E>[] {
    return runPath(this.stepper, root, events)
  }

  #intern(state: S, key: number): number {
    const known = this.#numbers.get(key)
    this.#fresh = known === undefined
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(key, number)
    this.#keys.push(key)
    this.#states.push(state)
    return number
  }
}

/** Runs events from an initial state, and pictures every state on the way. An event that is ignored, or throws, leaves the state as it is. */
export function runPath<S, V, E>(stepper: Stepper<S, V, E>, root: number, events: readonly E[]): PathStep<E>[] {
  const start = stepper.initial()[root]!
  const steps: PathStep<E>[] = [{ event: null, state: stepper.show(start.state), commands: start.commands }]
  let { state } = start
  for (const event of events) {
    try {
      const next = stepper.step(state, event)
      state = next ?? state
      steps.push({ event, state: stepper.show(state), commands: next === undefined ? none : stepper.commands })
    } catch (error) {
      steps.push({ event, state: stepper.show(state), error: messageOf(error) })
    }
  }
  return steps
}
