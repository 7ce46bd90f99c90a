import { Cancelled, EmbedderBusy, EmbedderUnavailable, InvalidArgument, ModelUnusable } from '../../src/kernel/errors.ts'
import type { Embeddings } from '../../src/embedding/types.ts'
import type { Hit, SearchRequest, SearchResult } from '../../src/vectors/types.ts'
import { cleanText, timeOf } from './input.ts'
import type { View } from './parts.ts'
import { checkScope, narrow } from './scope.ts'
import type { MemoryKind, Recalled, RecallRequest, RecallResult } from './types.ts'
import { scopeOf } from './value.ts'
import type { Value } from './value.ts'

const known = new Set(['query', 'limit', 'scope', 'kinds', 'since', 'until', 'minTrust', 'maxTokens', 'signal'])
const maxLimit = 1_000
/** Of a query, characters: what is longer is no question, and its beginning is searched for. */
const queryLength = 4_000
const charactersPerToken = 4
/** How long a large write of this process may hold up its own questions, ms. */
const ownWritesMs = 3_000

/** Meaning and words together, or words alone when nothing can be embedded. */
export async function recall(view: View, request: RecallRequest): Promise<RecallResult> {
  if (typeof request !== 'object' || request === null) throw new InvalidArgument('request', 'must be an object with a query')
  const unknown = Object.keys(request).find((name) => !known.has(name))
  if (unknown !== undefined) throw new InvalidArgument(unknown, `is not known: recall takes ${[...known].join(', ')}`)
  const { limit = 10, minTrust, maxTokens, signal } = request
  whole('limit', limit, 1, maxLimit)
  if (maxTokens !== undefined) whole('maxTokens', maxTokens, 1, Number.MAX_SAFE_INTEGER)
  if (minTrust !== undefined && !(minTrust >= 0 && minTrust <= 1)) throw new InvalidArgument('minTrust', 'must be a number from 0 to 1')
  const { text } = cleanText(request.query, 'query')
  if (text === '') throw new InvalidArgument('query', 'must not be empty')
  const query = text.slice(0, queryLength)
  const scope = narrow(view.scope, checkScope(request.scope))
  const filter = {
    scope, limit, text: query,
    ...(request.kinds !== undefined && { kinds: kindsOf(request.kinds) }),
    ...(request.since !== undefined && { since: timeOf(request.since, 'since') }),
    ...(request.until !== undefined && { until: timeOf(request.until, 'until') }),
    ...(minTrust !== undefined && { minTrust }),
    at: view.clock.now(),
  }

  const embedded = await tryEmbed(view, query, signal)
  const found = await search(view, { ...filter, ...(embedded.vector !== undefined && { vector: embedded.vector, model: embedded.model }) }, signal)
  const hits = within(found.hits.map(toRecalled), maxTokens)
  if (embedded.notice !== undefined) return { hits, mode: 'keyword', notice: embedded.notice }
  if (found.mode !== 'keyword') return { hits, mode: 'hybrid' }
  return { hits, mode: 'keyword', ...(hits.length > 0 && { notice: `no memory here has a vector of ${embedded.model} yet: found by words alone` }) }
}

/** The index reads what is new before it answers, for a while; own writes are waited for longer. */
async function search(view: View, request: SearchRequest, signal: AbortSignal | undefined): Promise<SearchResult> {
  const { own } = view.unread
  const until = view.clock.monotonic() + ownWritesMs
  for (;;) {
    const found = await view.index.search(request, signal === undefined ? {} : { signal })
    if (found.behind === 0) view.unread.own = false
    if (found.behind === 0 || !own || view.clock.monotonic() > until) return found
  }
}

async function tryEmbed(view: View, query: string, signal: AbortSignal | undefined): Promise<{ vector?: Float32Array; model?: string; notice?: string }> {
  let made: Embeddings
  try {
    made = await view.embedder.embed([query], { purpose: 'query', ...(signal !== undefined && { signal }) })
  } catch (error) {
    if (error instanceof Cancelled || !(error instanceof EmbedderUnavailable || error instanceof ModelUnusable || error instanceof EmbedderBusy)) throw error
    view.onProblem(error)
    return { notice: `found by words alone: ${error.message}` }
  }
  const [vector] = made.vectors as [Float32Array]
  // A text without one known token has no direction to compare.
  return vector.some((value) => value !== 0) ? { vector, model: made.model } : { notice: 'found by words alone: the query has no word that the model knows' }
}

function toRecalled({ id, text, kind, project, agent, session, at, trust, score, parts, data }: Hit): Recalled {
  const { source, metadata } = data as Value
  return { id, text, kind, scope: scopeOf({ project, agent, session }), at, source, trust, score, why: parts, ...(metadata !== undefined && { metadata }) }
}

/** The best that fit together; the first one always does. */
function within(hits: Recalled[], maxTokens: number | undefined): Recalled[] {
  if (maxTokens === undefined) return hits
  let left = maxTokens * charactersPerToken
  return hits.filter(({ text }, index) => {
    left -= text.length
    return index === 0 || left >= 0
  })
}

export function kindsOf(kinds: unknown): MemoryKind[] {
  if (!Array.isArray(kinds) || kinds.some((kind) => kind !== 'episodic' && kind !== 'semantic')) throw new InvalidArgument('kinds', 'must be an array of "episodic" and "semantic"')
  return kinds as MemoryKind[]
}

export function whole(field: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) throw new InvalidArgument(field, `must be a whole number from ${min} to ${max}`)
}
