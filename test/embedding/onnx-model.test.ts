import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openOnnxModel } from '../../src/embedding/onnx-model.ts'
import type { OnnxOptions } from '../../src/embedding/onnx-model.ts'
import type { EmbeddingModel } from '../../src/embedding/types.ts'
import { ModelUnusable } from '../../src/kernel/errors.ts'
import { dimension, layeredGraph, lookUpGraph, modelFolder, onnxFile, pooledGraph, put, table, vocabulary } from './models.ts'

async function opened(path: string, options: Partial<OnnxOptions> = {}): Promise<EmbeddingModel> {
  const model = await openOnnxModel(path, { threads: 1, ...options })
  onTestFinished(() => model.close())
  return model
}

const row = (piece: string): number[] => [...table.subarray(vocabulary.indexOf(piece) * dimension, (vocabulary.indexOf(piece) + 1) * dimension)]
const unit = (vector: number[]): number[] => vector.map((value) => value / Math.hypot(...vector))
const mean = (pieces: string[]): number[] => row('[PAD]').map((_, at) => pieces.reduce((sum, piece) => sum + row(piece)[at]!, 0) / pieces.length)
const around = (...pieces: string[]): string[] => ['[CLS]', ...pieces, '[SEP]']

function expectClose(vector: Float32Array | undefined, wanted: readonly number[]): void {
  expect(vector).toHaveLength(wanted.length)
  for (const [at, value] of wanted.entries()) expect(vector![at]!).toBeCloseTo(value, 5)
}

function withPooling(mode: string, more: Record<string, object | string> = {}): string {
  const path = modelFolder()
  mkdirSync(join(path, '1_Pooling'))
  put(path, { '1_Pooling/config.json': { [mode]: true }, ...more })
  return path
}

const part = (name: string, path: string): object => ({ idx: 0, name, path, type: `sentence_transformers.models.${name}` })

describe('vectors of a graph', () => {
  it('are the mean of the tokens, of length 1, when no file says how they are pooled', async () => {
    const model = await opened(modelFolder())
    expect(model).toMatchObject({ dimension, maxTokens: 64, key: expect.stringMatching(/^tiny@[0-9a-f]{8}$/) })
    const [short, long] = await model.embed(['Red', 'red greens, blue'], 'passage')
    expectClose(short, unit(mean(around('red'))))
    expectClose(long, unit(mean(around('red', 'green', '##s', '[UNK]', 'blue'))))
  })

  it.each<[string, (pieces: string[]) => number[]]>([
    ['pooling_mode_mean_tokens', mean],
    ['pooling_mode_cls_token', () => row('[CLS]')],
    ['pooling_mode_lasttoken', () => row('[SEP]')],
    ['pooling_mode_max_tokens', (pieces) => row('[PAD]').map((_, at) => Math.max(...pieces.map((piece) => row(piece)[at]!)))],
  ])('%s, beside a longer text', async (mode, wanted) => {
    const model = await opened(withPooling(mode))
    const [short, long] = await model.embed(['red', 'wide deep blue'], 'passage')
    expectClose(short, unit(wanted(around('red'))))
    expectClose(long, unit(wanted(around('wide', 'deep', 'blue'))))
  })

  it('are left as long as they are when the model has no Normalize', async () => {
    const model = await opened(withPooling('pooling_mode_mean_tokens', { 'modules.json': [part('Transformer', ''), part('Pooling', '1_Pooling')] }))
    expectClose((await model.embed(['red'], 'passage'))[0], mean(around('red')))
  })

  it('are those that the graph pools itself', async () => {
    const model = await opened(modelFolder({ graph: pooledGraph() }))
    const [short] = await model.embed(['red', 'wide deep blue'], 'passage')
    expectClose(short, unit(mean(around('red'))))
  })

  it('take token types where the graph wants them, and no mask where it has none', async () => {
    const typed = await opened(modelFolder({ graph: lookUpGraph({ types: true }) }))
    expectClose((await typed.embed(['red'], 'passage'))[0], unit(mean(around('red')).map((value) => value + 0.5)))
    const bare = await opened(modelFolder({ graph: lookUpGraph({ mask: false }) }))
    expectClose((await bare.embed(['red'], 'passage'))[0], unit(mean(around('red'))))
  })

  it.each([false, true])('are the same in a padded batch as one by one (token types: %s)', async (types) => {
    const model = await opened(modelFolder({ graph: layeredGraph(types) }))
    const texts = ['red', '', 'wide deep blue', 'green '.repeat(40), 'red', 'query: blue reds', ' '.repeat(3)]
    const together = await model.embed(texts, 'passage')
    for (const [at, text] of texts.entries()) expectClose(together[at], [...(await model.embed([text], 'passage'))[0]!])
    // The layers mix the tokens: a model that looks at padding would fail here.
    expect(Math.abs(together[0]![0]! - together[2]![0]!)).toBeGreaterThan(1e-3)
  })
})

