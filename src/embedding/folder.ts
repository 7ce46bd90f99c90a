import { access, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, ModelUnusable } from '../kernel/errors.ts'

/** What the files of a feature-extraction model say, in the layout of the Hugging Face hub. */
export interface ModelFolder {
  path: string
  /** The graph: `onnx/model.onnx` or `model.onnx`, or the quantised one when that is all there is. */
  graph: string
  tokenizer: object
  tokenizerConfig: object
  pooling: Pooling
  normalize: boolean
  maxTokens: number
  prefixes: { query: string; passage: string }
}

export type Pooling = 'mean' | 'cls' | 'max' | 'lasttoken'

/** Looked for in this order. */
const graphs = ['onnx/model.onnx', 'model.onnx', 'onnx/model_quantized.onnx', 'onnx/model_int8.onnx', 'model_quantized.onnx']
/** Files beside the graph that a model may have, and those it must. */
export const folderFiles = {
  graphs,
  required: ['config.json', 'tokenizer.json'],
  optional: ['tokenizer_config.json', 'special_tokens_map.json', 'modules.json', 'sentence_bert_config.json', 'config_sentence_transformers.json', '1_Pooling/config.json'],
} as const

const config = z.object({ model_type: z.string().optional(), max_position_embeddings: z.number().int().min(1).optional() })
const modules = z.array(z.object({ type: z.string(), path: z.string() }))
const poolingConfig = z.object({
  pooling_mode_cls_token: z.boolean().default(false),
  pooling_mode_mean_tokens: z.boolean().default(false),
  pooling_mode_max_tokens: z.boolean().default(false),
  pooling_mode_lasttoken: z.boolean().default(false),
})
const prompts = z.object({ prompts: z.record(z.string(), z.string()).default({}), default_prompt_name: z.string().nullish() })
const sentence = z.object({ max_seq_length: z.number().int().min(1).optional() })
const tokenizerSettings = z.looseObject({ model_max_length: z.number().optional() })

/** Tokens read when no file says how many. */
const usualTokens = 512
/** Positions before the first token: RoBERTa counts from behind its padding. */
const reserved: Readonly<Record<string, number>> = { roberta: 2, 'xlm-roberta': 2, camembert: 2, mpnet: 2 }

/**
 * Reads and checks a model folder. Throws `ModelUnusable` naming the file that is missing or cannot be read, and what to do.
 * Pooling, length and prompts are those of sentence-transformers' files; without them: mean, 512, none.
 */
export async function readModelFolder(path: string): Promise<ModelFolder> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new ModelUnusable(path, 'there is no such folder: give the path of a model folder, the id of a model on the hub (owner/name), or "builtin"')
  if (!found.isDirectory()) throw new ModelUnusable(path, 'it is a file: give the folder that holds config.json, tokenizer.json and onnx/model.onnx')
  const missing: string[] = []
  for (const file of folderFiles.required) if (!(await exists(join(path, file)))) missing.push(file)
  const graph = await firstOf(path, graphs)
  if (graph === undefined) missing.push(`onnx/model.onnx (or ${graphs.slice(1).join(', ')})`)
  if (missing.length > 0) {
    throw new ModelUnusable(path, `the folder has no ${missing.join(' and no ')}: copy the whole repository of the model, and export it to ONNX if it has none (optimum-cli export onnx)`)
  }

  if (await isPointer(join(path, graph as string))) throw new ModelUnusable(path, `${graph} is a pointer to a large file: run "git lfs pull" in the folder`)

  const read = <Shape extends z.ZodType>(file: string, shape: Shape): Promise<z.output<Shape> | undefined> => readJson(path, file, shape)
  const about = await read('config.json', config)
  const settings = await read('tokenizer_config.json', tokenizerSettings)
  const parts = (await read('modules.json', modules)) ?? []
  const unknown = parts.find(({ type }) => !/\.(Transformer|Pooling|Normalize)$/.test(type))
  if (unknown !== undefined) throw new ModelUnusable(path, `modules.json names ${unknown.type}, which is not known here: Transformer, Pooling and Normalize are`)
  const poolingPath = parts.find(({ type }) => type.endsWith('.Pooling'))?.path ?? '1_Pooling'
  const positions = about?.max_position_embeddings === undefined ? usualTokens : about.max_position_embeddings - (reserved[about.model_type ?? ''] ?? 0)
  const limit = (await read('sentence_bert_config.json', sentence))?.max_seq_length ?? settings?.model_max_length ?? usualTokens
  const prompt = await read('config_sentence_transformers.json', prompts)
  const named = (...names: string[]): string => names.map((name) => prompt?.prompts[name]).find((text) => text !== undefined) ?? ''
  const fallback = prompt?.default_prompt_name == null ? '' : named(prompt.default_prompt_name)
  return {
    path, graph: join(path, graph as string),
    tokenizer: (await read('tokenizer.json', z.looseObject({ model: z.looseObject({}) }))) as object,
    tokenizerConfig: settings ?? {},
    pooling: poolingOf(path, await read(`${poolingPath}/config.json`, poolingConfig)),
    // Recall compares by angle, so that a model which does not say so is scaled as well.
    normalize: parts.length === 0 || parts.some(({ type }) => type.endsWith('.Normalize')),
    maxTokens: Math.min(limit, positions),
    prefixes: { query: named('query') || fallback, passage: named('passage', 'document') || fallback },
  }
}

function poolingOf(path: string, given: z.output<typeof poolingConfig> | undefined): Pooling {
  if (given === undefined || given.pooling_mode_mean_tokens) return 'mean'
  if (given.pooling_mode_cls_token) return 'cls'
  if (given.pooling_mode_max_tokens) return 'max'
  if (given.pooling_mode_lasttoken) return 'lasttoken'
  throw new ModelUnusable(path, 'its pooling is none of mean, cls, max and last token (1_Pooling/config.json)')
}

async function readJson<Shape extends z.ZodType>(folder: string, file: string, shape: Shape): Promise<z.output<Shape> | undefined> {
  const path = join(folder, file)
  if (!(await exists(path))) return undefined
  try {
    const text = await readFile(path, 'utf8')
    if (text.startsWith(pointer)) throw new Error('it is a pointer to a large file: run "git lfs pull" in the folder')
    return shape.parse(JSON.parse(text))
  } catch (error) {
    const problem = error instanceof z.ZodError ? error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; ') : messageOf(error)
    throw new ModelUnusable(folder, `${file} cannot be read (${problem}): copy it again from where the model came from`, error)
  }
}

const pointer = 'version https://git-lfs'

async function isPointer(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(pointer.length), 0, pointer.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === pointer
  } finally {
    await file.close()
  }
}

async function firstOf(folder: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await exists(join(folder, file))) return file
  return undefined
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return false
    throw error
  }
}
