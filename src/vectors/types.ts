import type { Clock } from '../kernel/clock.ts'

/** Which memories a caller may see: each given field must be equal. Applied before anything is ranked. */
export interface ScopeFilter {
  project?: string
  agent?: string
  session?: string
}

export type MemoryKind = 'episodic' | 'semantic'
export type MemoryState = 'live' | 'superseded' | 'forgotten'

export interface SearchRequest {
  scope: ScopeFilter
  /** 1 to 1,000. */
  limit: number
  /** Ranked by keywords (BM25). At least one of `text` and `vector` is needed. */
  text?: string
  /** Of length 1, made by `model`. A dimension other than that of the model's stored vectors is refused with `InvalidArgument`. */
  vector?: Float32Array
  model?: string
  kinds?: readonly MemoryKind[]
  /** ms since 1970, both inclusive, on the time a memory is of. */
  since?: number
  until?: number
  /** The moment that recency is reckoned from, ms since 1970. Default: now. */
  at?: number
  minTrust?: number
  /** Default: `live` only. */
  includeStates?: readonly MemoryState[]
  /** Fails with `RecallBehind` when changes up to this one cannot be read from the file. */
  minSeq?: number
}

/** Why a memory was found. */
export interface HitParts {
  /** `similarity`: cosine, -1 to 1. Ranks begin at 1 and count what passed the filter. */
  vector?: { rank: number; similarity: number }
  /** `score`: BM25. `terms`: words of the query, as they were asked, that it contains. */
  keyword?: { rank: number; score: number; terms: string[] }
  /** Share of `score` owed to its age. */
  recency: number
  /** Share of `score` owed to the memories before and after it in its session that match too. */
  neighbours?: number
}

export interface Hit {
  num: number
  id: string
  version: number
  project: string
  agent: string
  session: string
  kind: MemoryKind
  state: MemoryState
  at: number
  trust: number
  text: string
  data: unknown
  /** Comparable within one answer only. */
  score: number
  parts: HitParts
}

export type SearchMode = 'hybrid' | 'keyword' | 'vector'

export interface SearchResult {
  hits: Hit[]
  /** What it was ranked by. `keyword` although a vector was given: no memory has a vector of that model yet. */
  mode: SearchMode
  /** Candidates that were ranked. */
  scanned: number
  /** Number of the last change that the answer takes in. */
  seq: number
  /** Changes in the file that the index has not read yet: more than 0 only while it catches up with a large import. */
  behind: number
}

export interface SimilarRequest {
  vector: Float32Array
  model: string
  scope: ScopeFilter
  /** Cosine, at least. */
  threshold: number
  limit: number
  kinds?: readonly MemoryKind[]
  /** Default: `live` only. */
  includeStates?: readonly MemoryState[]
}

export interface Similar {
  num: number
  id: string
  similarity: number
  text: string
  data: unknown
}

export interface RecallStats {
  /** Rows that can be found, of all states but `gone`. */
  memories: number
  /** Of them, in the shared base and in this process's delta. */
  base: number
  delta: number
  seq: number
  behind: number
  models: { model: string; dimension: number; vectors: number }[]
  /** Bytes on disk of the base. */
  baseBytes: number
  building: boolean
  /** Worker threads that ended by themselves since the index was opened. */
  restarts: number
  queued: number
}

export interface RecallProblem {
  kind: 'damaged' | 'build-failed' | 'worker-exit' | 'row-refused' | 'usearch-missing'
  message: string
}

export interface RecallOptions {
  dataDir: string
  /** The SQLite file that holds the table `memories`. */
  database: string
  clock: Clock
  /** Something a person should know that is no failure of a call. Must not throw. */
  onProblem(problem: RecallProblem): void
  /** Requests waiting or under way at most; `RecallBusy` beyond. Default 1,000. */
  maxQueued?: number
  /** Rows of the delta from which a new base is built in the background. Default 4,000, and an eighth of the base when that is more. */
  buildAt?: number
}

export interface CallOptions {
  /** Rejects with `Cancelled`; a request that has not begun is dropped. */
  signal?: AbortSignal
}

export interface RecallIndex {
  search(request: SearchRequest, options?: CallOptions): Promise<SearchResult>
  /** Near-duplicates, by vector alone, best first. */
  similar(request: SimilarRequest, options?: CallOptions): Promise<Similar[]>
  stats(): Promise<RecallStats>
  /** Builds a new base from the table and takes it into use. Settles when that is done, or rejects with `RecallFailed`. */
  rebuild(): Promise<void>
  /** Ends the worker. Harmless when done twice; what waits rejects with `RecallClosed`. */
  close(): Promise<void>
}
