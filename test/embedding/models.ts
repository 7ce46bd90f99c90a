import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { elementTypes, onnxFile } from '../../src/cli/bench/onnx-file.ts'
import type { OnnxGraph, OnnxNode } from '../../src/cli/bench/onnx-file.ts'
import { transformerGraph, writeModelFolder } from '../../src/cli/bench/transformer.ts'
import { Prng } from '../../src/sim/prng.ts'

export const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'red', 'green', 'blue', 'wide', 'deep', 'query', 'passage', ':', '##s']
export const dimension = 8

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hivemind-model-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Token i has the vector `table[i]`: no layers, so that pooled vectors can be told by hand. */
export const table = Float32Array.from({ length: vocabulary.length * dimension }, ((prng) => () => 2 * prng.next() - 1)(new Prng(7)))
const dims = ['batch', 'sequence']

export function lookUpGraph({ mask = true, types = false, half = false, output = 'last_hidden_state' }: { mask?: boolean; types?: boolean; half?: boolean; output?: string } = {}): OnnxGraph {
  const gathered = half || types ? 'gathered' : output
  return {
    inputs: [['input_ids', 'int64', dims], ...(mask ? [['attention_mask', 'int64', dims] as const] : []), ...(types ? [['token_type_ids', 'int64', dims] as const] : [])],
    outputs: [[output, half ? 'float16' : 'float', [...dims, dimension]]],
    tensors: [
      { name: 'table', dims: [vocabulary.length, dimension], data: table },
      ...(types ? [{ name: 'types', dims: [2, dimension], data: new Float32Array(2 * dimension).fill(0.5, 0, dimension) }] : []),
    ],
    nodes: [
      { op: 'Gather', inputs: ['table', 'input_ids'], output: gathered },
      ...(types ? [{ op: 'Gather', inputs: ['types', 'token_type_ids'], output: 'typed' }, { op: 'Add', inputs: ['gathered', 'typed'], output }] : []),
      ...(half ? [{ op: 'Cast', inputs: ['gathered'], output, attributes: { to: elementTypes.float16 } }] : []),
    ],
  }
}

/** Texts are pooled inside of the graph: the sum of the tokens under the mask. */
export function pooledGraph(): OnnxGraph {
  const axes = (name: string, axis: bigint): { name: string; dims: number[]; data: BigInt64Array } => ({ name, dims: [1], data: BigInt64Array.of(axis) })
  return {
    ...lookUpGraph(),
    outputs: [['last_hidden_state', 'float', [...dims, dimension]], ['sentence_embedding', 'float', ['batch', dimension]]],
    tensors: [...lookUpGraph().tensors, axes('last', -1n), axes('middle', 1n)],
    nodes: [
      ...lookUpGraph().nodes,
      { op: 'Cast', inputs: ['attention_mask'], output: 'floats', attributes: { to: 1 } },
      { op: 'Unsqueeze', inputs: ['floats', 'last'], output: 'wide' },
      { op: 'Mul', inputs: ['last_hidden_state', 'wide'], output: 'seen' },
      { op: 'ReduceSum', inputs: ['seen', 'middle'], output: 'sentence_embedding', attributes: { keepdims: 0 } },
    ],
  }
}

export const layeredGraph = (tokenTypes = false): OnnxGraph => transformerGraph({ vocabulary, layers: 2, dimension, tokenTypes }, new Prng(3))

/** A graph that cannot be run with a text of more than 5 tokens, `[CLS]` and `[SEP]` counted. */
export function choosyGraph(): OnnxGraph {
  const graph = lookUpGraph()
  const nodes: OnnxNode[] = [
    { op: 'Shape', inputs: ['input_ids'], output: 'shape' },
    { op: 'Gather', inputs: ['shape', 'one'], output: 'length' },
    { op: 'Sub', inputs: ['length', 'one'], output: 'last' },
    // ONNX Runtime refuses an index that is out of range.
    { op: 'Gather', inputs: ['positions', 'last'], output: 'position' },
    { op: 'Gather', inputs: ['table', 'input_ids'], output: 'gathered' },
    { op: 'Add', inputs: ['gathered', 'position'], output: 'last_hidden_state' },
  ]
  return { ...graph, nodes, tensors: [...graph.tensors, { name: 'one', dims: [1], data: BigInt64Array.of(1n) }, { name: 'positions', dims: [5, dimension], data: new Float32Array(5 * dimension) }] }
}

export interface FolderOptions {
  graph?: OnnxGraph
  maxTokens?: number
  /** Files to write besides, or instead: JSON when it is an object. */
  files?: Record<string, object | string>
}

export function modelFolder({ graph = lookUpGraph(), maxTokens = 64, files = {} }: FolderOptions = {}): string {
  const path = join(temporaryFolder(), 'tiny')
  writeModelFolder(path, graph, vocabulary, maxTokens)
  put(path, files)
  return path
}

export function put(path: string, files: Record<string, object | string>): void {
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), typeof content === 'string' ? content : JSON.stringify(content))
}

export { onnxFile }
