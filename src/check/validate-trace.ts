import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { Follower, type TraceLine } from './follower.ts'
import { machineStepper } from './machine.ts'
import { assertKnown } from './options.ts'

export type { TraceLine } from './follower.ts'

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
  assertKnown('validateTrace', options, ['hidden', 'input', 'line', 'strict', 'maxPossible'])
  const { hidden = [], input, line: toLine = (record: unknown) => record as TraceLine<EventFromLogic<M>>, strict, maxPossible } = options
  const follower = new Follower<EventFromLogic<M>>(machineStepper<any, any>(machine, { events: hidden as any, input }), { strict, maxPossible })
  let lines = 0
  for (const [number, record] of typeof records === 'string' ? parse(records) : count(records)) {
    const line = toLine(record)
    if (line === undefined) continue
    if (typeof (line as Partial<TraceLine<{ type: string }>> | null)?.event?.type !== 'string') throw new InvalidArgument(`line ${number}`, 'has no event with a type: expected { event: { type }, commands?, state? }, or give options.line that makes one')
    lines++
    const message = follower.take(line)
    if (message !== undefined) return { ok: false, lines, possible: 0, failure: { line: number, record, message, possible: follower.possible() } }
  }
  return { ok: true, lines, possible: follower.count }
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
