import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PackedVectors } from '../../src/check/packed.ts'

it('numbers vectors as a map from their text would, whatever the size of their values', () => {
  const value = fc.oneof(fc.nat(3), fc.constantFrom(65_535, 65_536, 2 ** 31 - 1))
  fc.assert(fc.property(fc.array(fc.array(value, { minLength: 3, maxLength: 3 }), { maxLength: 200 }), (vectors) => {
    const packed = new PackedVectors(3)
    const numbers = new Map<string, number>()
    for (const vector of vectors) {
      const known = numbers.get(String(vector))
      const number = packed.add(Int32Array.from(vector))
      expect(packed.fresh).toBe(known === undefined)
      expect(number).toBe(known ?? numbers.size)
      numbers.set(String(vector), number)
    }
    const read = new Int32Array(3)
    for (const [text, number] of numbers) {
      packed.read(number, read)
      expect(String(read)).toBe(text)
    }
  }))
})

it('keeps vectors apart over many chunks and growths', () => {
  const packed = new PackedVectors(2)
  const vector = new Int32Array(2)
  const count = 200_000
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < count; number++) {
      vector[0] = number % 1000
      vector[1] = Math.floor(number / 1000)
      if (packed.add(vector) !== number || packed.fresh !== (round === 0)) throw new Error(`vector ${number} in round ${round}`)
    }
  }
  expect(packed.size).toBe(count)
  expect(packed.bytes / count).toBeLessThan(20)
})
