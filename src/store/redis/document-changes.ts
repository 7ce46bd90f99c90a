import { catalogue, documentPatterns, slotGroups } from '../keys.ts'
import { masters } from './clients.ts'
import type { Backend } from './link.ts'
import { escapeGlob } from './log-rooms.ts'

/** Position in a change stream; '0-0' before its first entry. */
export type Cursor = string

export interface Change {
  key: string
  /** Absent: a write of it was under way when this was noted. */
  version?: number
  /** Nothing that was there before may be left anywhere. */
  erased?: true
  /** Wall time of the server, ms. */
  at: number
}

export interface Changes {
  /**
   * The entries from `from` on, that one included. `joined`: nothing after `from` can have been dropped, because it is still
   * there itself, or because the stream never grew beyond what it keeps.
   */
  changes(stream: number, from: Cursor, limit: number): Promise<{ changes: Change[]; cursor: Cursor; joined: boolean }>
  /** The keys of all documents, deleted ones included, in pages; a key may come twice. */
  scan(): AsyncIterable<string[]>
}

/** Far below what a stream keeps at least. */
const neverTrimmed = 4_096
const pageKeys = 1_000

export function createChanges(backend: Backend): Changes {
  const { keys } = backend
  const nameOf = (stream: number): string => (stream < slotGroups ? keys.memoryChanges(stream) : keys.sessionChanges())

  function readEntry([id, fields]: [string, string[]]): Change {
    const field = new Map<string, string>()
    for (let at = 0; at + 1 < fields.length; at += 2) field.set(fields[at]!, fields[at + 1]!)
    const name = field.get('k') ?? ''
    const version = field.get('v')
    return {
      key: field.has('f') ? `${name}#${field.get('f')}` : catalogue.memory.build(name),
      at: Number(id.slice(0, id.indexOf('-'))), ...(version !== undefined && { version: Number(version) }), ...(field.has('e') && { erased: true as const }),
    }
  }

  return {
    async changes(stream, from, limit) {
      const [entries, length] = await backend.read((client) => Promise.all([
        client.xrange(nameOf(stream), from, '+', 'COUNT', limit + 1), from === '0-0' ? client.xlen(nameOf(stream)) : 0,
      ]))
      const seen = entries[0]?.[0] === from
      const fresh = seen ? entries.slice(1) : entries
      return { changes: fresh.map(readEntry), cursor: fresh.at(-1)?.[0] ?? from, joined: from === '0-0' ? length < neverTrimmed : seen }
    },
    async *scan() {
      for (const family of ['memory', 'session'] as const) {
        const pattern = `${escapeGlob(keys.prefix)}${documentPatterns[family]}`
        for (const node of await backend.read(async (client) => masters(client))) {
          let cursor = '0'
          do {
            const [next, found] = await backend.read(() => node.scan(cursor, 'MATCH', pattern, 'COUNT', pageKeys, 'TYPE', family === 'memory' ? 'string' : 'hash'))
            cursor = next
            const names = found.map((key) => key.slice(keys.prefix.length))
            if (family === 'memory') {
              if (names.length > 0) yield names
              continue
            }
            const fields = await backend.read((client) => Promise.all(names.map((name) => client.hkeys(keys.raw(name)))))
            for (const [index, name] of names.entries()) if (fields[index]!.length > 0) yield fields[index]!.map((field) => `${name}#${field}`)
          } while (cursor !== '0')
        }
      }
    },
  }
}
