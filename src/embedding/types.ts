/** What a text is embedded for: models that were trained with prompts want to be told. */
export type Purpose = 'query' | 'passage'

export interface EmbedOptions {
  /** Default `passage`. */
  purpose?: Purpose
  /** Rejects with `Cancelled` when it aborts; texts nobody else waits for are dropped. */
  signal?: AbortSignal
}

export interface Embeddings {
  /** One a text, in order, of length 1. */
  vectors: Float32Array[]
  /** Whether the vector was known before this call. */
  cached: boolean[]
  /** SHA-256 (lower-case hex) of model, prompt and text: names the vector wherever it is kept. */
  hashes: string[]
  model: string
  dimension: number
}

/** What a model says of itself. Vectors of two models are comparable when their keys are equal, and only then. */
export interface ModelInfo {
  /** Name and content hash, as in `hivemind-static-256@1a2b3c4d`. */
  key: string
  dimension: number
  /** Tokens of a text that are read; the rest is cut. */
  maxTokens: number
}

/** Characters of a text that can count, generously: a token has hardly more than a word and its blanks. */
export function readCharacters(maxTokens: number): number {
  return maxTokens * 128 + 4_096
}

/** Texts to vectors. */
export interface Embedder {
  /** The model in force. Rejects with `EmbedderUnavailable` or `ModelUnusable`. */
  info(): Promise<ModelInfo>
  /**
   * Throws `EmbedderBusy` when the queue is full (`offer` by waiting and asking again), `EmbedderUnavailable` when no worker can be
   * had, `InvalidArgument` for what is no text.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Embeddings>
}

/** A model inside one thread. */
export interface EmbeddingModel extends ModelInfo {
  /** Vectors of length 1, in order; a text without any token gives the zero vector. */
  embed(texts: readonly string[], purpose: Purpose): Promise<Float32Array[]>
  close(): Promise<void>
}

/** Where a model comes from, as resolved on the main thread before a worker is started. */
export type ModelSource =
  | { kind: 'builtin' }
  /** A folder in the layout of the Hugging Face hub. */
  | { kind: 'folder'; path: string; queryPrefix?: string; passagePrefix?: string; threads: number }