describe('texts', () => {
  const prompts = { prompts: { query: 'query: ', document: 'passage: ' } }

  it('get the prompts of the model, those of the configuration before them', async () => {
    const path = modelFolder({ files: { 'config_sentence_transformers.json': prompts } })
    const model = await opened(path)
    expectClose((await model.embed(['red'], 'query'))[0], unit(mean(around('query', ':', 'red'))))
    expectClose((await model.embed(['red'], 'passage'))[0], unit(mean(around('passage', ':', 'red'))))
    const other = await opened(path, { queryPrefix: 'deep ', passagePrefix: '' })
    expectClose((await other.embed(['red'], 'query'))[0], unit(mean(around('deep', 'red'))))
    expectClose((await other.embed(['red'], 'passage'))[0], unit(mean(around('red'))))
    expect(other.key).not.toBe(model.key)
  })

  it.each<[string, Record<string, object>, number]>([
    ['sentence_bert_config.json', { 'sentence_bert_config.json': { max_seq_length: 5 } }, 5],
    ['tokenizer_config.json', { 'tokenizer_config.json': { tokenizer_class: 'BertTokenizer', model_max_length: 6 } }, 6],
    ['the positions of RoBERTa', { 'config.json': { model_type: 'roberta', max_position_embeddings: 9 } }, 7],
  ])('are cut to what %s allows, the end kept', async (_, files, tokens) => {
    const model = await opened(modelFolder({ files }))
    expect(model.maxTokens).toBe(tokens)
    const [vector] = await model.embed(['red '.repeat(100)], 'passage')
    expectClose(vector, unit(mean(around(...Array.from({ length: tokens - 2 }, () => 'red')))))
  })

  it.each<[string, string]>([
    ['nothing', ''], ['a NUL', 'red\0blue'], ['half a pair', 'red \ud800 blue \udc00'], ['right to left', 'שלום עולם مرحبا'], ['bytes', Buffer.from(Array.from({ length: 256 }, (_, code) => code)).toString('latin1')], ['a megabyte', 'red green blue '.repeat(70_000)],
  ])('may be %s', async (_, text) => {
    const model = await opened(modelFolder())
    const [vector] = await model.embed([text], 'query')
    expect(Math.hypot(...vector!)).toBeCloseTo(1, 5)
  })
})

describe('the key of a model', () => {
  it('is another when the graph or the tokenizer is', async () => {
    const keys = [await opened(modelFolder()), await opened(modelFolder({ graph: layeredGraph() })), await opened(modelFolder({ maxTokens: 32 }))].map(({ key }) => key)
    expect(new Set(keys).size).toBe(3)
    expect((await opened(modelFolder())).key).toBe(keys[0])
  })
})

