import type { z } from 'zod'
import { bare, coerceText } from '../config/coerce.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { nearNames } from '../messages/near.ts'

export interface InputField {
  name: string
  description: string
  required: boolean
  default?: unknown
  type: string
}

/** What a scenario can be given, for `--help`. */
export function inputFields(schema: z.ZodObject): InputField[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const absent = (field as z.ZodType).safeParse(undefined)
    return {
      name,
      description: (field as z.ZodType).description ?? '',
      required: !absent.success,
      ...(absent.success && absent.data !== undefined && { default: absent.data }),
      type: (bare(field as z.ZodType).def as { type: string }).type,
    }
  })
}

/** Reads `k=v` texts. A field that is given more than once becomes a list. Throws `InvalidArgument`. */
export function parsePairs(schema: z.ZodObject, pairs: readonly string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new InvalidArgument('input', `${JSON.stringify(pair)} is not of the form name=value`)
    const name = pair.slice(0, equals)
    const field = schema.shape[name] as z.ZodType | undefined
    if (field === undefined) throw unknownField(schema, name)
    const isList = (bare(field).def as { type: string }).type === 'array'
    if (Object.hasOwn(given, name) && !isList) throw new InvalidArgument(`input.${name}`, 'is given twice')
    const text = pair.slice(equals + 1)
    // A list is not cut at commas here: a question may well hold one.
    if (isList) given[name] = [...((given[name] as unknown[] | undefined) ?? []), coerceText((bare(field).def as unknown as { element: z.ZodType }).element, text)]
    else given[name] = coerceText(field, text)
  }
  return given
}

/** The input of a run: checked, defaults filled in. Throws `InvalidArgument` naming the field. */
export function parseInput(schema: z.ZodObject, given: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.keys(given)) if (!(name in schema.shape)) throw unknownField(schema, name)
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const name = issue?.path.join('.') ?? ''
  const field = schema.shape[String(issue?.path[0])] as z.ZodType | undefined
  const missing = !Object.hasOwn(given, String(issue?.path[0]))
  const about = field?.description === undefined ? '' : ` (${field.description})`
  throw new InvalidArgument(`input.${name}`, missing ? `must be given${about}: --input ${name}=...` : `${issue?.message ?? 'is not valid'}${about}`)
}

function unknownField(schema: z.ZodObject, name: string): InvalidArgument {
  const known = Object.keys(schema.shape)
  const near = nearNames(name, known)
  const fix = near.length > 0 ? `did you mean ${near.join(' or ')}?` : known.length > 0 ? `known are ${known.join(', ')}` : 'this scenario takes no input'
  return new InvalidArgument(`input.${name}`, `is not an input of this scenario: ${fix}`)
}
