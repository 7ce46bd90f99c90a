import { InvalidArgument, StoreUnavailable } from '../../src/kernel/errors.ts'
import { createAudit } from './audit.ts'
import { consolidate } from './consolidate.ts'
import { cleanText, idsOf } from './input.ts'
import { forget, purge, restore } from './forget.ts'
import type { MemoryParts, View } from './parts.ts'
import { channelTrust } from './provenance.ts'
import { createQuota } from './quota.ts'
import { kindsOf, recall, whole } from './recall.ts'
import { checkScope, isWithin, narrow } from './scope.ts'
import { scopeCondition } from './select.ts'
import { store } from './store.ts'
import { exportLines, importLines } from './transfer.ts'
import type { Channel, Memory, MemoryInput, MemoryRecord, MemoryStats, Stored } from './types.ts'
import { memoryKey, scopeOf, toRecord } from './value.ts'
import type { Value } from './value.ts'

/** The memory of a hive, for the program that runs it; `as` gives views for everybody else. */
export function createMemory(parts: MemoryParts, id: () => string): Memory {
  const audit = createAudit(parts.log, parts.clock, id)
  const quota = createQuota(parts.database, parts.clock, parts.limits.scopeBytes)
  return viewed({ ...parts, audit, quota, unread: { own: false }, channel: 'program', scope: {} })
}

function viewed(view: View): Memory {
  return {
    store: (async (items: MemoryInput | readonly MemoryInput[]): Promise<Stored | Stored[]> => {
      if (Array.isArray(items)) return items.length === 0 ? [] : store(view, items)
      const [stored] = await store(view, [items as MemoryInput])
      return stored as Stored
    }) as Memory['store'],
    recall: (request) => recall(view, request),
    async get(asked) {
      const [wanted] = idsOf([asked], 'id') as [string]
      const [document] = await view.documents.get([memoryKey(wanted)])
      return document === undefined || !isWithin(view.scope, scopeOf(document.value as Value)) ? undefined : toRecord(document)
    },
    async recent({ scope, kinds, limit = 20, minTrust = 0 } = {}) {
      whole('limit', limit, 1, 1_000)
      const { where, params } = scopeCondition(narrow(view.scope, checkScope(scope)))
      const wanted = kinds === undefined ? [] : kindsOf(kinds)
      const ofKind = wanted.length > 0 ? ` AND kind IN (${wanted.map(() => '?').join()})` : ''
      const rows = await view.database.all(`SELECT id FROM memories WHERE state = 'live'${where}${ofKind} AND trust >= ? ORDER BY at DESC, num DESC LIMIT ?`, [...params, ...wanted, minTrust, limit])
      const documents = await view.documents.get(rows.map((row) => memoryKey(String(row['id']))))
      return documents.flatMap((document): MemoryRecord[] => (document === undefined ? [] : [toRecord(document)]))
    },
    forget: (selection, { dryRun = false } = {}) => forget(view, selection, dryRun),
    restore: (selection, { dryRun = false } = {}) => restore(view, selection, dryRun),
    purge: (selection, { dryRun = false } = {}) => purge(view, selection, dryRun),
    audit: (options = {}) => view.audit.list(options),
    consolidate: (session, options = {}) => consolidate(view, session, options),
    export: ({ scope, states } = {}) => exportLines(view, scope, states ?? ['live']),
    import: (lines) => importLines(view, lines),
    stats: () => statsOf(view),
    as({ channel, name, scope }) {
      if (channel !== undefined && !Object.hasOwn(channelTrust, channel)) throw new InvalidArgument('channel', `is "${String(channel)}": ${Object.keys(channelTrust).join(', ')} are known`)
      const least = channel === undefined || channelTrust[view.channel] < channelTrust[channel] && view.channel !== 'program' ? view.channel : channel
      return viewed({
        ...view, channel: least as Channel, scope: narrow(view.scope, checkScope(scope)),
        ...(name !== undefined && { name: cleanText(name, 'name').text.slice(0, 100) }),
      })
    },
  }
}

async function statsOf(view: View): Promise<MemoryStats> {
  const { where, params } = scopeCondition(view.scope)
  const model = await view.embedder.info().then(({ key }) => key, (error: unknown) => {
    if (error instanceof StoreUnavailable) throw error
    return undefined
  })
  const [row] = await view.database.all(
    `SELECT count(*) AS memories, sum(vector IS NOT NULL) AS vectors, sum(model IS NULL OR model != ?) AS unembedded FROM memories WHERE state = 'live'${where}`, [model ?? '', ...params],
  )
  const count = (name: string): number => Number(row?.[name] ?? 0)
  const { source, lagMs } = view.documents.freshness()
  return { memories: count('memories'), vectors: count('vectors'), unembedded: count('unembedded'), source, ...(lagMs !== undefined && { lagMs }), ...(model !== undefined && { model }) }
}
