import { messageOf } from '../../src/kernel/errors.ts'
import { catalogue, ttlMs } from '../../src/store/keys.ts'
import { byOf } from './audit.ts'
import type { View } from './parts.ts'
import { injectableTrust } from './provenance.ts'
import { checkScope, narrow } from './scope.ts'
import { scopeCondition } from './select.ts'
import { segment } from './segment.ts'
import type { Episode } from './segment.ts'
import { change, store } from './store.ts'
import { summarise } from './summary.ts'
import { cleanText } from './input.ts'
import type { Consolidated, ConsolidateOptions, Scope } from './types.ts'

/** Episodes looked at in one call; the rest waits for the next. */
const pageEpisodes = 2_000

interface Row extends Omit<Episode, 'vector'> {
  num: number
  project: string
  agent: string
}

/**
 * Takes the episodes of a session that were not consolidated yet, in the order they happened, cuts them where the topic drifts, and
 * keeps what each part says as a semantic memory of the project and agent, linked to its sources and trusted as the least of them.
 */
export async function consolidate(view: View, session: string, options: ConsolidateOptions): Promise<Consolidated> {
  const scope = narrow(view.scope, { ...checkScope(options.scope), ...checkScope({ session }) })
  const key = catalogue.memoryConsolidation.build(JSON.stringify([scope.project ?? '', scope.agent ?? '', session]))
  const stood = await view.records.get(key)
  const upTo = (stood?.value as { num: number } | undefined)?.num ?? 0
  const rows = await episodes(view, scope, upTo)
  if (rows.length === 0) return { made: [], episodes: 0 }

  const made = new Set<string>()
  for (const { scope: of, rows: group } of byPlace(rows)) {
    const { vectors } = await view.embedder.embed(group.map(({ text }) => text), { purpose: 'passage', ...(options.signal !== undefined && { signal: options.signal }) })
    const ordered = group.map((row, index): Episode => ({ ...row, vector: vectors[index] as Float32Array })).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    for (const part of segment(ordered)) {
      const id = await keep(view, of, part, options)
      if (id !== undefined) made.add(id)
    }
  }
  await view.records.put(key, { num: Math.max(...rows.map(({ num }) => num)) }, { ttlMs: ttlMs.session })
  if (made.size > 0) await view.audit.note({ by: byOf(view), action: 'consolidate', count: made.size, ids: [...made], scope })
  view.bus.publish('memory.consolidated', { session, made: made.size, episodes: rows.length })
  return { made: [...made], episodes: rows.length }
}

async function episodes(view: View, scope: Scope, after: number): Promise<Row[]> {
  const { where, params } = scopeCondition(scope)
  const rows = await view.database.all(
    `SELECT num, id, text, at, trust, project, agent FROM memories WHERE kind = 'episodic' AND state = 'live'${where} AND num > ? ORDER BY num LIMIT ${pageEpisodes}`, [...params, after],
  )
  return rows as unknown as Row[]
}

/**
 * What belongs to one project and agent is never mixed with another's, and what is trusted never with what is not: the one would
 * lend the other its weight, or lose its own.
 */
function byPlace(rows: readonly Row[]): { scope: Scope; rows: Row[] }[] {
  const groups = new Map<string, { scope: Scope; rows: Row[] }>()
  for (const row of rows) {
    const key = JSON.stringify([row.project, row.agent, row.trust >= injectableTrust])
    const group = groups.get(key) ?? { scope: { ...(row.project !== '' && { project: row.project }), ...(row.agent !== '' && { agent: row.agent }) }, rows: [] }
    group.rows.push(row)
    groups.set(key, group)
  }
  return [...groups.values()]
}

async function keep(view: View, scope: Scope, part: readonly Episode[], options: ConsolidateOptions): Promise<string | undefined> {
  const text = await textOf(view, part, options)
  if (text === '') return undefined
  const trust = Math.min(...part.map((episode) => episode.trust))
  const sources = part.map(({ id }) => id)
  const at = Math.max(...part.map((episode) => episode.at))
  // The session is where it came from; what was learnt there holds beyond it.
  const unbound: View = { ...view, scope: { ...view.scope, session: undefined } }
  const [stored] = await store(unbound, [{ text, kind: 'semantic', scope, at }], { derivedFrom: sources, trust, source: byOf({ ...view, channel: 'program', name: 'consolidation' }) })
  if (stored?.duplicateOf === undefined) return stored?.id
  // Known already: these say so too, and it is trusted as the least of all of them.
  await change(view, [stored.id], (value) => {
    const all = [...new Set([...(value.derivedFrom ?? []), ...sources])]
    return value.derivedFrom === undefined || all.length === value.derivedFrom.length ? undefined : { ...value, derivedFrom: all, trust: Math.min(value.trust, trust) }
  })
  return stored.id
}

async function textOf(view: View, part: readonly Episode[], { summarise: better, signal }: ConsolidateOptions): Promise<string> {
  const texts = part.map(({ text }) => text)
  if (better !== undefined) {
    try {
      const { text } = cleanText(await better(texts, signal), 'summary')
      if (text !== '') return text.slice(0, view.limits.textBytes / 4)
    } catch (error) {
      signal?.throwIfAborted()
      view.onProblem(new Error(`the summary of ${part.length} episodes failed (${messageOf(error)}): they were summarised in their own words`, { cause: error }))
    }
  }
  return summarise(texts, async (sentences) => (await view.embedder.embed(sentences, { purpose: 'passage', ...(signal !== undefined && { signal }) })).vectors)
}
