import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { messageOf, ModelUnusable } from '../kernel/errors.ts'
import type { EmbeddingModel } from './types.ts'
import { createWordPiece } from './wordpiece.ts'

/** A table of token vectors; its layout is in builtin/MODEL_CARD.md. */
export const builtinTable = fileURLToPath(new URL('./builtin/table.bin', import.meta.url))

const headerBytes = 64
const checksumBytes = 32

/**
 * The model in the repository: every token has a vector (int8 and a scale), a text has the sum of its tokens' scaled to length 1.
 * Needs no runtime and no download. Throws `ModelUnusable` when the file is missing or damaged.
 */
export async function openBuiltinModel(path = builtinTable): Promise<EmbeddingModel> {
  const file = await readFile(path).catch((error: unknown) => {
    throw new ModelUnusable('builtin', `${path} cannot be read (${messageOf(error)}): install the package again`, error)
  })
  const checksum = file.subarray(-checksumBytes)
  if (file.length < headerBytes + checksumBytes || file.toString('latin1', 0, 4) !== 'HVET' || file.readUInt32LE(4) !== 1) {
    throw new ModelUnusable('builtin', `${path} is no embedding table of version 1: install the package again`)
  }
  if (!createHash('sha256').update(file.subarray(0, -checksumBytes)).digest().equals(checksum)) throw new ModelUnusable('builtin', `${path} is damaged (its checksum does not match): install the package again`)

  const [rows, dimension, maxTokens, wordBytes] = [8, 12, 16, 20].map((at) => file.readUInt32LE(at)) as [number, number, number, number]
  const name = file.toString('utf8', 24, headerBytes).replace(/\0+$/, '')
  // Copied, because a Buffer may begin anywhere and these must be aligned.
  const scales = new Float32Array(file.buffer.slice(file.byteOffset + headerBytes, file.byteOffset + headerBytes + 4 * rows))
  const table = new Int8Array(file.buffer, file.byteOffset + headerBytes + 4 * rows, rows * dimension)
  const wordsAt = headerBytes + 4 * rows + rows * dimension
  const vocabulary = file.toString('utf8', wordsAt, wordsAt + wordBytes).split('\n')
  if (vocabulary.length !== rows) throw new ModelUnusable('builtin', `${path} has ${rows} vectors for ${vocabulary.length} tokens: install the package again`)
  const tokenizer = createWordPiece({ vocabulary, unknown: '[UNK]', lowercase: true })

  function embed(text: string): Float32Array {
    const sum = new Float64Array(dimension)
    const ids = tokenizer.encode(text, maxTokens)
    // Four rows at a time: the sum is read and written a quarter as often.
    for (let at = 0; at < ids.length; at += 4) {
      const [one, two, three, four] = [rowAt(ids, at), rowAt(ids, at + 1), rowAt(ids, at + 2), rowAt(ids, at + 3)]
      const [a, b, c, d] = [scaleAt(ids, at), scaleAt(ids, at + 1), scaleAt(ids, at + 2), scaleAt(ids, at + 3)]
      for (let index = 0; index < dimension; index++) {
        sum[index]! += a * table[one + index]! + b * table[two + index]! + c * table[three + index]! + d * table[four + index]!
      }
    }
    return unit(sum)
  }
  // Beyond the last id: nothing of the first row.
  const rowAt = (ids: readonly number[], at: number): number => (at < ids.length ? ids[at]! * dimension : 0)
  const scaleAt = (ids: readonly number[], at: number): number => (at < ids.length ? scales[ids[at]!]! : 0)

  return {
    key: `${name}@${checksum.toString('hex', 0, 4)}`, dimension, maxTokens,
    embed: async (texts) => texts.map(embed),
    close: async () => {},
  }
}

/** The vector with length 1; zeros when it has none. */
export function unit(vector: Float64Array | Float32Array): Float32Array {
  let square = 0
  for (let index = 0; index < vector.length; index++) square += vector[index]! * vector[index]!
  const result = new Float32Array(vector.length)
  if (square <= 1e-24) return result
  const factor = 1 / Math.sqrt(square)
  for (let index = 0; index < vector.length; index++) result[index] = vector[index]! * factor
  return result
}
