import { InvalidArgument } from '../kernel/errors.ts'
import type { MemoryKind, MemoryState, ScopeFilter, SearchRequest, SimilarRequest } from './types.ts'

const kindNames: readonly MemoryKind[] = ['episodic', 'semantic']
const stateNames: readonly MemoryState[] = ['live', 'superseded', 'forgotten']
const maxLimit = 1_000
/** Characters of a query that are sent to the worker. */
const maxText = 100_000

/** What was asked, copied and checked. Throws `InvalidArgument`. */
export function checkedSearch(request: SearchRequest): SearchRequest {
  const { scope, limit, text, vector, model, minSeq, at, since, until, minTrust, kinds, includeStates } = request
  if (text === undefined && vector === undefined) throw new InvalidArgument('text', 'give a text, a vector or both')
  if (text !== undefined && typeof text !== 'string') throw new InvalidArgument('text', 'must be a string')
  for (const [field, value] of Object.entries({ minSeq, at, since, until, minTrust })) {
    if (value !== undefined && !Number.isFinite(value)) throw new InvalidArgument(field, 'must be a finite number')
  }
  checkNames('kinds', kinds, kindNames)
  checkNames('includeStates', includeStates, stateNames)
  return {
    scope: checkedScope(scope), limit: checkedLimit(limit), text: text?.slice(0, maxText), ...checkedVector(vector, model),
    minSeq, at, since, until, minTrust, kinds, includeStates,
  }
}

export function checkedSimilar(request: SimilarRequest): SimilarRequest {
  const { scope, limit, vector, model, threshold, kinds, includeStates } = request
  if (!Number.isFinite(threshold)) throw new InvalidArgument('threshold', 'must be a cosine, -1 to 1')
  checkNames('kinds', kinds, kindNames)
  checkNames('includeStates', includeStates, stateNames)
  const checked = checkedVector(vector, model)
  if (checked.vector === undefined || checked.model === undefined) throw new InvalidArgument('vector', 'is missing')
  return { scope: checkedScope(scope), limit: checkedLimit(limit), vector: checked.vector, model: checked.model, threshold, kinds, includeStates }
}

function checkNames(field: string, names: readonly string[] | undefined, known: readonly string[]): void {
  if (names === undefined) return
  if (!Array.isArray(names) || names.some((name) => !known.includes(name as string))) throw new InvalidArgument(field, `must be a list of ${known.join(', ')}`)
}

function checkedVector(vector: Float32Array | undefined, model: string | undefined): { vector?: Float32Array; model?: string } {
  if (vector === undefined) return {}
  if (!(vector instanceof Float32Array) || vector.length === 0) throw new InvalidArgument('vector', 'must be a Float32Array with numbers in it')
  if (!vector.every(Number.isFinite)) throw new InvalidArgument('vector', 'has numbers that are not finite')
  if (typeof model !== 'string' || model === '') throw new InvalidArgument('model', 'name the model that made the vector: vectors of two models cannot be compared')
  return { vector, model }
}

function checkedScope(scope: ScopeFilter): ScopeFilter {
  if (typeof scope !== 'object' || scope === null) throw new InvalidArgument('scope', 'must be an object; {} sees everything')
  for (const [part, value] of Object.entries(scope)) {
    if (!['project', 'agent', 'session'].includes(part)) throw new InvalidArgument(`scope.${part}`, 'is not known: project, agent and session are')
    if (value !== undefined && typeof value !== 'string') throw new InvalidArgument(`scope.${part}`, 'must be a string')
  }
  return { project: scope.project, agent: scope.agent, session: scope.session }
}

function checkedLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) throw new InvalidArgument('limit', `must be a whole number from 1 to ${maxLimit}`)
  return limit
}
