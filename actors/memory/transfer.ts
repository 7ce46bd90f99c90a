import { InvalidArgument, messageOf } from '../../src/kernel/errors.ts'
import type { SqlRow } from '../../src/store/sqlite/database.ts'
import { timeOf } from './input.ts'
import { byOf } from './audit.ts'
import type { View } from './parts.ts'
import { channelTrust } from './provenance.ts'
import { checkScope, narrow } from './scope.ts'
import { scopeCondition } from './select.ts'
import { store } from './store.ts'
import type { Imported, MemoryInput, MemoryState, Scope } from './types.ts'
import { scopeOf } from './value.ts'
import type { Value } from './value.ts'

const pageRows = 500
const importItems = 500
const shownRefusals = 100
/** Of one line; a longer one is no export of ours. */
const lineBytes = 4 * 1024 ** 2

export async function* exportLines(view: View, asked: Scope | undefined, states: readonly MemoryState[]): AsyncIterable<string> {
  const { where, params } = scopeCondition(narrow(view.scope, checkScope(asked)))
  for (let after = 0; ;) {
    const rows = await view.database.all(`SELECT num, id, text, data FROM memories WHERE state IN (${states.map(() => '?').join()})${where} AND num > ? ORDER BY num LIMIT ${pageRows}`, [...states, ...params, after])
    for (const { id, text, data } of rows) yield lineOf(String(id), String(text), JSON.parse(String(data)) as Omit<Value, 'text'>)
    if (rows.length < pageRows) return
    after = Number((rows.at(-1) as SqlRow)['num'])
  }
}

function lineOf(id: string, text: string, { project, agent, session, model: _, kind, at, ...rest }: Omit<Value, 'text'>): string {
  return JSON.stringify({ id, text, kind, scope: scopeOf({ project, agent, session }), at: new Date(at).toISOString(), ...rest })
}

/** Lines that cannot be taken are told and passed over. What is there already, by its text, is a duplicate. */
export async function importLines(view: View, lines: AsyncIterable<string> | Iterable<string>): Promise<Imported> {
  const result: Imported = { stored: 0, duplicates: 0, refused: [], refusedCount: 0 }
  const stored: string[] = []
  let page: { line: number; item: MemoryInput; trust: number; source: string }[] = []
  const refuse = (line: number, error: unknown): void => {
    result.refusedCount++
    if (result.refused.length < shownRefusals) result.refused.push({ line, problem: messageOf(error) })
  }
  const flush = async (): Promise<void> => {
    const items = page
    page = []
    // Of one trust and source at a time: they are stamped, not said.
    for (const group of groupsOf(items)) {
      const derivation = { derivedFrom: [], trust: group[0]?.trust ?? 0, source: group[0]?.source ?? 'import' }
      const attempt = async (some: typeof group): Promise<void> => {
        try {
          for (const { id, duplicateOf } of await store(view, some.map(({ item }) => item), derivation)) {
            if (duplicateOf === undefined) stored.push(id)
            else result.duplicates++
          }
        } catch (error) {
          if (!(error instanceof InvalidArgument)) throw error
          if (some.length === 1) refuse((some[0] as (typeof group)[number]).line, error)
          else for (const one of some) await attempt([one])
        }
      }
      await attempt(group)
    }
  }
  let number = 0
  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    try {
      page.push({ line: number, ...parse(view, line) })
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error
      refuse(number, error)
    }
    if (page.length >= importItems) await flush()
  }
  await flush()
  result.stored = stored.length
  if (stored.length > 0) await view.audit.note({ by: byOf(view), action: 'import', count: stored.length, ids: stored, scope: view.scope })
  return result
}

function parse(view: View, line: string): { item: MemoryInput; trust: number; source: string } {
  if (line.length > lineBytes) throw new InvalidArgument('line', `has ${line.length} characters: a line is one memory`)
  let value: Record<string, unknown>
  try {
    value = JSON.parse(line) as Record<string, unknown>
  } catch (error) {
    throw Object.assign(new InvalidArgument('line', `is no JSON (${messageOf(error)})`), { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument('line', 'must be a JSON object with a text')
  const { text, kind, scope, at, source, trust, metadata } = value
  const said = typeof trust === 'number' && trust >= 0 && trust <= 1 ? trust : channelTrust.import
  const from = typeof source === 'string' && source !== '' ? `import:${source.replace(/^import:/, '')}`.slice(0, 200) : 'import'
  return {
    item: {
      text: text as string,
      ...(kind !== undefined && { kind: kind as MemoryInput['kind'] }),
      ...(at !== undefined && { at: timeOf(at, 'at') }),
      ...(metadata !== undefined && { metadata: metadata as Record<string, unknown> }),
      scope: checkScope(scope),
    },
    trust: Math.min(said, channelTrust.import, channelTrust[view.channel]), source: from,
  }
}

function groupsOf<Item extends { trust: number; source: string }>(items: readonly Item[]): Item[][] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = `${item.trust} ${item.source}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups.values()]
}
