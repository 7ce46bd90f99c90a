import { Unrepresentable } from '../../src/check/unrepresentable.ts'

const deepest = 100
const trail: (string | number)[] = []
const labels = new Map<string, string>()

/**
 * An injective text form of a plain value, what the numbers of the checker are held against: two values have the same text exactly when no property can tell them apart
 * (order of object keys does not count, `undefined`, `-0` and `NaN` do).
 * Throws {@link Unrepresentable} for class instances, functions, symbols, Map, Set and cycles.
 */
export function encode(value: unknown): string {
  return walk(value, 0)
}

function walk(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string': return `s${value.length}:${value}`
    case 'number': return Object.is(value, -0) ? '-0,' : `${value},`
    case 'boolean': return value ? 'T' : 'F'
    case 'undefined': return 'U'
    case 'bigint': return `b${value},`
    case 'object': return value === null ? 'N' : depth >= deepest ? refuse(depth, 'is cyclic, or nested deeper than 100 levels') : composite(value, depth)
    case 'function': return refuse(depth, `is a function (${value.name || 'anonymous'})`)
    default: return refuse(depth, 'is a symbol')
  }
}

function composite(value: object, depth: number): string {
  if (Array.isArray(value)) {
    let text = '['
    for (let index = 0; index < value.length; index++) {
      trail[depth] = index
      const item: unknown = value[index]
      text += item !== undefined || index in value ? walk(item, depth + 1) : 'H'
    }
    return `${text}]`
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return refuse(depth, `is an instance of ${prototype.constructor?.name ?? 'a class'}`)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(depth, 'has a symbol as a key')
  const keys = ordered(Object.keys(value))
  let text = '{'
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    trail[depth] = key
    text += (labels.get(key) ?? label(key)) + walk((value as Record<string, unknown>)[key], depth + 1)
  }
  return `${text}}`
}

/** Keys of objects are met over and over: each gets a short name, once. */
function label(key: string): string {
  const text = `${labels.size.toString(36)}=`
  labels.set(key, text)
  return text
}

function ordered(keys: string[]): string[] {
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! > keys[index]!) return keys.sort()
  return keys
}

function refuse(depth: number, what: string): never {
  throw new Unrepresentable(trail.slice(0, depth), what)
}
