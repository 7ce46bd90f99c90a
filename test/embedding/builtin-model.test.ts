import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtinTable, openBuiltinModel } from '../../src/embedding/builtin-model.ts'
import type { EmbeddingModel } from '../../src/embedding/types.ts'
import { createWordPiece } from '../../src/embedding/wordpiece.ts'
import { ModelUnusable } from '../../src/kernel/errors.ts'

interface Golden {
  scale: number
  cases: { text: string; repeat?: number; tokens: number; vector: string }[]
}

const golden = JSON.parse(readFileSync(new URL('../../src/embedding/builtin/golden.json', import.meta.url), 'utf8')) as Golden

function vocabularyOf(file: Buffer): string[] {
  const [rows, dimension, , bytes] = [8, 12, 16, 20].map((at) => file.readUInt32LE(at)) as [number, number, number, number]
  const from = 64 + 4 * rows + rows * dimension
  return file.toString('utf8', from, from + bytes).split('\n')
}

const vocabulary = vocabularyOf(readFileSync(builtinTable))

describe('the model in the repository', () => {
  let model: EmbeddingModel
  beforeAll(async () => {
    model = await openBuiltinModel()
  })

  it('gives the vectors that the tool which made it computed', async () => {
    expect(golden.cases.length).toBeGreaterThan(100)
    for (const { text, repeat = 1, vector } of golden.cases) {
      const bytes = Buffer.from(vector, 'base64')
      const [made] = await model.embed([text.repeat(repeat)], 'passage')
      const worst = made!.reduce((most, value, index) => Math.max(most, Math.abs(value - bytes.readInt16LE(2 * index) / golden.scale)), 0)
      expect(worst, JSON.stringify(text.slice(0, 80))).toBeLessThan(1e-4)
    }
  })

  it('gives length 1, or zeros for a text without tokens, whatever the text', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
      const [vector] = await model.embed([text], 'query')
      const length = Math.hypot(...vector!)
      expect(length === 0 || Math.abs(length - 1) < 1e-5).toBe(true)
    }), { numRuns: 300 })
  })

  it('reads a megabyte of text by its beginning', async () => {
    const long = 'configure the gateway timeout '.repeat(40_000)
    const [whole, beginning] = await model.embed([long, long.slice(0, 50_000)], 'passage')
    expect(whole).toEqual(beginning)
  })
})

describe('a damaged table is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hivemind-table-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const whole = readFileSync(builtinTable)

  it.each([
    ['missing', undefined, /cannot be read/],
    ['empty', Buffer.alloc(0), /no embedding table/],
    ['cut', whole.subarray(0, 1_000_000), /damaged/],
    ['of another kind', Buffer.from('PK\x03\x04'.padEnd(200)), /no embedding table/],
    ['with one byte changed', Buffer.concat([whole.subarray(0, 5000), Buffer.from([whole[5000]! ^ 1]), whole.subarray(5001)]), /damaged/],
  ])('%s', async (name, bytes, message) => {
    const path = join(folder, `${name}.bin`)
    if (bytes !== undefined) writeFileSync(path, bytes)
    const failed = openBuiltinModel(path)
    await expect(failed).rejects.toThrow(ModelUnusable)
    await expect(failed).rejects.toThrow(message)
  })
})

describe('the tokenizer agrees with the published one', () => {
  const ours = createWordPiece({ vocabulary, unknown: '[UNK]', lowercase: true })
  const theirs = new Tokenizer({
    version: '1.0', added_tokens: [],
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: null, decoder: null,
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(vocabulary.map((piece, id) => [piece, id])) },
  }, {})
  const same = (text: string): void => expect(ours.encode(text, 512), JSON.stringify(text)).toEqual(theirs.encode(text, { add_special_tokens: false }).ids.slice(0, 512))

  it.each(['', ' ', 'Hello, World!', 'camelCaseName snake_case kebab-case', "don't stop", 'a\tb\nc\r\nd', 'naïve café ÀÉÎ', '東京は晴れ', 'x'.repeat(101), '$HOME/~user `code` a+b=c <tag>', '1.2.3 0xFF 10%', '[CLS] [SEP] ##ing', 'שלום עולם', '\u0000\u0001bell\u0007', 'e\u0301 combining', 'ﬁ ligature', '🙂 emoji 👩‍👩‍👧'])('%j', same)

  it('on words and code at random', () => {
    const piece = fc.oneof(
      fc.constantFrom('the', 'Config', 'timeoutMs', 'src/index.ts', '==', '=>', '{', '}', '\n', '\t', '  ', '"', "'", 'Über', 'naïve', '日本', '—', '…', '²', 'ß', 'İ', '\u00a0'),
      fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
    )
    fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      same(pieces.join(' '))
    }), { numRuns: 2_000 })
  })
})
