import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../sim/prng.ts'
import { onnxFile } from './onnx-file.ts'
import type { OnnxGraph, OnnxNode, OnnxTensor } from './onnx-file.ts'

export interface TransformerOptions {
  vocabulary: readonly string[]
  layers: number
  /** A multiple of 4, the number of heads. */
  dimension: number
  /** Of the layer between, in dimensions. Default 4. */
  widen?: number
  tokenTypes?: boolean
}

const heads = 4

/** A BERT-like encoder with weights by lot: it means nothing, and costs what one of its size costs. */
export function transformerGraph({ vocabulary, layers, dimension, widen = 4, tokenTypes = false }: TransformerOptions, prng: Prng): OnnxGraph {
  const tensors: OnnxTensor[] = []
  const nodes: OnnxNode[] = []
  const weights = (name: string, ...dims: number[]): string => {
    const scale = 1 / Math.sqrt(dims.length > 1 ? dims[0] as number : 4)
    tensors.push({ name, dims, data: Float32Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => (2 * prng.next() - 1) * scale) })
    return name
  }
  const constant = (name: string, dims: number[], data: Float32Array | BigInt64Array): string => {
    tensors.push({ name, dims, data })
    return name
  }
  const node = (output: string, op: string, inputs: string[], attributes?: OnnxNode['attributes']): string => {
    nodes.push({ op, inputs, output, attributes })
    return output
  }
  const ones = constant('ones', [dimension], new Float32Array(dimension).fill(1))
  const zeros = constant('zeros', [dimension], new Float32Array(dimension))
  const norm = (output: string, of: string): string => node(output, 'LayerNormalization', [of, ones, zeros], { axis: -1 })

  let hidden = node('words', 'Gather', [weights('word_table', vocabulary.length, dimension), 'input_ids'])
  if (tokenTypes) hidden = node('typed', 'Add', [hidden, node('types', 'Gather', [weights('type_table', 2, dimension), 'token_type_ids'])])
  hidden = norm('embedded', hidden)
  // 0 where there is a token, and so much below elsewhere that nothing is seen of it.
  const floats = node('mask_floats', 'Cast', ['attention_mask'], { to: 1 })
  const wide = node('mask_wide', 'Unsqueeze', [floats, constant('mask_axes', [2], BigInt64Array.of(1n, 2n))])
  const bias = node('mask_bias', 'Mul', [node('mask_less', 'Sub', [wide, constant('one', [], Float32Array.of(1))]), constant('far', [], Float32Array.of(1e9))])
  const split = constant('split', [4], BigInt64Array.of(0n, 0n, BigInt(heads), BigInt(dimension / heads)))
  const joined = constant('joined', [3], BigInt64Array.of(0n, 0n, BigInt(dimension)))
  const scale = constant('scale', [], Float32Array.of(1 / Math.sqrt(dimension / heads)))
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string): string => `${name}_${layer}`
    const part = (name: string, perm: number[]): string => {
      const made = node(of(name), 'MatMul', [hidden, weights(of(`w_${name}`), dimension, dimension)])
      return node(of(`${name}_heads`), 'Transpose', [node(of(`${name}_split`), 'Reshape', [made, split])], { perm })
    }
    const scores = node(of('scores'), 'Mul', [node(of('dots'), 'MatMul', [part('query', [0, 2, 1, 3]), part('key', [0, 2, 3, 1])]), scale])
    const seen = node(of('seen'), 'Softmax', [node(of('masked'), 'Add', [scores, bias])], { axis: -1 })
    const context = node(of('context'), 'Transpose', [node(of('mixed'), 'MatMul', [seen, part('value', [0, 2, 1, 3])])], { perm: [0, 2, 1, 3] })
    const out = node(of('out'), 'MatMul', [node(of('flat'), 'Reshape', [context, joined]), weights(of('w_out'), dimension, dimension)])
    const attended = norm(of('attended'), node(of('sum'), 'Add', [hidden, out]))
    const inner = node(of('inner'), 'Relu', [node(of('up'), 'MatMul', [attended, weights(of('w_up'), dimension, widen * dimension)])])
    const down = node(of('down'), 'MatMul', [inner, weights(of('w_down'), widen * dimension, dimension)])
    hidden = norm(layer === layers - 1 ? 'last_hidden_state' : of('hidden'), node(of('sum_2'), 'Add', [attended, down]))
  }
  if (layers === 0) node('last_hidden_state', 'Identity', [hidden])
  const dims = ['batch', 'sequence']
  return {
    inputs: [['input_ids', 'int64', dims], ['attention_mask', 'int64', dims], ...(tokenTypes ? [['token_type_ids', 'int64', dims] as const] : [])],
    outputs: [['last_hidden_state', 'float', [...dims, dimension]]],
    tensors, nodes,
  }
}

/** `tokenizer.json` of a BERT model with this vocabulary, which has [PAD], [UNK], [CLS] and [SEP]. */
export function bertTokenizer(vocabulary: readonly string[]): object {
  const special = (content: string): object => ({ id: vocabulary.indexOf(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  const token = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map(special),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing', single: [token('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, token('[SEP]', 0)],
      pair: [token('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, token('[SEP]', 0), { Sequence: { id: 'B', type_id: 1 } }, token('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [vocabulary.indexOf(id)], tokens: [id] }])),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(vocabulary.map((piece, id) => [piece, id])) },
  }
}

/** Writes a model folder in the layout of the hub. */
export function writeModelFolder(path: string, graph: OnnxGraph, vocabulary: readonly string[], maxTokens = 512): void {
  mkdirSync(join(path, 'onnx'), { recursive: true })
  writeFileSync(join(path, 'config.json'), JSON.stringify({ model_type: 'bert', max_position_embeddings: maxTokens }))
  writeFileSync(join(path, 'tokenizer.json'), JSON.stringify(bertTokenizer(vocabulary)))
  writeFileSync(join(path, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'BertTokenizer', model_max_length: maxTokens, cls_token: '[CLS]', sep_token: '[SEP]', pad_token: '[PAD]', unk_token: '[UNK]' }))
  writeFileSync(join(path, 'onnx/model.onnx'), onnxFile(graph))
}
