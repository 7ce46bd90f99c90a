import type { StoreCorrupt } from '../../kernel/errors.ts'
import { createBatcher } from '../batcher.ts'
import { sizeOfRow, type DocumentRow } from '../document-row.ts'
import { documentPlace, quotaBytes, slotGroups, ttlMs } from '../keys.ts'
import type { Stoppable } from '../ports.ts'
import { sessionStream, streamOf } from './change-streams.ts'
import { masters } from './clients.ts'
import { createChanges, type Changes } from './document-changes.ts'
import { contentOf, readPacked, versionText } from './document-wire.ts'
import type { Backend } from './link.ts'
import { groupBy } from './partition.ts'
import type { Subscriptions } from './subscriptions.ts'

/** A write as the shared store decides on it. */
export type SharedWrite =
  | { mode: 'write'; row: DocumentRow; expect?: number; ttlMs?: number }
  /** From a journal: made from version `base`, and given the version of the row then. `marks`: contents that may have arrived from here before (`contentMark`). */
  | { mode: 'replay'; row: DocumentRow; base: number; marks: string; ttlMs?: number }
  /** A folder holds it and the server may have lost it: taken when it is newer than what is there. */
  | { mode: 'restore'; row: DocumentRow; ttlMs?: number }

export type SharedResult =
  | { outcome: 'written' | 'same'; version: number }
  /** Version of what is there instead; 0 when nothing is. */
  | { outcome: 'other'; version: number }
  | { outcome: 'quota'; bytes: number; quotaBytes: number }

/** The documents of the shared store. What a folder does with them is not known here. */
export interface SharedDocuments extends Changes {
  write(writes: readonly SharedWrite[]): Promise<SharedResult[]>
  /** Deleted ones come without `json`; `undefined` where nothing is known of the key, or an error where there is no document. */
  read(keys: readonly string[]): Promise<(DocumentRow | StoreCorrupt | undefined)[]>
  /** 0 where nothing is known of the key. */
  versions(keys: readonly string[]): Promise<number[]>
  listen(onRing: (stream: number | 'all') => void): Promise<Stoppable>
}

/** Entries that a change stream keeps; a folder that was away for longer reads everything again. */
const cap = (stream: number): number => (stream === sessionStream ? 65_536 : 8_192)
const groupBytes = quotaBytes.memory / slotGroups
/** How long it is remembered that a memory was deleted, so that no folder or journal brings it back, ms. */
const rememberMs = 365 * 24 * 3_600_000

