import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf, ModelUnusable } from '../kernel/errors.ts'
import { unit } from './builtin-model.ts'
import { readModelFolder, type ModelFolder, type Pooling } from './folder.ts'
import { readCharacters } from './types.ts'
import type { EmbeddingModel, Purpose } from './types.ts'

/** Tokens of one run of the graph, padding included: what it computes stays in the processor's cache, and little of it is padding. */
const runTokens = 512
/** Outputs that are vectors of whole texts already. */
const pooledOutputs = ['sentence_embedding', 'text_embeds', 'pooled_embedding']

export interface OnnxOptions {
  /** Threads of one run. */
  threads: number
  /** Instead of those the folder's files name. */
  queryPrefix?: string
  passagePrefix?: string
}

interface Encoded {
  index: number
  ids: readonly number[]
  types: readonly number[] | undefined
}

/**
 * A feature-extraction model as an ONNX graph. A run blocks the thread it is called on, so that this belongs into a worker.
 * Throws `ModelUnusable` when a file is missing, or the graph is not one that makes vectors of tokens.
 */
export async function openOnnxModel(path: string, options: OnnxOptions): Promise<EmbeddingModel> {
  const folder = await readModelFolder(path)
  const tokenizer = made(folder, 'tokenizer.json', () => new Tokenizer(folder.tokenizer, folder.tokenizerConfig))
  const session = await InferenceSession.create(folder.graph, { intraOpNumThreads: options.threads, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 4 }).catch((error: unknown) => {
    throw new ModelUnusable(path, `ONNX Runtime cannot load ${basename(folder.graph)} (${messageOf(error)}): export the model again`, error)
  })
  try {
    const output = outputOf(folder, session)
    const prefixes = { query: options.queryPrefix ?? folder.prefixes.query, passage: options.passagePrefix ?? folder.prefixes.passage }
    const model = new OnnxModel(folder, tokenizer, session, output, prefixes)
    // The first run allocates, and tells the dimension and whether the graph can be run at all.
    const [probe] = await model.embed(['probe'], 'passage').catch((error: unknown) => {
      throw new ModelUnusable(path, `its graph cannot be run (${messageOf(error)}): export it for feature extraction`, error)
    })
    return Object.assign(model, { dimension: probe?.length ?? 0, key: await keyOf(folder, prefixes) })
  } catch (error) {
    await session.release()
    throw error
  }
}

class OnnxModel implements EmbeddingModel {
  key = ''
  dimension = 0
  readonly maxTokens: number
  readonly #folder: ModelFolder
  readonly #tokenizer: Tokenizer
  readonly #session: InferenceSession
  readonly #output: string
  readonly #prefixes: Record<Purpose, string>

  constructor(folder: ModelFolder, tokenizer: Tokenizer, session: InferenceSession, output: string, prefixes: Record<Purpose, string>) {
    this.maxTokens = folder.maxTokens
    this.#folder = folder
    this.#tokenizer = tokenizer
    this.#session = session
    this.#output = output
    this.#prefixes = prefixes
  }

  async embed(texts: readonly string[], purpose: Purpose): Promise<Float32Array[]> {
    const encoded = texts.map((text, index) => this.#encode(this.#prefixes[purpose] + text, index))
    // Texts of like length share a run, so that little of it is padding.
    encoded.sort((a, b) => a.ids.length - b.ids.length)
    const vectors: Float32Array[] = []
    for (let from = 0; from < encoded.length;) {
      let to = from + 1
      while (to < encoded.length && (encoded[to] as Encoded).ids.length * (to + 1 - from) <= runTokens) to++
      await this.#run(encoded.slice(from, to), vectors)
      from = to
    }
    return vectors
  }

  close(): Promise<void> {
    return this.#session.release()
  }

  #encode(text: string, index: number): Encoded {
    const { ids, token_type_ids: types } = this.#tokenizer.encode(wellFormed(text.slice(0, readCharacters(this.maxTokens))), { return_token_type_ids: true })
    if (ids.length <= this.maxTokens) return { index, ids, types }
    // The last token ends the text (it is [SEP] or </s> where there is one).
    const kept = <Item>(items: readonly Item[]): Item[] => [...items.slice(0, this.maxTokens - 1), items.at(-1) as Item]
    return { index, ids: kept(ids), types: types === undefined ? undefined : kept(types) }
  }

