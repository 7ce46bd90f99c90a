import { EmbedderBusy, EmbedderUnavailable, HivemindError, InvalidArgument, MemoryFull, ModelUnusable } from '../../src/kernel/errors.ts'
import type { Document } from '../../src/store/ports.ts'
import type { Embeddings } from '../../src/embedding/types.ts'
import { addsNothing, nearSimilarity } from './duplicates.ts'
import { prepare } from './input.ts'
import type { Prepared } from './input.ts'
import type { View } from './parts.ts'
import { stamp } from './provenance.ts'
import { isWithin, narrow } from './scope.ts'
import type { MemoryInput, Stored } from './types.ts'
import { memoryId, memoryKey, packVector, scopeOf } from './value.ts'
import type { Value } from './value.ts'

/** Larger calls are an import: they are held against what is there by their text alone, and consolidation finds what is alike. */
const nearCheckItems = 64
/** One that others change at the same time is tried again so often. */
const attempts = 5
/** Of a record in the store besides its text. */
const recordBytes = 600

interface Candidate extends Prepared {
  id: string
  value: Value
  /** Version to write over: 0 for a new one. */
  expect: number
}

/** What a derived memory carries besides. */
export interface Derivation {
  derivedFrom: readonly string[]
  trust: number
  source: string
}

/** Checks everything first, so that a wrong item stores nothing; then redacted text alone goes on. */
export async function store(view: View, items: readonly MemoryInput[], derivation?: Derivation): Promise<Stored[]> {
  if (!Array.isArray(items)) throw new InvalidArgument('items', 'must be a memory or an array of memories')
  const one = items.length === 1
  const prepared = items.map((item, index) => {
    const ready = prepare(item, one ? '' : `items[${index}]`, view.limits.textBytes)
    return { ...ready, scope: narrow(view.scope, ready.scope) }
  })
  await checkSuperseded(view, prepared)

  const results: Stored[] = Array.from({ length: items.length })
  const fresh = new Map<string, number>()
  const candidates: Candidate[] = []
  const known = await present(view, prepared.map(({ kind, scope, text }) => memoryId(kind, scope, text)))
  for (const [index, item] of prepared.entries()) {
    const id = memoryId(item.kind, item.scope, item.text)
    const there = known.get(id)
    const duplicate = fresh.has(id) || (there !== undefined && (there.value as Value).state === 'live')
    results[index] = { id, redactions: item.redactions, ...(duplicate && { duplicateOf: id }) }
    if (duplicate) continue
    fresh.set(id, index)
    candidates.push({ ...item, id, value: valueOf(view, item, derivation), expect: there?.version ?? 0 })
  }
  if (candidates.length === 0) return results

  const embedded = await tryEmbed(view, candidates.map(({ text }) => text))
  const wanted = candidates.length <= nearCheckItems && embedded !== undefined ? await withoutNear(view, candidates, embedded, results, fresh) : candidates
  await checkRoom(view, wanted)
  await write(view, wanted, new Map(candidates.map(({ id }, index) => [id, embedded?.vectors[index]])), embedded?.model)
  await supersede(view, wanted)
  const stored = wanted.map(({ id }) => id)
  if (stored.length > 0) view.bus.publish('memory.stored', { ids: stored.slice(0, 100), count: stored.length })
  return results
}

function valueOf(view: View, item: Prepared, derivation: Derivation | undefined): Value {
  const now = Math.trunc(view.clock.now())
  const { source, trust } = derivation ?? stamp(view.channel, view.name, item.source)
  return {
    text: item.text, kind: item.kind, state: 'live', at: item.at ?? now, storedAt: now, source, trust, ...item.scope,
    ...(derivation !== undefined && { derivedFrom: [...derivation.derivedFrom] }),
    ...(item.metadata !== undefined && { metadata: item.metadata }),
  }
}

async function present(view: View, ids: readonly string[]): Promise<Map<string, Document>> {
  const unique = [...new Set(ids)]
  const found = await view.documents.get(unique.map(memoryKey))
  return new Map(found.flatMap((document, index) => (document === undefined ? [] : [[unique[index] as string, document]])))
}

/** Vectors, or none while nothing can be embedded: the memory is kept all the same, and gets its vector later. */
async function tryEmbed(view: View, texts: readonly string[]): Promise<Embeddings | undefined> {
  try {
    return await view.embedder.embed(texts, { purpose: 'passage' })
  } catch (error) {
    if (!(error instanceof EmbedderUnavailable || error instanceof ModelUnusable || error instanceof EmbedderBusy)) throw error
    view.onProblem(error)
    view.onUnembedded()
    return undefined
  }
}