export function createSharedDocuments(backend: Backend, subscriptions: Subscriptions, persist: () => Promise<void>): SharedDocuments {
  const { keys } = backend
  const modes = { write: 'w', replay: 'r', restore: 's' } as const

  /** The eight arguments of a write. */
  function argumentsOf(write: SharedWrite): (string | Buffer)[] {
    const { mode, row } = write
    const place = documentPlace(row.key)
    const compare = mode === 'write' ? write.expect : mode === 'replay' ? write.base : undefined
    const ttl = place.family === 'session' ? write.ttlMs ?? ttlMs.session : row.json === undefined ? rememberMs : undefined
    return [
      modes[mode], place.family === 'memory' ? place.id : place.hash, place.family === 'memory' ? '' : place.field,
      compare === undefined ? '' : versionText(compare), versionText(row.version), ttl === undefined ? '' : String(Math.ceil(ttl)), contentOf(row), mode === 'replay' ? write.marks : '',
    ]
  }

  const keyOf = (write: SharedWrite): string => {
    const place = documentPlace(write.row.key)
    return keys.raw(place.family === 'memory' ? write.row.key : place.hash)
  }

  async function runScript(stream: number, writes: readonly SharedWrite[], run: Backend['run']): Promise<SharedResult[]> {
    const lead = stream < sessionStream ? [keys.memoryChanges(stream), keys.memoryAbout(stream)] : backend.cluster ? [] : [keys.sessionChanges()]
    const replies = (await run('documents', [...lead, ...writes.map(keyOf)],
      [lead.length, cap(stream), groupBytes, keys.documentsRing(), stream, ...writes.flatMap(argumentsOf)])) as string[]
    return replies.map(readReply)
  }

  /**
   * Sessions of a cluster lie in any slot, and their stream in one: that a write is under way is noted before it is made, so
   * that whoever follows looks again should its writer die before the change itself is noted.
   */
  async function runApart(writes: readonly SharedWrite[], run: Backend['run']): Promise<SharedResult[]> {
    const note = (entries: readonly string[]): Promise<unknown> => run('note', [keys.sessionChanges()], [cap(sessionStream), keys.documentsRing(), sessionStream, ...entries])
    const byHash = groupBy(writes.keys(), (index) => keyOf(writes[index]!))
    const named = (index: number): string[] => {
      const place = documentPlace(writes[index]!.row.key)
      return place.family === 'session' ? [place.hash, place.field] : []
    }
    await note(writes.flatMap((_, index) => [...named(index), '', '']))
    const results: SharedResult[] = []
    await Promise.all([...byHash.values()].map(async (indexes) => {
      const answers = await runScript(sessionStream, indexes.map((index) => writes[index]!), run)
      for (const [position, index] of indexes.entries()) results[index] = answers[position]!
    }))
    await note(results.flatMap((result, index) => (
      result.outcome === 'written' ? [...named(index), versionText(result.version), writes[index]!.row.erased ? '1' : ''] : []
    )))
    return results
  }

  const runStream = (stream: number, writes: readonly SharedWrite[], run: Backend['run']): Promise<SharedResult[]> =>
    stream === sessionStream && backend.cluster ? runApart(writes, run) : runScript(stream, writes, run)

  /** Keeps what the server just acknowledged, for one that comes back without it. */
  function remember(stream: number, writes: readonly SharedWrite[], results: readonly SharedResult[]): void {
    const kept = writes.flatMap((write, index): SharedWrite[] => {
      const result = results[index]!
      return result.outcome === 'written' ? [{ mode: 'restore', row: { ...write.row, version: result.version }, ttlMs: write.ttlMs }] : []
    })
    const bytes = kept.reduce((sum, { row }) => sum + sizeOfRow(row) + 200, 0)
    if (kept.length > 0) backend.recent.keep(bytes, async () => void (await runStream(stream, kept, backend.runUnchecked)))
  }

  const batcher = createBatcher<SharedWrite, SharedResult | Error>({
    what: 'writes of documents',
    maxItems: 512,
    maxBytes: 2 ** 20,
    maxQueued: 100_000,
    maxQueuedBytes: 256 * 2 ** 20,
    sizeOf: ({ row }) => sizeOfRow(row) + 100,
    /** Each stream on its own: one that failed fails only its own writes. */
    async flush(writes) {
      const results: (SharedResult | Error)[] = []
      await Promise.all([...groupBy(writes.keys(), (index) => streamOf(writes[index]!.row.key))].map(async ([stream, indexes]) => {
        const part = indexes.map((index) => writes[index]!)
        try {
          const answers = await runStream(stream, part, backend.run)
          for (const [position, index] of indexes.entries()) results[index] = answers[position]!
          remember(stream, part, answers)
        } catch (error) {
          for (const index of indexes) results[index] = error as Error
        }
      }))
      await persist()
      return results
    },
  })

  /** What was erased stands in the append-only file until it is rewritten. A server that does not let us do that rewrites it when it has grown. */
  function rewriteFile(): void {
    if (!backend.servers.some(({ aof }) => aof)) return
    backend.write((client) => Promise.all(masters(client).map((node) => node.bgrewriteaof()))).catch(backend.note)
  }

  return {
    ...createChanges(backend),
    async write(writes) {
      const results = await Promise.all(writes.map((write) => batcher.add(write)))
      const failed = results.find((result): result is Error => result instanceof Error)
      if (failed !== undefined) throw failed
      if (writes.some(({ row }) => row.erased)) rewriteFile()
      return results as SharedResult[]
    },
    async read(wanted) {
      const rows: (DocumentRow | StoreCorrupt | undefined)[] = wanted.map(() => undefined)
      const take = (index: number, packed: Buffer | null, expires?: number): void => {
        if (packed !== null) rows[index] = readPacked(wanted[index]!, packed, expires)
      }
      await backend.read((client) => Promise.all([...groupBy(wanted.keys(), (index) => partOf(wanted[index]!))].map(async ([part, indexes]) => {
        const places = indexes.map((index) => documentPlace(wanted[index]!))
        if (!part.startsWith('session:')) {
          const found = await client.mgetBuffer(indexes.map((index) => keys.raw(wanted[index]!)))
          for (const [position, index] of indexes.entries()) take(index, found[position]!)
          return
        }
        const [found, left] = await Promise.all([client.hmgetBuffer(keys.raw(part), ...places.map((place) => (place as { field: string }).field)), client.pttl(keys.raw(part))])
        const expires = left < 0 ? undefined : Math.trunc(backend.clock.now()) + left
        for (const [position, index] of indexes.entries()) take(index, found[position]!, expires)
      })))
      return rows
    },
    async versions(wanted) {
      const found = await backend.read((client) => Promise.all(wanted.map((key) => {
        const place = documentPlace(key)
        return place.family === 'memory' ? client.getrange(keys.raw(key), 0, 15) : client.hget(keys.raw(place.hash), place.field)
      })))
      return found.map((text) => (text === null || text === '' ? 0 : Number(text.slice(0, 16))))
    },
    async listen(onRing) {
      return subscriptions.subscribe([keys.documentsRing()], (payload) => onRing(Number(payload)), () => onRing('all'))
    },
  }
}

/** Keys that one command can read: a slot group of memories, or a session. */
function partOf(key: string): string {
  const place = documentPlace(key)
  return place.family === 'memory' ? String(place.group) : place.hash
}

function readReply(reply: string): SharedResult {
  const figure = Number(reply.slice(1))
  switch (reply[0]) {
    case '+':
      return { outcome: 'written', version: figure }
    case '=':
      return { outcome: 'same', version: figure }
    case 'Q':
      return { outcome: 'quota', bytes: figure, quotaBytes: groupBytes }
    default:
      return { outcome: 'other', version: figure }
  }
}
