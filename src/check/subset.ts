import { same } from './same.ts'

/** Every field of `part` is in `whole` with the same value; objects may have more fields there, anything else is equal. */
export function isWithin(part: unknown, whole: unknown): boolean {
  if (!isObject(part) || !isObject(whole)) return same(part, whole)
  return Object.entries(part).every(([key, value]) => key in whole && isWithin(value, whole[key]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
