import type { z } from 'zod'
import { InvalidArgument } from '../kernel/errors.ts'

/** What a caller sent, as the schema has it. Throws `InvalidArgument` naming the field. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new InvalidArgument(issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : 'body'), issue?.message ?? 'is not valid')
}
