import { hashOf } from '../embedder-pool/texts.ts'
import { catalogue } from '../../src/store/keys.ts'
import { byOf } from './audit.ts'
import type { View } from './parts.ts'
import { select } from './select.ts'
import { change } from './store.ts'
import type { AuditEntry, MemoryState, Selected, Selection } from './types.ts'
import { memoryKey } from './value.ts'
import type { Value } from './value.ts'

const shownIds = 100
/** Changed in one call of the store. */
const pageIds = 500
const everyState: readonly MemoryState[] = ['live', 'superseded', 'forgotten']

export function forget(view: View, selection: Selection, dryRun: boolean): Promise<Selected> {
  const now = Math.trunc(view.clock.now())
  return alter(view, 'forget', selection, ['live', 'superseded'], dryRun, (value) => (value.state === 'forgotten' ? undefined : { ...value, state: 'forgotten', forgottenAt: now }))
}

/** Brings back what was forgotten, and what was superseded when it is named. */
export function restore(view: View, selection: Selection, dryRun: boolean): Promise<Selected> {
  const states: MemoryState[] = 'ids' in selection ? ['forgotten', 'superseded'] : ['forgotten']
  return alter(view, 'restore', selection, states, dryRun, ({ forgottenAt: _, validTo: __, supersededBy: ___, ...value }) => (value.state === 'live' ? undefined : { ...value, state: 'live' }))
}

async function alter(view: View, action: 'forget' | 'restore', selection: Selection, states: readonly MemoryState[], dryRun: boolean, next: (value: Value) => Value | undefined): Promise<Selected> {
  const { ids, scope } = await select(view, selection, states)
  if (dryRun) return shown(ids)
  const changed: string[] = []
  for (let from = 0; from < ids.length; from += pageIds) changed.push(...await change(view, ids.slice(from, from + pageIds), next))
  await told(view, { by: byOf(view), action, count: changed.length, ids: changed, scope })
  return shown(changed)
}

/** Also takes what was made from them, and their vectors out of the caches; the index is built anew without their words. */
export async function purge(view: View, selection: Selection, dryRun: boolean): Promise<Selected> {
  const { ids: named, scope } = await select(view, selection, everyState)
  const ids = await derivedFrom(view, named)
  if (dryRun) return shown(ids)
  for (let from = 0; from < ids.length; from += pageIds) {
    const keys = ids.slice(from, from + pageIds).map(memoryKey)
    const documents = await view.documents.get(keys)
    const vectors = documents.flatMap((document) => {
      const { model, text } = (document?.value ?? {}) as Partial<Value>
      return model === undefined || text === undefined ? [] : [catalogue.embedding.build(hashOf(model, 'passage', text))]
    })
    await view.documents.erase(keys)
    await view.cache.delete(vectors)
  }
  if (ids.length > 0) await view.index.rebuild()
  await told(view, { by: byOf(view), action: 'purge', count: ids.length, ids: [], scope })
  return shown(ids)
}

/** Memories whose text was made from one of these, or from one that was, and so may quote it. */
async function derivedFrom(view: View, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await view.database.all("SELECT id, json_extract(data, '$.derivedFrom') AS sources FROM memories WHERE kind = 'semantic' AND state != 'gone' AND json_extract(data, '$.derivedFrom') IS NOT NULL")
  const derived = rows.map(({ id, sources }) => ({ id: String(id), sources: JSON.parse(String(sources)) as string[] }))
  const found = new Set(ids)
  for (let before = 0; before < found.size;) {
    before = found.size
    for (const { id, sources } of derived) if (sources.some((source) => found.has(source))) found.add(id)
  }
  return [...found]
}

async function told(view: View, entry: Omit<AuditEntry, 'entry' | 'at'>): Promise<void> {
  if (entry.count === 0) return
  await view.audit.note(entry)
  view.bus.publish('memory.changed', { action: entry.action, count: entry.count, ids: entry.ids.slice(0, shownIds) })
}

function shown(ids: readonly string[]): Selected {
  return { count: ids.length, ids: ids.slice(0, shownIds) }
}
