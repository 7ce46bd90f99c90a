import { Tuples } from './tuples.ts'
import { Unrepresentable } from './unrepresentable.ts'

type Key = string | number
/** The keys of objects that have the same ones, sorted. */
interface Shape {
  number: number
  keys: readonly string[]
}
/** The shapes, by the keys in the order in which objects list them. */
interface Way {
  on: Map<string, Way>
  shape?: Shape
}

const deepest = 100
const arrayShape = 0
const none = -1
const mostInline = 2 ** 28
const hole = Symbol('hole')
const negativeZero = Symbol('-0')

/**
 * Gives plain values small numbers: two values have the same number exactly when no property can tell them apart (order of object keys does not count,
 * `undefined`, `-0`, `NaN` and holes of arrays do). Numbers hold for one interner.
 *
 * Throws {@link Unrepresentable} for class instances, functions, symbols, Map, Set and cycles.
 */
export class Interner {
  /** Arrays and objects: their shape, then the number of each item. */
  readonly #tuples = new Tuples()
  readonly #atoms = new Map<unknown, number>()
  readonly #ways: Way = { on: new Map() }
  readonly #shapes = new Map<string, Shape>()
  readonly #trail: Key[] = []
  #stack = new Int32Array(64)
  #top = 0

  /** Values that are kept, whole ones and what they are made of. */
  get size(): number {
    return this.#tuples.size + this.#atoms.size
  }

  of(value: unknown): number {
    this.#top = 0
    return this.#walk(value, undefined, none, 0)
  }

  /**
   * As `of`, for a value that shares most of its parts with `like`, whose number is known: what is the very same object in the same place is not walked
   * again. Whoever calls this makes sure that `like` has not been changed in place since.
   */
  near(value: unknown, like: unknown, number: number): number {
    if (value !== undefined && Object.is(value, like)) return number
    this.#top = 0
    return this.#walk(value, like, number, 0)
  }

  #walk(value: unknown, like: unknown, number: number, depth: number): number {
    switch (typeof value) {
      case 'object':
        if (value === null) return this.#atom(null)
        if (depth >= deepest) return this.#refuse(depth, 'is cyclic, or nested deeper than 100 levels')
        return Array.isArray(value) ? this.#array(value, like, number, depth) : this.#object(value as Record<string, unknown>, like, number, depth)
      case 'number':
        if (value >= 0 && value < mostInline && Math.trunc(value) === value) return value === 0 && 1 / value < 0 ? this.#atom(negativeZero) : value * 4 + 1
        return this.#atom(value)
      case 'function': return this.#refuse(depth, `is a function (${value.name || 'anonymous'})`)
      case 'symbol': return this.#refuse(depth, 'is a symbol')
      default: return this.#atom(value)
    }
  }

  #array(value: readonly unknown[], like: unknown, number: number, depth: number): number {
    const prototype = Object.getPrototypeOf(value)
    // Array.prototype of any realm lies two below the end.
    if (prototype !== Array.prototype && Object.getPrototypeOf(Object.getPrototypeOf(prototype)) !== null) return this.#refuse(depth, `is an instance of ${prototype.constructor.name || 'a class'}`)
    const base = this.#push(arrayShape, value.length)
    const other = Array.isArray(like) && this.#isTuple(number, arrayShape, value.length) ? like as readonly unknown[] : undefined
    const cells = other === undefined ? 0 : this.#tuples.start(number >> 2) + 1
    for (let index = 0; index < value.length; index++) {
      const item = value[index]
      if (other !== undefined && item !== undefined && Object.is(item, other[index])) {
        this.#stack[base + 1 + index] = this.#tuples.cell(cells + index)
        continue
      }
      this.#trail[depth] = index
      // Before it is put there: a walk may replace the stack.
      const walked = item === undefined && !(index in value) ? this.#atom(hole) : this.#walk(item, other?.[index], other === undefined ? none : this.#tuples.cell(cells + index), depth + 1)
      this.#stack[base + 1 + index] = walked
    }
    return this.#pop(base)
  }

  #object(value: Record<string, unknown>, like: unknown, number: number, depth: number): number {
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return this.#refuse(depth, `is an instance of ${prototype.constructor?.name || 'a class'}`)
    }
    if (Object.getOwnPropertySymbols(value).length > 0) return this.#refuse(depth, 'has a symbol as a key')
    const shape = this.#shapeOf(value)
    const { keys } = shape
    const base = this.#push(shape.number, keys.length)
    const other = typeof like === 'object' && like !== null && this.#isTuple(number, shape.number, keys.length) ? like as Record<string, unknown> : undefined
    const cells = other === undefined ? 0 : this.#tuples.start(number >> 2) + 1
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      const item = value[key]
      if (other !== undefined && Object.is(item, other[key])) {
        this.#stack[base + 1 + index] = this.#tuples.cell(cells + index)
        continue
      }
      this.#trail[depth] = key
      const walked = this.#walk(item, other?.[key], other === undefined ? none : this.#tuples.cell(cells + index), depth + 1)
      this.#stack[base + 1 + index] = walked
    }
    return this.#pop(base)
  }

  #isTuple(number: number, shape: number, length: number): boolean {
    if (number === none || (number & 3) !== 0) return false
    const start = this.#tuples.start(number >> 2)
    return this.#tuples.cell(start) === shape && this.#tuples.start((number >> 2) + 1) - start === length + 1
  }

  #push(shape: number, length: number): number {
    const base = this.#top
    this.#top += length + 1
    if (this.#top > this.#stack.length) {
      const larger = new Int32Array(this.#top * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    this.#stack[base] = shape
    return base
  }

  #pop(base: number): number {
    const number = this.#tuples.add(this.#stack, base, this.#top) * 4
    this.#top = base
    return number
  }

  #atom(value: unknown): number {
    let number = this.#atoms.get(value)
    if (number === undefined) this.#atoms.set(value, number = this.#atoms.size * 4 + 2)
    return number
  }

  #shapeOf(value: object): Shape {
    const keys = Object.keys(value)
    let way = this.#ways
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      let next = way.on.get(key)
      if (next === undefined) way.on.set(key, next = { on: new Map() })
      way = next
    }
    return (way.shape ??= this.#newShape(keys.sort()))
  }

  #newShape(keys: readonly string[]): Shape {
    const name = JSON.stringify(keys)
    let shape = this.#shapes.get(name)
    if (shape === undefined) this.#shapes.set(name, shape = { number: this.#shapes.size + 1, keys })
    return shape
  }

  #refuse(depth: number, what: string): never {
    throw new Unrepresentable(this.#trail.slice(0, depth), what)
  }
}
