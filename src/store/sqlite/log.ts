import type { Clock } from '../../kernel/clock.ts'
import type { Append, Commit, Effects, Log, LogConfig, LogInfo } from '../ports.ts'
import type { Client } from './client.ts'
import { encodeValue } from './records.ts'
import type { StoredCommit, StoredEffects } from './worker/commit.ts'
import type { StoredConfig, StoredInfo } from './worker/room-admin.ts'

const defaultPage = 100

/** The port over the worker: every method is one call, and the logic runs there in one transaction. */
export function createLog(client: Client, clock: Clock, listen: Log['listen']): Log {
  const now = (): number => Math.trunc(clock.now())

  return {
    async open(room, config) {
      const opened = await client.call('openRoom', { room, config: encodeConfig(config) })
      return { config: decodeConfig(opened.config), created: opened.created }
    },
    configure: (room, config) => client.call('configureRoom', { room, config: encodeConfig(config) }),
    async info(room) {
      const info = await client.call('roomInfo', { room })
      return info === undefined ? undefined : decodeInfo(info)
    },
    list: (options = {}) => client.call('listRooms', { after: options.after ?? '', limit: options.limit ?? -1 }),
    remove: (room) => client.call('removeRoom', { room }),

    append: (appends) => client.call('append', { appends, now: now() }, sizeOf(appends)),
    range: (room, options) => client.call('range', { room, ...options }),

    openGroup: (room, group, from) => client.call('openGroup', { room, group, from }),
    take: (room, group, owner, count) => client.call('take', { room, group, owner, count, now: now() }),
    owned: (room, group, owner, options) => client.call('owned', { room, group, owner, ...options, now: now() }),
    takeOver: (room, group, owner, options) => client.call('takeOver', { room, group, owner, ...options, now: now() }),
    retry: (room, group, owner, entry) => client.call('retry', { room, group, owner, entry, now: now() }),
    extend: (room, group, owner, entries) => client.call('extend', { room, group, owner, entries, now: now() }),
    commit: async (commits) => client.call('commit', { commits: commits.map(encodeCommit), now: now() }, sizeOf(commits.flatMap((commit) => commit.effects?.posts ?? []))),
    bury: (room, group, owner, entry, reason) => client.call('bury', { room, group, owner, entry, reason, now: now() }),
    pending: (room, group, options = {}) => client.call('pendingOf', { room, group, after: options.after, count: options.count ?? defaultPage, now: now() }),
    deadLetters: (room, options = {}) => client.call('deadLettersOf', { room, after: options.after, count: options.count ?? defaultPage }),
    replay: (room, entries) => client.call('replay', { room, entries, now: now() }),

    openCursor: (room, member, owner, from) => client.call('openCursor', { room, member, owner, from }),
    async record(room, key) {
      const json = await client.call('roomRecord', { room, key, now: now() })
      return json === undefined ? undefined : JSON.parse(json)
    },
    listen,
  }
}

function sizeOf(appends: readonly Append[]): number {
  let bytes = 100
  for (const append of appends) bytes += append.body.length + 100
  return bytes
}

function encodeConfig(config: LogConfig): StoredConfig {
  return { cap: config.cap, quotaBytes: config.quotaBytes, dedupeMs: config.dedupeMs, meta: encodeValue('meta', config.meta ?? null) }
}

function decodeConfig(config: StoredConfig): LogConfig {
  return { ...config, meta: JSON.parse(config.meta) }
}

function decodeInfo(info: StoredInfo): LogInfo {
  return { ...info, config: decodeConfig(info.config) }
}

function encodeCommit(commit: Commit): StoredCommit {
  return commit.effects === undefined ? (commit as StoredCommit) : { ...commit, effects: encodeEffects(commit.effects) }
}

function encodeEffects({ posts, records }: Effects): StoredEffects {
  return {
    posts,
    records: records.map(({ key, value, ttlMs }) => ({ key, ttlMs, value: value === undefined ? undefined : encodeValue(`records["${key}"]`, value) })),
  }
}
