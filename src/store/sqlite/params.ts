import { types } from 'node:util'
import { InvalidArgument } from '../../kernel/errors.ts'

/** What may be bound. Whole numbers are stored as INTEGER, others as REAL. */
export type SqlParam = string | number | bigint | null | Uint8Array

/** Checks every value and returns what libsql can take without harm. Throws `InvalidArgument` naming the position. */
export function checkParams(params: readonly SqlParam[]): unknown[] {
  const checked: unknown[] = []
  // An index loop: holes in the array must be seen, and forEach or map skip them.
  for (let index = 0; index < params.length; index++) checked.push(checkParam(params[index], index))
  return checked
}

function checkParam(value: unknown, index: number): unknown {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw refused(index, 'a string with NUL in it would be cut there')
      if (!isWellFormed(value)) throw refused(index, 'a string with half a surrogate pair in it would be changed')
      return value
    case 'number':
      if (Number.isSafeInteger(value)) return BigInt(value)
      if (!Number.isFinite(value)) throw refused(index, `${value} cannot be stored`)
      return value
    case 'bigint':
      if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) throw refused(index, 'an integer beyond 2^53 would be read back rounded: store it as a string')
      return value
    case 'object':
      if (value === null) return null
      // Not instanceof: a Proxy passes that, and throws when libsql looks inside.
      if (types.isUint8Array(value) && !isDetached(value)) return value
      break
    default:
  }
  throw refused(index, `${describe(value)} cannot be stored: bind a string, number, bigint, null or Uint8Array`)
}

function refused(index: number, problem: string): InvalidArgument {
  return new InvalidArgument(`params[${index}]`, problem)
}

function describe(value: unknown): string {
  return value === undefined ? 'undefined' : typeof value === 'object' ? Object.prototype.toString.call(value) : typeof value
}

function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed()
}

/** A transferred buffer reads as empty; only a new view over it tells. */
function isDetached(bytes: Uint8Array): boolean {
  if (bytes.byteLength > 0) return false
  try {
    return new Uint8Array(bytes.buffer).byteLength < 0
  } catch {
    return true
  }
}

/** Literals, quoted names and comments, in which `?` and `;` mean nothing. */
const opaque = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g

/** How many `?` a statement has. Throws for several statements, none, and named or numbered parameters. */
export function countPlaceholders(sql: string): number {
  if (typeof sql !== 'string' || sql.includes('\0')) throw new InvalidArgument('sql', 'must be a string without NUL')
  const plain = sql.replace(opaque, ' ')
  if (/;\s*\S/.test(plain)) throw new InvalidArgument('sql', 'must be one statement: libsql ignores what follows the first')
  if (!/\w/.test(plain)) throw new InvalidArgument('sql', 'is empty')
  if (/\?\d|[:@$][A-Za-z_]/.test(plain)) throw new InvalidArgument('sql', 'use positional ? placeholders')
  return plain.split('?').length - 1
}
