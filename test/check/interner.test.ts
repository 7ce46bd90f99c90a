import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Interner } from '../../src/check/interner.ts'
import { same } from '../../src/check/same.ts'
import { Tuples } from '../../src/check/tuples.ts'
import { Unrepresentable } from '../../src/check/unrepresentable.ts'
import { encode } from './encode.ts'

// Few leaves, many of them alike on the surface, so that values often differ in one place only, or not at all.
const leaf = fc.constantFrom<unknown>(0, -0, 1, 1n, '1', 2, -1, 0.5, NaN, 2 ** 28 - 1, 2 ** 28, 2 ** 40, Infinity, undefined, null, true, false, '', 'a', 'undefined')
const key = fc.constantFrom('a', 'b', 'c', '__proto__', '1')
const { plain } = fc.letrec<{ plain: unknown; list: unknown; fields: unknown }>((tie) => ({
  plain: fc.oneof({ maxDepth: 3 }, leaf, tie('list'), tie('fields')),
  list: fc.oneof(fc.array(tie('plain'), { maxLength: 3 }), fc.sparseArray(tie('plain'), { maxNumElements: 2, maxLength: 4 })),
  fields: fc.array(fc.tuple(key, tie('plain')), { maxLength: 3 }).map(Object.fromEntries),
}))

/** The value with one place in it replaced, all else shared, as an assign makes it. */
function changed(value: unknown, way: readonly number[], part: unknown): unknown {
  const [turn, ...rest] = way
  if (turn === undefined || typeof value !== 'object' || value === null) return part
  if (Array.isArray(value)) {
    if (value.length === 0) return [part]
    return value.with(turn % value.length, changed(value[turn % value.length], rest, part))
  }
  const keys = Object.keys(value)
  if (keys.length === 0) return { a: part }
  const at = keys[turn % keys.length]!
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, name === at ? changed(item, rest, part) : item]))
}

describe('numbers of values', () => {
  it('are equal exactly where a text form of the whole value is', () => {
    fc.assert(fc.property(fc.array(plain, { maxLength: 40 }), (values) => {
      const interner = new Interner()
      const texts = new Map<number, string>()
      const numbers = new Map<string, number>()
      for (const value of values) {
        const number = interner.of(value)
        const text = encode(value)
        expect(texts.get(number) ?? text).toBe(text)
        expect(numbers.get(text) ?? number).toBe(number)
        texts.set(number, text)
        numbers.set(text, number)
      }
    }), { numRuns: 500 })
  })

  it('are the same whether a value is walked, or found near another that shares parts with it', () => {
    const step = fc.tuple(fc.nat(50), fc.array(fc.nat(3), { maxLength: 4 }), plain)
    fc.assert(fc.property(plain, fc.array(step, { maxLength: 30 }), (first, steps) => {
      const interner = new Interner()
      const other = new Interner()
      const seen = [first]
      const numbers = [interner.of(first)]
      const byText = new Map([[encode(first), numbers[0]!]])
      other.of(first)
      for (const [pick, way, part] of steps) {
        const from = pick % seen.length
        const next = changed(seen[from], way, part)
        const near = interner.near(next, seen[from], numbers[from]!)
        expect(near).toBe(interner.of(next))
        expect(near).toBe(other.of(next))
        expect(near).toBe(byText.get(encode(next)) ?? near)
        byText.set(encode(next), near)
        seen.push(next)
        numbers.push(near)
      }
      expect(byText.size).toBe(new Set(numbers).size)
    }), { numRuns: 500 })
  })

  it('are not mixed up by fields of another name, or lists in the place of objects', () => {
    const interner = new Interner()
    const values = [{ a: 1, b: 2 }, { a: 1, c: undefined }, { a: 1, c: 2 }, [1, 2], [undefined, 2], [undefined, undefined], { 0: 1, 1: 2 }, { a: [1] }, { a: { 0: 1 } }]
    const numbers = values.map((value) => interner.of(value))
    expect(new Set(numbers).size).toBe(values.length)
    for (const value of values) expect(values.map((like, index) => interner.near(structuredClone(value), like, numbers[index]!))).toEqual(values.map(() => interner.of(value)))
  })

  it('agree with structural equality', () => {
    fc.assert(fc.property(plain, plain, fc.array(fc.nat(3), { maxLength: 3 }), (left, part, way) => {
      const right = changed(left, way, part)
      const interner = new Interner()
      expect(same(left, right)).toBe(interner.of(left) === interner.of(right))
      expect(same(left, structuredClone(left))).toBe(true)
    }), { numRuns: 1000 })
  })

  it.each([
    ['a class instance', new Date(0), 'is an instance of Date'],
    ['a list of a class', new (class Stack extends Array {})(), 'is an instance of Stack'],
    ['a Set', new Set(), 'is an instance of Set'],
    ['a function', () => 1, 'is a function'],
    ['a symbol', Symbol('x'), 'is a symbol'],
    ['a symbol as a key', { [Symbol('x')]: 1 }, 'has a symbol as a key'],
  ])('are refused for %s, also beside what is shared, and the interner can be used on', (_name, odd, what) => {
    const interner = new Interner()
    const shared = { list: [1, 2] }
    const before = { shared, deep: { at: 1 } }
    const number = interner.of(before)
    for (const take of [() => interner.of({ shared, deep: { at: odd } }), () => interner.near({ shared, deep: { at: odd } }, before, number)]) {
      expect(take).toThrow(Unrepresentable)
      expect(take).toThrow(`deep.at ${what}`)
    }
    expect(interner.near({ shared, deep: { at: 1 } }, before, number)).toBe(number)
  })
})

describe('lists of integers', () => {
  it('are numbered as a map from their text would, whatever their length', () => {
    fc.assert(fc.property(fc.array(fc.array(fc.oneof(fc.nat(2), fc.integer()), { maxLength: 6 }), { maxLength: 300 }), (lists) => {
      const tuples = new Tuples()
      const numbers = new Map<string, number>()
      for (const list of lists) {
        const number = tuples.add(Int32Array.from([7, ...list, 7]), 1, list.length + 1)
        expect(number).toBe(numbers.get(String(list)) ?? numbers.size)
        numbers.set(String(list), number)
        expect(list.map((_, index) => tuples.cell(tuples.start(number) + index))).toEqual(list)
      }
    }))
  })
})
