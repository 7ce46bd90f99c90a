import type { z } from 'zod'

/**
 * Turns text (an environment variable, a `--input k=v`) into what `schema` expects. Text that cannot be turned
 * is returned as it is, so that the schema itself names the problem.
 */
export function coerceText(schema: z.ZodType, text: string): unknown {
  const def = bare(schema).def as { type: string; element?: z.ZodType }
  switch (def.type) {
    case 'number': {
      const number = Number(text)
      return text.trim() === '' || Number.isNaN(number) ? text : number
    }
    case 'boolean':
      if (/^(true|yes|on|1)$/i.test(text)) return true
      return /^(false|no|off|0)$/i.test(text) ? false : text
    case 'array': {
      const element = def.element
      const parts = text.split(',').map((part) => part.trim()).filter((part) => part !== '')
      return element === undefined ? parts : parts.map((part) => coerceText(element, part))
    }
    case 'object':
    case 'record':
      return parseJson(text)
    default:
      return text
  }
}

/** Without default, optional, nullable and the like around it. */
export function bare(schema: z.ZodType): z.ZodType {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType }
  const inner = def.innerType ?? def.in
  return inner === undefined ? schema : bare(inner)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}