  async #run(batch: readonly Encoded[], vectors: Float32Array[]): Promise<void> {
    const width = Math.max(1, ...batch.map(({ ids }) => ids.length))
    const shape = [batch.length, width]
    const ids = new BigInt64Array(batch.length * width)
    const mask = new BigInt64Array(batch.length * width)
    const types = new BigInt64Array(batch.length * width)
    for (const [row, item] of batch.entries()) {
      for (let at = 0; at < item.ids.length; at++) {
        ids[row * width + at] = BigInt(item.ids[at] as number)
        mask[row * width + at] = 1n
        types[row * width + at] = BigInt(item.types?.[at] ?? 0)
      }
    }
    const feeds: Record<string, Tensor> = { input_ids: new Tensor('int64', ids, shape) }
    if (this.#session.inputNames.includes('attention_mask')) feeds['attention_mask'] = new Tensor('int64', mask, shape)
    if (this.#session.inputNames.includes('token_type_ids')) feeds['token_type_ids'] = new Tensor('int64', types, shape)
    const result = (await this.#session.run(feeds, [this.#output]))[this.#output] as Tensor
    const data = result.data
    if (!(data instanceof Float32Array)) throw new ModelUnusable(this.#folder.path, `its output "${this.#output}" is ${result.type}, not float32: export it again`)
    const dimension = result.dims.at(-1) as number
    for (const [row, item] of batch.entries()) {
      const vector = result.dims.length === 2
        ? data.slice(row * dimension, (row + 1) * dimension)
        : pool(this.#folder.pooling, data, row * width * dimension, item.ids.length, dimension)
      vectors[item.index] = this.#folder.normalize ? unit(vector) : Float32Array.from(vector)
    }
    result.dispose()
  }
}

function pool(pooling: Pooling, data: Float32Array, from: number, tokens: number, dimension: number): Float64Array {
  const vector = new Float64Array(dimension)
  if (tokens === 0) return vector
  if (pooling === 'cls' || pooling === 'lasttoken') {
    const at = from + (pooling === 'cls' ? 0 : (tokens - 1) * dimension)
    vector.set(data.subarray(at, at + dimension))
    return vector
  }
  if (pooling === 'max') vector.fill(-Infinity)
  for (let token = 0; token < tokens; token++) {
    const at = from + token * dimension
    for (let index = 0; index < dimension; index++) {
      const value = data[at + index] as number
      vector[index] = pooling === 'max' ? Math.max(vector[index] as number, value) : (vector[index] as number) + value / tokens
    }
  }
  return vector
}

function outputOf({ path, graph }: ModelFolder, session: InferenceSession): string {
  const inputs = session.inputNames.filter((name) => !['input_ids', 'attention_mask', 'token_type_ids'].includes(name))
  if (!session.inputNames.includes('input_ids') || inputs.length > 0) {
    throw new ModelUnusable(path, `${basename(graph)} takes ${session.inputNames.join(', ')}: a feature-extraction graph takes input_ids, attention_mask and perhaps token_type_ids`)
  }
  const output = pooledOutputs.find((name) => session.outputNames.includes(name)) ?? ['last_hidden_state', 'token_embeddings'].find((name) => session.outputNames.includes(name)) ?? session.outputNames[0]
  if (output === undefined) throw new ModelUnusable(path, `${basename(graph)} has no output: export it again`)
  return output
}

/** Name of the folder and a hash of all that shapes a vector: the graph, the tokenizer, pooling and prompts. */
async function keyOf(folder: ModelFolder, prefixes: Record<Purpose, string>): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(folder.graph), hash, { end: false })
  hash.update(JSON.stringify([folder.tokenizer, folder.pooling, folder.normalize, folder.maxTokens, prefixes]))
  return `${basename(folder.path)}@${hash.digest('hex').slice(0, 8)}`
}

function made<Result>(folder: ModelFolder, file: string, make: () => Result): Result {
  try {
    return make()
  } catch (error) {
    throw new ModelUnusable(folder.path, `${file} describes a tokenizer that is not known here (${messageOf(error)})`, error)
  }
}

function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}
