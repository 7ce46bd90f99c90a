import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { same } from './key.ts'
import { machineStepper } from './machine.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'
import { isWithin } from './subset.ts'

/** A line of a recorded run: an event, and what was seen after it. */
export interface TraceLine<E> {
  event: E
  commands?: readonly Command[]
  /** Any part of `{ value, context, status }`. */
  state?: unknown
}

export interface TraceOptions<V, E> {
  input?: unknown
  /** Events that may have happened anywhere without being recorded. */
  hidden?: readonly E[] | ((snapshot: V) => readonly E[])
  /** Makes a line out of what was recorded; undefined: of no concern here. By default a line is one already. */
  line?: (record: any) => TraceLine<E> | undefined
  /** Takes an event that the machine ignores for a failure. */
  strict?: boolean
  /** States the machine may be in at one time before it is given up; 10,000 by default. */
  maxPossible?: number
}

export interface TraceResult {
  ok: boolean
  /** Lines that concerned the machine. */
  lines: number
  /** States the machine may be in at the end. */
  possible: number
  failure?: {
    /** Counted from 1, in the whole record. */
    line: number
    record: unknown
    message: string
    /** The states the machine may have been in before the line. */
    possible: unknown[]
  }
}

/** Holds a recorded run against its machine: is there any way for the machine to have done this? Records are objects, or text with one JSON object a line. */
export function validateTrace<M extends AnyStateMachine>(machine: M, records: Iterable<unknown> | string, options: NoInfer<TraceOptions<SnapshotFrom<M>, EventFromLogic<M>>> = {}): TraceResult {
  const { hidden = [], input, line: toLine = (record: unknown) => record as TraceLine<EventFromLogic<M>>, strict = false, maxPossible = 10_000 } = options
  const stepper = machineStepper<any, any>(machine, { events: hidden as any, input })
  let possible = closure(stepper, new Map(stepper.initial().map(({ state }) => [stepper.key(state), state])), maxPossible)
  let lines = 0
  for (const [number, record] of typeof records === 'string' ? parse(records) : count(records)) {
    const line = toLine(record)
    if (line === undefined) continue
    if (typeof line.event?.type !== 'string') throw new InvalidArgument(`line ${number}`, 'has no event with a type: expected { event: { type }, commands?, state? }, or give options.line that makes one')
    lines++
    const { next, objections } = advance(stepper, possible, line, strict)
    if (next.size === 0) {
      return { ok: false, lines, possible: 0, failure: { line: number, record, message: [...objections].join('; '), possible: [...possible.values()].map((state) => stepper.show(state)) } }
    }
    possible = closure(stepper, next, maxPossible)
  }
  return { ok: true, lines, possible: possible.size }
}

/** The states after a line, out of all the states before it. */
function advance(stepper: Stepper<any, any, any>, possible: ReadonlyMap<string, any>, { event, commands, state }: TraceLine<any>, strict: boolean): { next: Map<string, any>; objections: Set<string> } {
  const next = new Map<string, any>()
  const objections = new Set<string>()
  for (const before of possible.values()) {
    let after: any
    try {
      after = stepper.ended(before) ? undefined : stepper.step(before, event)
    } catch (error) {
      objections.add(`the machine throws: ${messageOf(error)}`)
      continue
    }
    const left = after === undefined ? [] : stepper.commands
    after ??= before
    const shown = { value: after.value, context: after.context, status: after.status }
    if (strict && after === before && left.length === 0) objections.add(`the machine ignores ${JSON.stringify(event)}`)
    else if (commands !== undefined && !same(commands, left)) objections.add(`the machine leaves the commands ${JSON.stringify(left)}`)
    else if (state !== undefined && !isWithin(state, shown)) objections.add(`the machine comes to ${JSON.stringify(shown)}`)
    else next.set(stepper.key(after), after)
  }
  return { next, objections }
}

/** The states, and all that hidden events lead to. */
function closure(stepper: Stepper<any, any, any>, states: Map<string, any>, maxPossible: number): Map<string, any> {
  for (const state of states.values()) {
    if (stepper.ended(state)) continue
    for (const event of stepper.events(state)) {
      const next = stepper.step(state, event)
      if (next !== undefined) states.set(stepper.key(next), next)
      if (states.size > maxPossible) throw new InvalidArgument('hidden', `the machine may be in more than ${maxPossible} states: record more, or hide less`)
    }
  }
  return states
}

function* count<T>(items: Iterable<T>): Iterable<[number, T]> {
  let number = 0
  for (const item of items) yield [++number, item]
}

function* parse(text: string): Iterable<[number, unknown]> {
  for (const [number, line] of count(text.split('\n'))) {
    if (line.trim() === '') continue
    try {
      yield [number, JSON.parse(line)]
    } catch (error) {
      throw new InvalidArgument(`line ${number}`, `is not JSON: ${messageOf(error)}`)
    }
  }
}