describe('a folder that is no model says what is wrong', () => {
  it.each<[string, (path: string) => void, RegExp]>([
    ['no folder', (path) => rmSync(path, { recursive: true }), /there is no such folder: give the path/],
    ['a file', (path) => { rmSync(path, { recursive: true }); writeFileSync(path, '') }, /it is a file: give the folder/],
    ['an empty folder', (path) => { rmSync(path, { recursive: true }); mkdirSync(path) }, /no config.json and no tokenizer.json and no onnx\/model.onnx/],
    ['no config.json', (path) => rmSync(join(path, 'config.json')), /the folder has no config.json: copy/],
    ['no tokenizer.json', (path) => rmSync(join(path, 'tokenizer.json')), /the folder has no tokenizer.json: copy/],
    ['no graph', (path) => rmSync(join(path, 'onnx'), { recursive: true }), /the folder has no onnx\/model.onnx .*optimum-cli/],
    ['JSON that is cut', (path) => truncateSync(join(path, 'tokenizer.json'), 100), /tokenizer.json cannot be read .*copy it again/],
    ['a config of another shape', (path) => put(path, { 'config.json': { max_position_embeddings: 'many' } }), /config.json cannot be read \(max_position_embeddings/],
    ['a tokenizer that is not known', (path) => put(path, { 'tokenizer.json': { model: { type: 'Morse' } } }), /tokenizer.json describes a tokenizer that is not known here/],
    ['a pointer for a file', (path) => put(path, { 'tokenizer.json': 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n' }), /tokenizer.json .*git lfs pull/],
    ['a pointer for the graph', (path) => put(path, { 'onnx/model.onnx': 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n' }), /onnx\/model.onnx is a pointer to a large file: run "git lfs pull"/],
    ['a graph that is cut', (path) => truncateSync(join(path, 'onnx/model.onnx'), 300), /ONNX Runtime cannot load model.onnx/],
    ['an empty graph', (path) => truncateSync(join(path, 'onnx/model.onnx'), 0), /ONNX Runtime cannot load model.onnx/],
    ['inputs of a decoder', (path) => writeFileSync(join(path, 'onnx/model.onnx'), onnxFile({ ...lookUpGraph(), inputs: [...lookUpGraph().inputs, ['past_key_values', 'float', ['batch', 1]]] })), /takes input_ids, attention_mask, past_key_values: a feature-extraction graph/],
    ['a graph of pictures', (path) => writeFileSync(join(path, 'onnx/model.onnx'), readFileSync(join(path, 'onnx/model.onnx'), 'latin1').replaceAll('input_ids', 'pixel_val'), 'latin1'), /takes pixel_val, attention_mask/],
    ['half floats', (path) => writeFileSync(join(path, 'onnx/model.onnx'), onnxFile(lookUpGraph({ half: true }))), /its output "last_hidden_state" is float16, not float32/],
    ['a tokenizer with more tokens than the graph', (path) => put(path, { 'tokenizer.json': readFileSync(join(path, 'tokenizer.json'), 'utf8').replaceAll('"id":2,', '"id":900,').replace('"[CLS]":2', '"[CLS]":900') }), /its graph cannot be run/],
    ['a module that is not known', (path) => put(path, { 'modules.json': [part('Transformer', ''), part('Dense', '2_Dense')] }), /modules.json names .*Dense, which is not known here/],
    ['a pooling that is not known', (path) => { mkdirSync(join(path, '1_Pooling')); put(path, { '1_Pooling/config.json': { pooling_mode_weightedmean_tokens: true } }) }, /its pooling is none of/],
  ])('%s', async (_, spoil, message) => {
    const path = modelFolder()
    spoil(path)
    const failed = openOnnxModel(path, { threads: 1 })
    await expect(failed).rejects.toThrow(ModelUnusable)
    await expect(failed).rejects.toThrow(message)
  })

  it('takes the quantised graph when there is no other', async () => {
    const path = modelFolder()
    renameSync(join(path, 'onnx/model.onnx'), join(path, 'onnx/model_quantized.onnx'))
    expect((await opened(path)).dimension).toBe(dimension)
  })
})
