import { expect, test } from 'vitest'
import { analyse } from '../../src/vectors/text/analyse.ts'
import { stem } from '../../src/vectors/text/stem.ts'

function termsOf(text: string): string[] {
  const terms: string[] = []
  analyse(text, (term) => terms.push(term))
  return terms
}

test.each([
  ['identifiers, whole and in parts', 'getUserById ERR_MODULE_NOT_FOUND HTTPServer', 'getuserbyid get user by id err_module_not_found err modul not found httpserver http server'],
  ['paths and lines', 'src/store/keys.ts:42', 'src/store/keys.ts:42 src store keys.ts kei ts 42'],
  ['versions and addresses stay whole', 'v0.5.29 usearch@2.25.3 127.0.0.1:6380', '0.5.29 usearch@2.25.3 usearch 2.25.3 127.0.0.1:6380 127.0.0.1 6380'],
  ['apostrophes', "it's don’t", 'it dont'],
  ['accents, width, case', 'Café ＡＢＣ İstanbul ΣΑΣ', 'cafe abc istanbul σασ'],
  ['scripts without blanks, in pairs', 'メモリ検索 hivemindのテスト', 'メモ モリ リ検 検索 hivemind のテ テス スト'],
  ['right to left, points left out', 'שָׁלוֹם עולם مُحَمَّد', 'שלום עולם محمد'],
  ['lone surrogates and control characters part words', 'a\ud800b\u0000c', 'a b c'],
  ['nothing', ' \n—…🎉 ', ''],
])('%s', (_, text, expected) => {
  expect(termsOf(text)).toEqual(expected === '' ? [] : expected.split(' '))
})

test('English words of one stem are one term', () => {
  const families = ['connect connected connecting connection connections', 'queue queues queued queuing', 'retry retries retried', 'cache cached caching caches', 'policy policies', 'decide decides', 'run running runs', 'fail failed failing fails', 'hop hopped hopping']
  for (const family of families) expect(new Set(family.split(' ').map(stem)), family).toHaveProperty('size', 1)
  expect(['class', 'status', 'is', 'news', 'bring', 'string'].map(stem)).toEqual(['class', 'status', 'is', 'new', 'bring', 'string'])
})

test('a text of a megabyte costs no more than its beginning', () => {
  expect(termsOf('word '.repeat(200_000)).length).toBe(20_000)
  expect(termsOf('x'.repeat(1_000_000))).toEqual([])
  expect(termsOf('検'.repeat(1_000_000)).length).toBe(262_143)
})
