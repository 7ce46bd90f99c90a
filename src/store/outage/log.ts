import { StoreUnavailable } from '../../kernel/errors.ts'
import type { Append, AppendResult, CommitResult, LocalDelivery, Log, LogConfig } from '../ports.ts'
import type { Database } from '../sqlite/database.ts'
import type { Gate } from './gate.ts'
import type { Handed } from './handed.ts'
import { knownRoom } from './tables.ts'

export interface OutageLogOptions {
  gate: Gate
  database: Database
  handed: Handed
  /** The rings of the shared store, now and whenever it is reached. */
  listen: Log['listen']
}

/**
 * The log of the shared store. While it is away, posts are journalled and handed to join members on this node, and rooms that
 * this folder knows can be opened; whatever else needs the shared log says so with `StoreUnavailable`.
 */
export function createOutageLog({ gate, database, handed, listen }: OutageLogOptions): Log {
  const listeners = new Set<(post: Append) => void>()
  /** Message ids in the journal: a caller that repeats a post must not have it handed out twice. */
  const waiting = new Set<string>()
  const knownRooms = new Set<string>()
  const idOf = ({ room, messageId }: Append): string => `${room}\0${messageId}`

  /** The post is accepted: a listener that throws must not make it look refused. */
  function tell(listener: (post: Append) => void, post: Append): void {
    try {
      listener(post)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** Hands out what was not in the journal before, and returns it. */
  function kept(appends: readonly Append[]): Set<Append> {
    const fresh = new Set<Append>()
    for (const post of appends) {
      if (waiting.has(idOf(post))) continue
      waiting.add(idOf(post))
      fresh.add(post)
      for (const listener of listeners) tell(listener, post)
    }
    return fresh
  }

  async function rememberRoom(room: string, config: LogConfig): Promise<void> {
    if (knownRooms.has(room)) return
    await database.run('INSERT OR REPLACE INTO outage_rooms (room, config) VALUES (?, ?)', [room, JSON.stringify(config)])
    knownRooms.add(room)
  }

  async function append(appends: readonly Append[]): Promise<AppendResult[]> {
    if (appends.length === 0) return []
    return gate.write<AppendResult[]>(
      { kind: 'posts', appends },
      async ({ log }) => {
        const results = await log.append(appends)
        if (waiting.size > 0) waiting.clear()
        return results
      },
      async (keep) => {
        const unknown = appends.filter((post) => !waiting.has(idOf(post)))
        if (unknown.length > 0) await keep({ kind: 'posts', appends: unknown }, [])
        const fresh = kept(unknown)
        return appends.map((post) => ({ ok: true, journalled: true, duplicate: !fresh.has(post) }))
      },
    )
  }

  const local: LocalDelivery = {
    listen(onPost) {
      listeners.add(onPost)
      return { stop: async () => void listeners.delete(onPost) }
    },
    async handed(room, member, messageId, effects = { posts: [], records: [] }) {
      if (handed.has(room, member, messageId)) return { ok: false, reason: 'stale' }
      if (effects.posts.length + effects.records.length === 0) {
        await lasting(room, member, messageId, (mark) => database.batch([mark]))
        return { ok: true, posted: [] }
      }
      return gate.write<CommitResult>(
        { kind: 'posts', appends: effects.posts },
        // The store is back: the message comes as an entry of the room, and its effects belong to that delivery.
        async () => ({ ok: false, reason: 'stale' }),
        async (keep) => {
          // They have no versions to tell afterwards whether somebody else's would be overwritten.
          if (effects.records.length > 0) throw new StoreUnavailable('records of a room cannot be written while the shared store is away: the message is delivered again when it is back')
          await lasting(room, member, messageId, (mark) => keep({ kind: 'posts', appends: effects.posts }, [mark]))
          kept(effects.posts)
          return { ok: true, posted: [] }
        },
      )
    },
    wasHanded: handed.has,
  }

  async function lasting(room: string, member: string, messageId: string, store: (mark: ReturnType<Handed['add']>) => Promise<unknown>): Promise<void> {
    try {
      await store(handed.add(room, member, messageId))
    } catch (error) {
      handed.forget(room, member, messageId)
      throw error
    }
  }

  const shared = <Result>(work: (log: Log) => Promise<Result>): Promise<Result> => gate.call(({ log }) => work(log))
  return {
    local,
    append,
    async open(room, config) {
      const opened = await gate.write<{ config: LogConfig; created: boolean }>(
        { kind: 'open', room, config },
        ({ log }) => log.open(room, config),
        async (keep) => {
          const known = await knownRoom(database, room)
          if (known !== undefined) return { config: known, created: false }
          await keep({ kind: 'open', room, config }, [{ sql: 'INSERT OR IGNORE INTO outage_rooms (room, config) VALUES (?, ?)', params: [room, JSON.stringify(config)] }])
          return { config, created: true }
        },
      )
      if (gate.state === 'connected') await rememberRoom(room, opened.config)
      return opened
    },
    async configure(room, config) {
      await shared((log) => log.configure(room, config))
      knownRooms.delete(room)
      await rememberRoom(room, config)
    },
    info: (room) => shared((log) => log.info(room)),
    list: (options) => shared((log) => log.list(options)),
    async remove(room) {
      await shared((log) => log.remove(room))
      knownRooms.delete(room)
      await database.run('DELETE FROM outage_rooms WHERE room = ?', [room])
    },
    range: (room, options) => shared((log) => log.range(room, options)),
    openGroup: (room, group, from) => shared((log) => log.openGroup(room, group, from)),
    take: (room, group, owner, count) => shared((log) => log.take(room, group, owner, count)),
    owned: (room, group, owner, options) => shared((log) => log.owned(room, group, owner, options)),
    takeOver: (room, group, owner, options) => shared((log) => log.takeOver(room, group, owner, options)),
    retry: (room, group, owner, entry) => shared((log) => log.retry(room, group, owner, entry)),
    extend: (room, group, owner, entries) => shared((log) => log.extend(room, group, owner, entries)),
    commit: (commits) => shared((log) => log.commit(commits)),
    bury: (room, group, owner, entry, reason) => shared((log) => log.bury(room, group, owner, entry, reason)),
    pending: (room, group, options) => shared((log) => log.pending(room, group, options)),
    deadLetters: (room, options) => shared((log) => log.deadLetters(room, options)),
    replay: (room, entries) => shared((log) => log.replay(room, entries)),
    openCursor: (room, member, owner, from) => shared((log) => log.openCursor(room, member, owner, from)),
    record: (room, key) => shared((log) => log.record(room, key)),
    listen,
  }
}
