import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { notPlain } from './errors.ts'
import { Interner } from './interner.ts'
import { same } from './same.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import { isWithin } from './subset.ts'
import { Unrepresentable } from './unrepresentable.ts'

/** A line of a recorded run: an event, and what was seen after it. */
export interface TraceLine<E> {
  event: E
  commands?: readonly Command[]
  /** Any part of `{ value, context, status }`. */
  state?: unknown
}

export interface FollowOptions {
  /** Takes an event that the machine ignores for a failure. */
  strict?: boolean
  /** States the machine may be in at one time before it is given up; 10,000 by default. */
  maxPossible?: number
}

const mostInterned = 10_000

/** Follows a recorded run line by line, through all the states that its machine may be in. */
export class Follower<E> {
  readonly #strict: boolean
  readonly #maxPossible: number
  #interner = new Interner()
  #possible: Map<number, any>
  /** Of the last state that was looked at. */
  #left: readonly Command[] = []

  constructor(readonly stepper: Stepper<any, any, any>, { strict = false, maxPossible = 10_000 }: FollowOptions = {}) {
    this.#strict = strict
    this.#maxPossible = maxPossible
    const [start] = stepper.initial()
    this.#left = start!.commands
    this.#possible = this.#closure(new Map([[this.#key(start!.state), start!.state]]))
  }

  /** States the machine may be in. */
  get count(): number {
    return this.#possible.size
  }

  get ended(): boolean {
    return [...this.#possible.values()].every((state) => this.stepper.ended(state))
  }

  possible(): unknown[] {
    return [...this.#possible.values()].map((state) => this.stepper.show(state))
  }

  /** What speaks against the machine having begun like this; before the first line. */
  begin({ commands, state }: Omit<TraceLine<E>, 'event'>): string | undefined {
    const [start] = this.#possible.values()
    return this.#objection(start, commands, state)
  }

  /** What speaks against the machine having done this; then the possible states stay those before the line. */
  take({ event, commands, state }: TraceLine<E>): string | undefined {
    const { stepper } = this
    // Keys are compared within one line only.
    if (this.#interner.size > mostInterned) this.#interner = new Interner()
    const next = new Map<number, any>()
    const objections = new Set<string>()
    for (const before of this.#possible.values()) {
      let after: any
      try {
        after = stepper.ended(before) ? undefined : stepper.step(before, event)
      } catch (error) {
        objections.add(`the machine throws: ${messageOf(error)}`)
        continue
      }
      this.#left = after === undefined ? [] : stepper.commands
      after ??= before
      const objection = this.#strict && after === before && this.#left.length === 0 ? `the machine ignores ${JSON.stringify(event)}` : this.#objection(after, commands, state)
      if (objection === undefined) next.set(this.#key(after), after)
      else objections.add(objection)
    }
    if (next.size === 0) return [...objections].join('; ')
    this.#possible = this.#closure(next)
    return undefined
  }

  #key(state: any): number {
    try {
      return this.#interner.of(this.stepper.told(state))
    } catch (error) {
      throw error instanceof Unrepresentable ? notPlain(this.stepper.name, error, 'in a state that was followed') : error
    }
  }

  #objection(possible: any, commands: readonly Command[] | undefined, state: unknown): string | undefined {
    const { value, context, status } = this.stepper.view(possible)
    if (commands !== undefined && !same(commands, this.#left)) return `the machine leaves the commands ${JSON.stringify(this.#left)}`
    if (state !== undefined && !isWithin(state, { value, context, status })) return `the machine comes to ${JSON.stringify({ value, context, status })}`
    return undefined
  }

  /** The states, and all that hidden events lead to. */
  #closure(states: Map<number, any>): Map<number, any> {
    const { stepper } = this
    for (const state of states.values()) {
      if (stepper.ended(state)) continue
      for (const event of stepper.events(state)) {
        const next = stepper.step(state, event)
        if (next !== undefined) states.set(this.#key(next), next)
        if (states.size > this.#maxPossible) throw new InvalidArgument('hidden', `the machine may be in more than ${this.#maxPossible} states: record more, or hide less`)
      }
    }
    return states
  }
}
