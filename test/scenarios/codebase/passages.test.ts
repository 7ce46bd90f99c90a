import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutPassages } from '../../../scenarios/codebase/passages.ts'

const line = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 120 }).map((text) => text.replaceAll('\n', ' ')) },
  { weight: 2, arbitrary: fc.constantFrom('', '   ', '# heading', 'export function f() {', '}', '---') },
  { weight: 1, arbitrary: fc.integer({ min: 1500, max: 7000 }).map((length) => 'long words 😀 '.repeat(length / 13)) },
)

test('passages are what the file says where they say it stands, and leave out nothing but blank lines', () => {
  fc.assert(fc.property(fc.array(line, { maxLength: 200 }), (lines) => {
    const covered = lines.map((text) => (text.trim() === '' ? new Set([0]) : new Set<number>()))
    for (const passage of cutPassages(lines)) {
      expect(passage.text.length).toBeLessThanOrEqual(2000 + 1)
      expect(passage.to - passage.from).toBeLessThan(41)
      const there = lines.slice(passage.from - 1, passage.to).join('\n').slice(passage.column - 1)
      expect(there.startsWith(passage.text)).toBe(true)
      if (passage.from !== passage.to) expect(there).toBe(passage.text)
      for (let number = passage.from; number <= passage.to; number++) covered[number - 1]?.add(passage.column)
    }
    lines.forEach((_, index) => expect(covered[index]?.size, `line ${index + 1}`).toBeGreaterThan(0))
  }))
})

test('a new section begins a new passage', () => {
  const lines = ['# One', ...Array.from({ length: 10 }, (_, n) => `text ${n} of the first section, long enough`), '', '# Two', 'short']
  expect([...cutPassages(lines)].map(({ from, to }) => [from, to])).toEqual([[1, 11], [13, 14]])
})

test('a declaration at the margin begins a new passage when enough came before', () => {
  const body = Array.from({ length: 12 }, (_, n) => `  statement(${n})`)
  const lines = ['function one() {', ...body, '}', '', 'function two() {', ...body, '}']
  expect([...cutPassages(lines)].map(({ from, to }) => [from, to])).toEqual([[1, 14], [16, 29]])
})

test('where no section ends, neighbours overlap by two lines', () => {
  const lines = Array.from({ length: 100 }, (_, n) => `line number ${n}`)
  const [first, second] = [...cutPassages(lines)]
  expect(second?.from).toBe((first?.to ?? 0) - 1)
})

test('an overlong line is cut at a gap, never within a sign, and put together again is the line', () => {
  const text = `${'x'.repeat(1999)}😀${'y '.repeat(2000)}`
  const passages = [...cutPassages(['before', text, 'after'])].filter((passage) => passage.from === 2)
  expect(passages.length).toBeGreaterThan(2)
  expect(passages.map((passage) => passage.text).join('')).toBe(text)
  for (const { text: piece } of passages) expect(Buffer.from(piece).toString()).toBe(piece)
})
