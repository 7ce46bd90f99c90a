import { InvalidArgument } from '../kernel/errors.ts'
import { isMarked, marker } from './marker.ts'
import { isPlaceholder } from './placeholder.ts'
import { redact } from './redact.ts'
import { classify } from './rules/key-names.ts'
import type { RedactedValue, Redaction } from './types.ts'

export interface RedactValueOptions {
  /** Levels of objects and arrays. Default 64. */
  maxDepth?: number
  /** Objects, arrays and scalars together. Default 100,000. */
  maxNodes?: number
}

/**
 * A JSON value with the secrets taken out of its strings and its names, and whatever string or number a name such as `password`, `apiKey`
 * or `authorization` promises to be one. Parts without a secret are shared with the input, which is never changed.
 * Throws InvalidArgument for a cycle, for more depth or nodes than allowed, and for what JSON does not know.
 */
export function redactValue<T>(value: T, options: RedactValueOptions = {}): RedactedValue<T> {
  const walk = new Walk(options.maxDepth ?? 64, options.maxNodes ?? 100_000)
  const out = walk.value(value, 'value', undefined)
  const redactions: Redaction[] = [...walk.counts].map(([kind, count]) => ({ kind, count })).sort((a, b) => (a.kind < b.kind ? -1 : 1))
  return { value: out as T, redactions, touched: redactions.length > 0 }
}

class Walk {
  readonly counts = new Map<string, number>()
  readonly #open = new Set<object>()
  #nodes = 0

  constructor(
    readonly maxDepth: number,
    readonly maxNodes: number,
  ) {}

  /** `secret` is the kind that the name over this value promises. */
  value(value: unknown, path: string, secret: string | undefined): unknown {
    this.#nodes += 1
    if (this.#nodes > this.maxNodes) throw new InvalidArgument(path, `is past the limit of ${this.maxNodes} values: redact it in parts`)
    if (typeof value === 'string') return this.#string(value, secret)
    if (typeof value === 'number' && secret === 'password') return this.#replaced(secret)
    if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return value
    if (typeof value !== 'object') throw new InvalidArgument(path, `is a ${typeof value}: JSON has no such value`)
    if (this.#open.has(value)) throw new InvalidArgument(path, 'contains itself: give a tree')
    if (this.#open.size >= this.maxDepth) throw new InvalidArgument(path, `is deeper than ${this.maxDepth} levels: flatten it`)
    this.#open.add(value)
    const out = Array.isArray(value) ? this.#array(value, path, secret) : this.#object(value, path)
    this.#open.delete(value)
    return out
  }

  #string(text: string, secret: string | undefined): string {
    if (secret !== undefined && text !== '' && !isMarked(text) && !isPlaceholder(text)) return this.#replaced(secret)
    const result = redact(text)
    for (const { kind, count } of result.redactions) this.#count(kind, count)
    return result.text
  }

  #array(items: unknown[], path: string, secret: string | undefined): unknown[] {
    const out = items.map((item, at) => this.value(item, `${path}[${at}]`, secret))
    return out.every((item, at) => item === items[at]) ? items : out
  }

  #object(object: object, path: string): object {
    const prototype: unknown = Object.getPrototypeOf(object)
    if (prototype !== null && prototype !== Object.prototype) throw new InvalidArgument(path, `is a ${object.constructor.name}: give plain JSON`)
    const out = Object.create(prototype as object | null) as Record<string, unknown>
    let changed = false
    for (const [name, item] of Object.entries(object)) {
      const shown = this.#name(name, out)
      const kept = this.value(item, `${path}.${shown}`, promised(name))
      changed ||= shown !== name || kept !== item
      Object.defineProperty(out, shown, { value: kept, enumerable: true, writable: true, configurable: true })
    }
    return changed ? out : object
  }

  /** Two names that held secrets of one kind stay two names. */
  #name(name: string, taken: object): string {
    const shown = this.#string(name, undefined)
    if (shown === name) return name
    let free = shown
    for (let n = 2; Object.hasOwn(taken, free); n += 1) free = `${shown} ${n}`
    return free
  }

  #replaced(kind: string): string {
    this.#count(kind, 1)
    return marker(kind)
  }

  #count(kind: string, count: number): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + count)
  }
}

function promised(name: string): string | undefined {
  return name.length > 100 ? undefined : classify(name)?.generic
}
