import { z } from 'zod'
import type { DeliveryClass, MessageKind, MessageType } from './define.ts'

/** One field of a message, for people. */
export interface FieldDoc {
  name: string
  /** `string`, `integer`, `"a" | "b"`, `string[]` ... */
  type: string
  optional: boolean
  about: string
}

/** One row of the event catalogue. */
export interface MessageDoc {
  type: string
  kind: MessageKind
  delivery: DeliveryClass
  about: string
  fields: FieldDoc[]
}

interface JsonSchema {
  type?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  items?: JsonSchema
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
}

/** The catalogue as data: what a table in the documentation is made of, derived from the schemas themselves. */
export function describeMessages(types: readonly MessageType<string, any>[]): MessageDoc[] {
  return types.map(({ type, schema, kind, delivery, about }) => {
    const shape = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output' }) as JsonSchema
    const required = new Set(shape.required)
    const fields = Object.entries(shape.properties ?? {}).map(([name, field]) => ({
      name,
      type: typeName(field),
      optional: !required.has(name),
      about: field.description ?? '',
    }))
    return { type, kind, delivery, about, fields }
  })
}

function typeName(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' | ')
  if (schema.type === 'array') return `${typeName(schema.items ?? {})}[]`
  return schema.type ?? 'any'
}
