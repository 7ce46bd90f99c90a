import { InvalidArgument } from '../../src/kernel/errors.ts'

const maxDepth = 64

/**
 * JSON that is the same text for the same value: names sorted by code unit, no blanks, -0 as 0, fields that are undefined left out,
 * dates as ISO. Strings are taken as they are: two that look alike are two. Throws `InvalidArgument` naming the path for what
 * JSON cannot say, because two calls that differ in it would be taken for one.
 */
export function canonicalJson(value: unknown, field = 'input'): string {
  return write(value, field, [])
}

function write(value: unknown, path: string, above: object[]): string {
  switch (typeof value) {
    case 'string': return JSON.stringify(value)
    case 'boolean': return String(value)
    case 'number':
      if (!Number.isFinite(value)) throw new InvalidArgument(path, `is ${value}, which JSON cannot say: use null or a string`)
      return JSON.stringify(value === 0 ? 0 : value)
    case 'object': break
    default: throw new InvalidArgument(path, `is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON cannot say`)
  }
  if (value === null) return 'null'
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new InvalidArgument(path, 'is an invalid date')
    return JSON.stringify(value.toISOString())
  }
  if (above.includes(value)) throw new InvalidArgument(path, 'contains itself')
  if (above.length >= maxDepth) throw new InvalidArgument(path, `is deeper than ${maxDepth} levels`)
  const within = [...above, value]
  if (Array.isArray(value)) return `[${Array.from(value, (item, index) => write(item === undefined ? null : item, `${path}[${index}]`, within)).join()}]`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new InvalidArgument(path, `is a ${(value as object).constructor.name}: give plain objects and arrays`)
  const fields = Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, item]) => `${JSON.stringify(name)}:${write(item, `${path}.${name}`, within)}`).join()}}`
}
