import type { HitParts, MemoryKind, MemoryState, ScopeFilter } from '../../src/vectors/types.ts'
import type { Redaction } from '../../src/redaction/types.ts'

export type { HitParts, MemoryKind, MemoryState }

/** Where a memory belongs. Asked for, each given field must be equal; a field that is not given is not looked at. */
export type Scope = ScopeFilter

/** Through which door a memory comes in. It decides how far it is trusted. */
export type Channel = 'user' | 'program' | 'agent' | 'import' | 'tool' | 'web'

export interface MemoryInput {
  text: string
  /** Default `episodic`: something that happened. `semantic`: something that holds. */
  kind?: MemoryKind
  scope?: Scope
  /** Who says so, in a word or two: `WebFetch`, `tool:WebFetch`. A channel before the colon lowers the trust, and never raises it. */
  source?: string
  /** When it happened: ms since 1970, or ISO 8601. Default: now. */
  at?: number | string
  /** Ids of memories that hold no longer because of this one. */
  supersedes?: string | readonly string[]
  /** Kept with it and given back; JSON, 16 KB at most. */
  metadata?: Record<string, unknown>
}

export interface Stored {
  id: string
  /** The memory that says the same; nothing was added. */
  duplicateOf?: string
  /** Secrets that were taken out before anything else was done with the text. */
  redactions: Redaction[]
}

export interface RecallRequest {
  query: string
  /** Default 10, at most 1,000. */
  limit?: number
  scope?: Scope
  kinds?: readonly MemoryKind[]
  /** Not older than: ms since 1970, or ISO 8601. */
  since?: number | string
  until?: number | string
  /** 0 to 1. Default 0: all. */
  minTrust?: number
  /** Stop before the texts exceed about so many tokens (4 characters each). */
  maxTokens?: number
  signal?: AbortSignal
}

export interface Recalled {
  id: string
  text: string
  kind: MemoryKind
  scope: Scope
  /** When it happened: ms since 1970. */
  at: number
  /** `channel` or `channel:name`, as stamped by the runtime. */
  source: string
  /** 0 to 1; of a memory made from others, the least of theirs. */
  trust: number
  /** Comparable within one answer only. */
  score: number
  why: HitParts
  metadata?: Record<string, unknown>
}

export interface RecallResult {
  hits: Recalled[]
  /** `keyword`: nothing could be embedded, or no memory has a vector of this model yet; `notice` says which. */
  mode: 'hybrid' | 'keyword'
  notice?: string
}

/** One memory as it is kept. */
export interface MemoryRecord {
  id: string
  version: number
  text: string
  kind: MemoryKind
  state: MemoryState
  scope: Scope
  at: number
  storedAt: number
  source: string
  trust: number
  /** Until when it held, and what took its place. */
  validTo?: number
  supersededBy?: string
  forgottenAt?: number
  /** Ids of the memories it was made from. */
  derivedFrom?: string[]
  metadata?: Record<string, unknown>
}

/** Which memories: by id, or all that fit the filter. A filter needs a scope, or `all: true`. */
export type Selection =
  | { ids: readonly string[] }
  | { scope?: Scope; kinds?: readonly MemoryKind[]; before?: number | string; all?: boolean }

export interface Selected {
  count: number
  /** The first hundred. */
  ids: string[]
}

export interface AuditEntry {
  /** Position, to go on from. */
  entry: string
  at: number
  by: string
  action: 'forget' | 'restore' | 'purge' | 'consolidate' | 'import'
  count: number
  /** The first hundred; never those of purged memories, because an id is made from the text. */
  ids: string[]
  scope?: Scope
}

export interface Consolidated {
  /** Semantic memories that were made or extended. */
  made: string[]
  /** Episodes that went into them. */
  episodes: number
}

export interface ConsolidateOptions {
  scope?: Scope
  /** A better summary of what belongs together; what it throws is told and the plain summary taken. */
  summarise?(texts: readonly string[], signal?: AbortSignal): Promise<string>
  signal?: AbortSignal
}

export interface Imported {
  stored: number
  duplicates: number
  /** Lines that could not be taken, the first hundred; lines count from 1. */
  refused: { line: number; problem: string }[]
  refusedCount: number
}

export interface MemoryStats {
  memories: number
  vectors: number
  model?: string
  /** Memories that wait for a vector of the present model. */
  unembedded: number
  lagMs?: number
  source: 'embedded' | 'connected' | 'outage'
}

/** What is known, by everybody who shares it. All calls stay within the scope and the channel of the view they are made on. */
export interface Memory {
  /**
   * Durable when it returns. Secrets are taken out first. Throws `InvalidArgument` naming the field, before anything is stored;
   * `MemoryFull` when the budget of the project is used up; `ScopeForbidden` outside the scope of this view.
   */
  store(item: MemoryInput): Promise<Stored>
  store(items: readonly MemoryInput[]): Promise<Stored[]>
  recall(request: RecallRequest): Promise<RecallResult>
  get(id: string): Promise<MemoryRecord | undefined>
  /** The latest that happened, newest first. */
  recent(options?: { scope?: Scope; kinds?: readonly MemoryKind[]; limit?: number; minTrust?: number }): Promise<MemoryRecord[]>
  /** Takes memories out of every answer; `restore` brings them back. With `dryRun` nothing happens. */
  forget(selection: Selection, options?: { dryRun?: boolean }): Promise<Selected>
  restore(selection: Selection, options?: { dryRun?: boolean }): Promise<Selected>
  /** Removes them for good, everywhere, together with what was made from them: for a secret that should never have been there. */
  purge(selection: Selection, options?: { dryRun?: boolean }): Promise<Selected>
  /** What was taken away, brought back or brought in, oldest first. */
  audit(options?: { after?: string; limit?: number }): Promise<AuditEntry[]>
  /** Makes semantic memories of the episodes of a session. Going on where it stood; the same episodes give the same memories. */
  consolidate(session: string, options?: ConsolidateOptions): Promise<Consolidated>
  /** One JSON line a memory, without vectors. */
  export(options?: { scope?: Scope; states?: readonly MemoryState[] }): AsyncIterable<string>
  /** Takes lines of `export`, again and again without harm. Nothing is trusted more than an import. */
  import(lines: AsyncIterable<string> | Iterable<string>): Promise<Imported>
  stats(): Promise<MemoryStats>
  /** A view on the same memories: everything done through it is stamped with the channel, and cannot leave the scope. */
  as(view: { channel?: Channel; name?: string; scope?: Scope }): Memory
}
