import type { z } from 'zod'
import { InvalidArgument, InvalidMessage, messageOf, MessageTooLarge, UnknownMessageType } from '../kernel/errors.ts'
import { builtinMessages } from './builtin.ts'
import { longestTypeName, type DeliveryClass, type MessageType } from './define.ts'
import type { DataOf, MessageTypeName } from './map.ts'
import { nearNames } from './near.ts'

export const defaultMessageBytes = 1024 * 1024

/** The message types a hive knows, and the check every message passes where it enters the process. */
export interface Catalogue {
  /** Largest `data`, in bytes of UTF-8 JSON. */
  readonly limitBytes: number
  /** Adds a type. The same definition twice is harmless; another one under the same name is refused. */
  define(type: MessageType<string, any>): void
  has(type: string): boolean
  /** All definitions, sorted by name. */
  types(): MessageType[]
  /** @throws UnknownMessageType */
  delivery(type: string): DeliveryClass
  /**
   * Checks data that comes from outside and returns it as the schema does (unknown fields are dropped).
   * @throws UnknownMessageType with near names, InvalidMessage naming the field, MessageTooLarge
   */
  parse<Type extends MessageTypeName>(type: Type, data: unknown, options?: { limitBytes?: number }): DataOf<Type>
  /** As `parse`, for data whose size was checked as text already. */
  check<Type extends MessageTypeName>(type: Type, data: unknown): DataOf<Type>
}

export function createCatalogue(extra: readonly MessageType<string, any>[] = [], options: { limitBytes?: number } = {}): Catalogue {
  const limitBytes = options.limitBytes ?? defaultMessageBytes
  const types = new Map<string, MessageType>()

  const lookup = (type: string): MessageType => {
    const found = types.get(type)
    if (found) return found
    const shown = String(type).slice(0, longestTypeName)
    throw new UnknownMessageType(shown, nearNames(shown, types.keys()))
  }

  const check = (type: string, data: unknown): unknown => {
    const { schema } = lookup(type)
    let result: z.ZodSafeParseResult<unknown>
    try {
      result = schema.safeParse(data)
    } catch (error) {
      throw new InvalidMessage(type, '', `its schema failed: ${messageOf(error)}`)
    }
    if (result.success) return result.data
    const issue = result.error.issues[0]!
    throw new InvalidMessage(type, issue.path.join('.'), issue.message)
  }

  const catalogue: Catalogue = {
    limitBytes,
    define(type) {
      const known = types.get(type.type)
      if (known && known !== type) throw new InvalidArgument('messages', `"${type.type}" is defined twice: give one of them another name`)
      types.set(type.type, type)
    },
    has: (type) => types.has(type),
    types: () => [...types.values()].sort((a, b) => (a.type < b.type ? -1 : 1)),
    delivery: (type) => lookup(type).delivery,
    parse(type, data, parseOptions) {
      const checked = check(type, data)
      const limit = parseOptions?.limitBytes ?? limitBytes
      const bytes = jsonBytes(type, checked)
      if (bytes > limit) throw new MessageTooLarge(bytes, limit)
      return checked as never
    },
    check: (type, data) => check(type, data) as never,
  }
  for (const type of builtinMessages) catalogue.define(type)
  for (const type of extra) catalogue.define(type)
  return catalogue
}

function jsonBytes(type: string, data: unknown): number {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (error) {
    throw new InvalidMessage(type, '', `it is no JSON: ${messageOf(error)}`)
  }
  if (text === undefined) throw new InvalidMessage(type, '', `it is no JSON: ${typeof data}`)
  return Buffer.byteLength(text)
}
