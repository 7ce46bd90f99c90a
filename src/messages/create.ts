import type { Clock, Randomness } from '../kernel/clock.ts'
import type { Envelope } from './envelope.ts'
import { messageIds } from './ids.ts'

/** What the sender of a message may say about it; the rest is filled in. */
export interface EnvelopeOptions {
  /** Default: a fresh unique id. Give one to make a post idempotent. */
  id?: string
  subject?: string
  traceparent?: string
  correlationid?: string
  causationid?: string
  /** Wall time in ms since 1970. */
  deadline?: number
}

/** A complete envelope around trusted data; nothing is validated here. */
export function createEnvelope<Type extends string, Data>(
  fields: { type: Type; data: Data; source: string } & EnvelopeOptions,
  clock: Clock,
  randomness: Randomness,
): Envelope<Type, Data> {
  const envelope: Envelope<Type, Data> = {
    id: fields.id ?? messageIds(randomness)(),
    type: fields.type,
    source: fields.source,
    time: clock.now(),
    data: fields.data,
  }
  addOptions(envelope, fields)
  return envelope
}

/** Copies the optional attributes that are there, so that absent ones do not travel as nulls. */
export function addOptions(envelope: Envelope, options: EnvelopeOptions): void {
  if (options.subject !== undefined) envelope.subject = options.subject
  if (options.traceparent !== undefined) envelope.traceparent = options.traceparent
  if (options.correlationid !== undefined) envelope.correlationid = options.correlationid
  if (options.causationid !== undefined) envelope.causationid = options.causationid
  if (options.deadline !== undefined) envelope.deadline = options.deadline
}
