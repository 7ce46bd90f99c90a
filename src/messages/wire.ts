import { z } from 'zod'
import { InvalidMessage, messageOf, MessageTooLarge } from '../kernel/errors.ts'
import type { Catalogue } from './catalogue.ts'
import { longestTypeName } from './define.ts'
import type { Envelope } from './envelope.ts'

/** What the attributes around `data` may take on the wire, in bytes; each of them is bounded below. */
export const attributeBytes = 16 * 1024

const name = z.string().min(1).max(256).refine((text) => !/[\ud800-\udfff]/u.test(text), 'has a lone surrogate')
const attributes = z.object({
  id: name,
  type: z.string().max(longestTypeName),
  source: name,
  subject: z.string().max(1024).optional(),
  time: z.number().nonnegative(),
  data: z.unknown(),
  traceparent: z.string().regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, 'is no W3C traceparent').optional(),
  correlationid: name.optional(),
  causationid: name.optional(),
  deadline: z.number().nonnegative().optional(),
})

/**
 * An envelope as one line of JSON.
 * @throws InvalidMessage when the data cannot be written as JSON (a circle, a BigInt)
 */
export function encodeEnvelope(envelope: Envelope): string {
  try {
    return JSON.stringify(envelope)
  } catch (error) {
    throw new InvalidMessage(envelope.type, 'data', `it is no JSON: ${messageOf(error)}`)
  }
}

/**
 * An envelope from text that came from outside the process.
 * @throws InvalidMessage naming the field, UnknownMessageType, MessageTooLarge
 */
export function decodeEnvelope(text: string, catalogue: Catalogue): Envelope {
  return checkEnvelope(parseJson(text, catalogue.limitBytes + attributeBytes), catalogue)
}

/** The second half of `decodeEnvelope`, for a value whose text went through `parseJson`. */
export function checkEnvelope(value: unknown, catalogue: Catalogue): Envelope {
  const result = attributes.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]!
    throw new InvalidMessage('envelope', issue.path.join('.'), issue.message)
  }
  const envelope = result.data as Envelope
  envelope.data = catalogue.check(envelope.type, envelope.data)
  return envelope
}

/**
 * JSON from outside: bounded, and without `__proto__` keys, which would change the prototype of
 * whatever object they are later copied into.
 */
export function parseJson(text: string, limitBytes: number): unknown {
  // A UTF-16 unit is at most 3 bytes of UTF-8, so that most texts need not be measured.
  if (text.length * 3 > limitBytes) {
    const bytes = Buffer.byteLength(text)
    if (bytes > limitBytes) throw new MessageTooLarge(bytes, limitBytes)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InvalidMessage('envelope', '', messageOf(error))
  }
  // The key may be written with escapes; then the walk decides.
  if (text.includes('__proto__') || text.includes('\\u00')) refuseProtoKeys(value)
  return value
}

function refuseProtoKeys(root: unknown): void {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__')) throw new InvalidMessage('envelope', '__proto__', 'a field must not have this name')
    for (const child of Object.values(value)) open.push(child)
  }
}
