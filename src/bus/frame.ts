import { z } from 'zod'
import { InvalidMessage } from '../kernel/errors.ts'
import { parseJson } from '../messages/wire.ts'

/**
 * What travels between nodes: consecutive messages of one node, of one delivery class, in one JSON object.
 * Each delivery class of a node's life (`epoch`) has its own sequence, from 1 and without holes.
 */
export interface Frame {
  /** Node that published. */
  origin: string
  /** Grows with every start of that node. */
  epoch: number
  delivery: 'ephemeral' | 'must-arrive'
  /** Sequence number of the first event. */
  seq: number
  /** Envelopes, not yet checked. */
  events: unknown[]
  /** Instead of events: this many, from `seq` on, were dropped by the sender because its outbox was full. */
  skipped?: number
  /** The node said goodbye: nothing of this epoch follows. */
  final?: boolean
}

/** Sequence numbers a frame takes up. */
export function frameLength(frame: Frame): number {
  return frame.skipped ?? frame.events.length
}

const shape = z.object({
  origin: z.string().min(1).max(256),
  epoch: z.int().nonnegative(),
  delivery: z.enum(['ephemeral', 'must-arrive']),
  seq: z.int().positive(),
  events: z.array(z.unknown()),
  skipped: z.int().positive().optional(),
  final: z.boolean().optional(),
})

/** A frame around events that are JSON already. Readable in redis-cli: one JSON object. */
export function encodeFrame(head: Omit<Frame, 'events'>, events: readonly string[]): string {
  return `${JSON.stringify(head).slice(0, -1)},"events":[${events.join(',')}]}`
}

/** @throws InvalidMessage, MessageTooLarge */
export function decodeFrame(text: string, limitBytes: number): Frame {
  const result = shape.safeParse(parseJson(text, limitBytes))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new InvalidMessage('bus frame', issue.path.join('.'), issue.message)
}
