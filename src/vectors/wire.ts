import { RecallBehind } from '../kernel/errors.ts'
import { fromWire as fromStore, toWire as toStore } from '../store/sqlite/wire.ts'
import type { WireError } from '../store/sqlite/wire.ts'
import type { RecallProblem, RecallStats, SearchRequest, SearchResult, SimilarRequest, Similar } from './types.ts'

export interface WorkerOptions {
  dataDir: string
  database: string
  /** See `RecallOptions`. */
  buildAt?: number
}

export type SearchCall = SearchRequest & { now: number }
export type SimilarCall = SimilarRequest

export type Call = { name: 'search'; args: SearchCall } | { name: 'similar'; args: SimilarCall } | { name: 'stats'; args: undefined } | { name: 'rebuild'; args: undefined }
export interface Results {
  search: SearchResult
  similar: Similar[]
  stats: Omit<RecallStats, 'restarts' | 'queued'>
  rebuild: void
}

export type ToWorker = { kind: 'call'; id: number; call: Call } | { kind: 'close' }
export type FromWorker = { kind: 'result'; id: number; value: unknown } | { kind: 'failed'; id: number; error: WireError } | { kind: 'problem'; problem: RecallProblem }

export function toWire(error: unknown): WireError {
  const wire = toStore(error)
  if (error instanceof RecallBehind) wire.made = [error.wanted, error.reached]
  return wire
}

export function fromWire(wire: WireError): Error {
  if (wire.name === RecallBehind.name) return new RecallBehind(wire.made![0] as number, wire.made![1] as number)
  return fromStore(wire)
}
