import { expect, test } from 'vitest'
import { termsOf } from '../../../scenarios/codebase/terms.ts'

test.each([
  ['createHive', ['creat', 'hive', 'createhiv']],
  ['parseHTTPServer2', ['pars', 'http', 'server', 'parsehttpserver2']],
  ['max_file_bytes', ['max', 'file', 'byte', 'maxfilebyt']],
  ['src/store/keys.ts', ['src', 'stor', 'key', 'ts']],
  ['__init__', ['init']],
  ['sha256', ['sha', '256', 'sha256']],
  ['the and of', []],
  ['policies classes running stopped handled', ['policy', 'class', 'run', 'stop', 'handl']],
  ['Größe «café»', ['größ', 'café']],
  ['日本語', ['日本', '本語']],
  ['', []],
])('%j', (text, terms) => {
  expect(termsOf(text)).toEqual(terms)
})

test('singular and plural, verb and participle meet', () => {
  for (const [a, b] of [['errors', 'error'], ['handled', 'handle'], ['restarting', 'restart'], ['stores', 'store'], ['queries', 'query']] as const) expect(termsOf(a)).toEqual(termsOf(b))
})

test('a word of any length is bounded', () => {
  expect(termsOf('x'.repeat(10_000))[0]?.length).toBeLessThanOrEqual(48)
})
