import { StoreUnavailable } from '../../../kernel/errors.ts'
import type { Connection } from '../binding.ts'
import { toWire } from '../wire.ts'
import type { Reply } from '../wire.ts'
import { reads, writes } from './calls.ts'
import type { Request } from './calls.ts'
import type { Rung } from './rooms.ts'
import { Unit } from './unit.ts'

export interface Outcome {
  replies: Reply[]
  rung?: Rung
  /** Documents were changed. */
  documents?: boolean
  erased?: boolean
}

/**
 * Runs all requests in one transaction. When one of them throws, everything is undone and each runs in a transaction of
 * its own, so that a failure costs only its own call; a refusal is a result and throws nothing.
 */
export function transact(connection: Connection, requests: readonly Request[], now: number, beforeCommit: (unit: Unit, now: number) => void): Outcome {
  try {
    return together(connection, requests, now, beforeCommit)
  } catch (error) {
    // The lock was waited for in vain: trying it once per request would only wait again and again.
    if (requests.length === 1 || error instanceof StoreUnavailable) return { replies: requests.map(() => ({ error: toWire(error) })) }
  }
  const outcomes = requests.map((request) => transact(connection, [request], now, beforeCommit))
  return {
    replies: outcomes.flatMap((outcome) => outcome.replies), rung: merge(outcomes),
    documents: outcomes.some(({ documents }) => documents), erased: outcomes.some(({ erased }) => erased),
  }
}

function together(connection: Connection, requests: readonly Request[], now: number, beforeCommit: (unit: Unit, now: number) => void): Outcome {
  const writing = requests.some((request) => request.name in writes)
  connection.exec(writing ? 'BEGIN IMMEDIATE' : 'BEGIN')
  try {
    const unit = new Unit(connection)
    const replies = requests.map((request): Reply => ({ value: call(unit, request) }))
    let rung: Rung | undefined
    if (writing) {
      rung = unit.rooms.flush()
      unit.documents.flush()
      beforeCommit(unit, now)
    }
    connection.exec('COMMIT')
    return { replies, rung, documents: unit.documents.changed, erased: unit.erased }
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

type AnyCall = (unit: Unit, args: unknown) => unknown

function call(unit: Unit, { name, args }: Request): unknown {
  const handler = (name in writes ? writes[name as keyof typeof writes] : reads[name as keyof typeof reads]) as AnyCall
  return handler(unit, args)
}

function merge(outcomes: readonly Outcome[]): Rung | undefined {
  const rung = outcomes.flatMap((outcome) => outcome.rung ?? [])
  const last = rung.at(-1)
  return last === undefined ? undefined : { ring: last.ring, rooms: rung.flatMap((one) => one.rooms) }
}
