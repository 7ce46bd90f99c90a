import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'

export interface DirectModel {
  /** Mean pooling, length 1. */
  embed(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}

/** Texts of one run, as many as sentence-transformers takes. */
const batchSize = 32

/** The model as a program of its own would drive it: sorted by length, 32 at a time, in one thread. */
export async function driveDirectly(path: string, threads: number): Promise<DirectModel> {
  const read = (file: string): object => JSON.parse(readFileSync(join(path, file), 'utf8')) as object
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'))
  const session = await InferenceSession.create(join(path, 'onnx/model.onnx'), { intraOpNumThreads: threads, interOpNumThreads: 1 })
  return {
    async embed(texts) {
      const encoded = texts.map((text, index) => ({ index, ids: tokenizer.encode(text).ids as number[] })).sort((one, other) => one.ids.length - other.ids.length)
      const vectors: Float32Array[] = []
      for (let from = 0; from < encoded.length; from += batchSize) {
        const batch = encoded.slice(from, from + batchSize)
        const width = batch.at(-1)!.ids.length
        const ids = new BigInt64Array(batch.length * width)
        const mask = new BigInt64Array(batch.length * width)
        batch.forEach((item, row) => item.ids.forEach((id, at) => {
          ids[row * width + at] = BigInt(id)
          mask[row * width + at] = 1n
        }))
        const shape = [batch.length, width]
        const feeds = { input_ids: new Tensor('int64', ids, shape), attention_mask: new Tensor('int64', mask, shape), token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), shape) }
        const wanted = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)))
        const { data, dims } = (await session.run(wanted))['last_hidden_state'] as Tensor
        const dimension = dims[2]!
        batch.forEach((item, row) => {
          const vector = new Float32Array(dimension)
          for (let token = 0; token < item.ids.length; token++) {
            const at = (row * width + token) * dimension
            for (let index = 0; index < dimension; index++) vector[index]! += (data as Float32Array)[at + index]!
          }
          const length = Math.hypot(...vector)
          vectors[item.index] = vector.map((value) => value / length)
        })
      }
      return vectors
    },
    close: () => session.release(),
  }
}
