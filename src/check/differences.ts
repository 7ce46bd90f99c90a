import { same } from './same.ts'
import { describe } from './taker.ts'

const longestValue = 80

/** What changed between two plain states, one line each, e.g. `context.n: 1 -> 2`. */
export function differences(before: unknown, after: unknown, path = ''): string[] {
  if (same(before, after)) return []
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`))
  }
  return [`${path || 'state'}: ${short(before)} -> ${short(after)}`]
}

/** A value in a line that fits. */
export function short(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = describe(value)
  return text.length > longestValue ? `${text.slice(0, longestValue - 3)}...` : text
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