/** Leaves out those that say in other words no more than a memory of the same scope. */
async function withoutNear(view: View, candidates: readonly Candidate[], { vectors, model }: Embeddings, results: Stored[], fresh: Map<string, number>): Promise<Candidate[]> {
  const kept: Candidate[] = []
  const verdicts = await Promise.all(candidates.map(async ({ text, kind, scope, id }, index) => {
    try {
      const near = await view.index.similar({ vector: vectors[index] as Float32Array, model, scope, threshold: nearSimilarity, limit: 5, kinds: [kind] })
      // A wider scope is another place: what is said there may be about something else.
      return near.find((other) => other.id !== id && sameScope(scopeOf(other.data as Value), scope) && addsNothing(text, other.text))
    } catch (error) {
      if (!(error instanceof HivemindError)) throw error
      view.onProblem(error)
      return undefined
    }
  }))
  for (const [index, candidate] of candidates.entries()) {
    const near = verdicts[index]
    if (near === undefined) {
      kept.push(candidate)
      continue
    }
    const at = fresh.get(candidate.id) as number
    results[at] = { id: near.id, duplicateOf: near.id, redactions: candidate.redactions }
  }
  return kept
}

function sameScope(one: Prepared['scope'], two: Prepared['scope']): boolean {
  return one.project === two.project && one.agent === two.agent && one.session === two.session
}

async function checkRoom(view: View, wanted: readonly Candidate[]): Promise<void> {
  const bytes = new Map<string, number>()
  for (const { scope, text } of wanted) bytes.set(scope.project ?? '', (bytes.get(scope.project ?? '') ?? 0) + Buffer.byteLength(text) + recordBytes)
  for (const [project, sum] of bytes) await view.quota.check(project, sum)
}

async function write(view: View, wanted: readonly Candidate[], vectors: ReadonlyMap<string, Float32Array | undefined>, model: string | undefined): Promise<void> {
  let left = wanted
  for (let attempt = 1; left.length > 0; attempt++) {
    const written = await view.documents.write(left.map(({ id, value, expect }) => {
      const vector = vectors.get(id)
      return { key: memoryKey(id), value: vector === undefined ? value : { ...value, model }, expect, ...(vector !== undefined && { bytes: packVector(vector) }) }
    }))
    const again: Candidate[] = []
    for (const [index, result] of written.entries()) {
      if (result.ok) continue
      if (result.reason === 'quota') throw new MemoryFull('the hive', result.bytes, result.quotaBytes)
      // Somebody else stored it meanwhile: that is what was wanted. Somebody forgot it: it is live again.
      const { current } = result
      if (current !== undefined && (current.value as Value).state === 'live') continue
      again.push({ ...(left[index] as Candidate), expect: current?.version ?? 0 })
    }
    if (again.length > 0 && attempt >= attempts) throw new InvalidArgument('text', 'is stored and forgotten by others over and over: try again')
    left = again
  }
  view.unread.own = true
}

/** Before anything is written: what is to be replaced exists and may be touched. */
async function checkSuperseded(view: View, prepared: readonly Prepared[]): Promise<void> {
  for (const [index, { supersedes }] of prepared.entries()) {
    if (supersedes.length === 0) continue
    const documents = await view.documents.get(supersedes.map(memoryKey))
    for (const [at, document] of documents.entries()) {
      const field = prepared.length === 1 ? `supersedes[${at}]` : `items[${index}].supersedes[${at}]`
      // Of what is outside of the view nobody is told whether it exists.
      if (document === undefined || !isWithin(view.scope, scopeOf(document.value as Value))) throw new InvalidArgument(field, `there is no memory "${supersedes[at]}"`)
    }
  }
}

async function supersede(view: View, wanted: readonly Candidate[]): Promise<void> {
  const now = Math.trunc(view.clock.now())
  for (const { id: by, supersedes, value: { at } } of wanted) {
    const ids = supersedes.filter((id) => id !== by)
    await change(view, ids, (value) => (value.state === 'live' ? { ...value, state: 'superseded', validTo: at ?? now, supersededBy: by } : undefined))
  }
}

/**
 * Changes memories one by one, against whatever others do to them: `next` gets the value as it is, and gives the new one, or
 * undefined to leave it. Returns the ids that were changed.
 */
export async function change(view: Pick<View, 'documents' | 'unread'>, ids: readonly string[], next: (value: Value) => Value | undefined): Promise<string[]> {
  const changed: string[] = []
  let left = await view.documents.get(ids.map(memoryKey))
  for (let attempt = 1; left.length > 0; attempt++) {
    const writes = left.flatMap((document) => {
      const value = document === undefined ? undefined : next(document.value as Value)
      return document === undefined || value === undefined ? [] : [{ key: document.key, value, expect: document.version, ...(document.bytes !== undefined && { bytes: document.bytes }) }]
    })
    if (writes.length === 0) break
    const written = await view.documents.write(writes)
    const again: (Document | undefined)[] = []
    for (const [index, result] of written.entries()) {
      const { key } = writes[index] as (typeof writes)[number]
      if (result.ok) changed.push(ids.find((id) => memoryKey(id) === key) as string)
      else if (result.reason === 'conflict' && attempt < attempts) again.push(result.current)
    }
    left = again
  }
  view.unread.own = true
  return changed
}
