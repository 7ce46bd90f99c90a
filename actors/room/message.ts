import { InvalidMessage, messageOf, MessageTooLarge } from '../../src/kernel/errors.ts'
import type { Catalogue } from '../../src/messages/catalogue.ts'
import { encodeEnvelope } from '../../src/messages/wire.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import type { EntryId } from '../../src/store/ports.ts'
import type { RoomMessage } from './types.ts'

/** @throws InvalidMessage (no JSON), MessageTooLarge */
export function encodeMessage(envelope: Envelope, limitBytes: number): string {
  const body = encodeEnvelope(envelope)
  if (body.length * 3 > limitBytes) {
    const bytes = Buffer.byteLength(body)
    if (bytes > limitBytes) throw new MessageTooLarge(bytes, limitBytes)
  }
  return body
}

/**
 * A message as it comes out of a log. Data of a type this node knows is checked; a type it does not know (another version,
 * a plain `rooms tail`) passes as it is.
 * @throws InvalidMessage naming the field
 */
export function decodeMessage(body: string, entry: EntryId, catalogue: Catalogue): RoomMessage {
  let message: RoomMessage
  try {
    message = JSON.parse(body) as RoomMessage
  } catch (error) {
    throw new InvalidMessage('envelope', '', messageOf(error))
  }
  if (typeof message !== 'object' || message === null) throw new InvalidMessage('envelope', '', 'it is no object')
  for (const field of ['id', 'type', 'source'] as const) {
    if (typeof message[field] !== 'string') throw new InvalidMessage('envelope', field, 'it is no text')
  }
  if (typeof message.time !== 'number') throw new InvalidMessage('envelope', 'time', 'it is no number')
  if (catalogue.has(message.type)) message.data = catalogue.check(message.type, message.data)
  message.entry = entry
  return message
}
