import type { Append, AppendResult, Commit, CommitResult, DeadEntry, Delivery, EntryId, Log, LogEntry, LogInfo, Owner, PendingEntry } from '../../store/ports.ts'
import { RoomUnknown } from '../../kernel/errors.ts'
import { compareEntryIds, firstEntryId } from '../../store/ports.ts'
import type { Defects } from '../defects.ts'
import type { Group, Held } from './room.ts'
import { RoomState } from './room.ts'

/** The calls of `Log` that reach the server, as plain functions of its state and its clock. */
export type LogCalls = {
  [Name in Exclude<keyof Log, 'listen' | 'local' | 'append'>]: Log[Name] extends (...args: infer Args) => Promise<infer Result> ? (...args: Args) => Result : never
} & { append(appends: readonly (Append & { wanted?: EntryId })[]): AppendResult[] }

/** `ring` is told of rooms that have new entries after each call. */
export function createLogCalls(now: () => number, ring: (rooms: ReadonlyMap<string, EntryId>) => void, defects: Defects): LogCalls & { rooms: ReadonlyMap<string, RoomState> } {
  const rooms = new Map<string, RoomState>()

  const roomOf = (name: string): RoomState => {
    const room = rooms.get(name)
    if (room === undefined) throw new RoomUnknown(name)
    return room
  }
  const groupOf = (room: string, name: string): Group => {
    const group = roomOf(room).groups.get(name)
    if (group === undefined) throw new RoomUnknown(room)
    return group
  }
  const isCurrent = (group: Group, owner: Owner): boolean => defects.noFence === true || owner.fence >= (group.fences.get(owner.name) ?? -1)
  const register = (group: Group, owner: Owner): boolean => {
    if (!isCurrent(group, owner)) return false
    group.fences.set(owner.name, Math.max(owner.fence, group.fences.get(owner.name) ?? -1))
    return true
  }
  const ours = (group: Group, owner: Owner, entry: EntryId): Held | undefined => {
    const held = group.pending.get(entry)
    return held !== undefined && (defects.noOwner || (held.owner === owner.name && isCurrent(group, owner))) ? held : undefined
  }
  const deliver = (room: RoomState, group: Group, entries: readonly EntryId[]): Delivery[] => entries.flatMap((entry) => {
    const found = room.find(entry)
    return found === undefined ? [] : [{ ...found, attempt: (group.pending.get(entry) as Held).attempt }]
  })
  const ringFor = (names: Iterable<string>): void => {
    const rung = new Map<string, EntryId>()
    for (const name of names) {
      const last = rooms.get(name)?.entries.at(-1)
      if (last !== undefined) rung.set(name, last.entry)
    }
    if (rung.size > 0) ring(rung)
  }

  function appendOne({ room: name, messageId, body, wanted }: Append & { wanted?: EntryId }): AppendResult {
    const room = rooms.get(name)
    if (room === undefined) return { ok: false, reason: 'room_unknown' }
    const first = room.ids.get(messageId)
    if (first !== undefined && !defects.noDedupe) return { ok: true, entry: first, duplicate: true }
    if (!room.fits(Buffer.byteLength(body))) return { ok: false, reason: 'room_full', bytes: room.bytes, quotaBytes: room.config.quotaBytes }
    return { ok: true, entry: room.add(now(), messageId, body, wanted), duplicate: false }
  }

  /** The first effect that cannot be applied, found without applying anything. */
  function refusal(posts: readonly Append[]): { reason: 'room_full' | 'room_unknown'; room: string } | undefined {
    const added = new Map<string, number>()
    for (const { room: name, messageId, body } of posts) {
      const room = rooms.get(name)
      if (room === undefined) return { reason: 'room_unknown', room: name }
      if (room.ids.has(messageId)) continue
      const more = (added.get(name) ?? 0) + Buffer.byteLength(body)
      added.set(name, more)
      if (!room.fits(more)) return { reason: 'room_full', room: name }
    }
    return undefined
  }

  function commitOne(commit: Commit): CommitResult {
    const room = rooms.get(commit.room)
    if (room === undefined) return { ok: false, reason: 'stale' }
    const { posts = [], records = [] } = commit.effects ?? {}
    const member = commit.kind === 'cursor' ? room.members.get(commit.member) : undefined
    const group = commit.kind === 'work' ? groupOf(commit.room, commit.group) : undefined
    if (group !== undefined && ours(group, commit.owner, commit.entry) === undefined) return { ok: false, reason: 'stale' }
    if (group === undefined && (member === undefined || commit.owner.fence < member.fence || compareEntryIds(member.cursor, commit.entry) >= 0)) return { ok: false, reason: 'stale' }
    const refused = refusal(posts)
    if (refused !== undefined) return { ok: false, ...refused }
    group?.pending.delete(commit.entry)
    if (member !== undefined) member.cursor = commit.entry
    const dead = commit.kind === 'cursor' ? commit.dead : undefined
    const found = dead === undefined ? undefined : room.find(commit.entry)
    if (commit.kind === 'cursor' && dead !== undefined && found !== undefined) room.bury(now(), found, commit.member, dead.reason, dead.attempts)
    for (const { key, value, ttlMs } of defects.ackWithoutRecords ? [] : records) {
      if (value === undefined) room.records.delete(key)
      else room.records.set(key, { json: JSON.stringify(value), until: ttlMs === undefined ? Infinity : now() + ttlMs })
    }
    if (defects.ackWithoutEffects) return { ok: true, posted: posts.map(() => firstEntryId) }
    return { ok: true, posted: posts.map((post) => (appendOne(post) as { entry: EntryId }).entry) }
  }

  return {
    rooms,
    open(name, config) {
      const known = rooms.get(name)
      if (known !== undefined) return { config: known.config, created: false }
      rooms.set(name, new RoomState(name, config))
      return { config, created: true }
    },
    configure(name, config) {
      roomOf(name).config = config
    },
    info(name): LogInfo | undefined {
      const room = rooms.get(name)
      if (room === undefined) return undefined
      return {
        room: name, config: room.config, entries: room.entries.length, bytes: room.bytes,
        first: room.entries[0]?.entry, last: room.entries.at(-1)?.entry,
        groups: [...room.groups].map(([group, { pending, last }]) => ({ group, pending: pending.size, lastDelivered: last })),
        members: [...room.members].map(([member, { cursor }]) => ({ member, cursor })),
        dead: room.dead.length,
      }
    },
    list: ({ after, limit } = {}) => [...rooms.keys()].sort().filter((name) => after === undefined || name > after).slice(0, limit),
    remove: (name) => void rooms.delete(name),
    append(appends) {
      const results = appends.map(appendOne)
      ringFor(appends.filter((_, index) => results[index]!.ok).map(({ room }) => room))
      return results
    },
    range(name, options) {
      const found = rooms.get(name)?.range(options) ?? []
      return defects.rangeSkips && found.length > 1 ? found.slice(1) : found
    },
    openGroup(name, group, from) {
      const room = roomOf(name)
      if (!room.groups.has(group)) room.groups.set(group, { last: from === 'end' ? room.entries.at(-1)?.entry ?? firstEntryId : from, pending: new Map(), fences: new Map() })
    },
    take(name, groupName, owner, count) {
      const room = roomOf(name)
      const group = groupOf(name, groupName)
      if (!register(group, owner)) return []
      const fresh: LogEntry[] = room.after(group.last, count)
      for (const { entry } of fresh) group.pending.set(entry, { owner: owner.name, attempt: 1, touched: now() })
      group.last = fresh.at(-1)?.entry ?? group.last
      return fresh.map((entry) => ({ ...entry, attempt: 1 }))
    },
    owned(name, groupName, owner, { after = firstEntryId, count }) {
      const group = groupOf(name, groupName)
      if (!register(group, owner)) return []
      const mine = [...group.pending].filter(([entry, held]) => held.owner === owner.name && compareEntryIds(entry, after) > 0).map(([entry]) => entry)
      return deliver(roomOf(name), group, mine.sort(compareEntryIds).slice(0, count))
    },
    takeOver(name, groupName, owner, { minIdleMs, count }) {
      const group = groupOf(name, groupName)
      if (!register(group, owner)) return []
      const stuck = [...group.pending].filter(([, held]) => held.owner !== owner.name && now() - held.touched >= minIdleMs).map(([entry]) => entry)
      const taken = stuck.sort(compareEntryIds).slice(0, count)
      for (const entry of taken) group.pending.set(entry, { owner: owner.name, attempt: (group.pending.get(entry) as Held).attempt + 1, touched: now() })
      return deliver(roomOf(name), group, taken)
    },
    retry(name, groupName, owner, entry) {
      const held = ours(groupOf(name, groupName), owner, entry)
      if (held === undefined) return undefined
      held.touched = now()
      held.attempt += defects.attemptsLeap ? 5 : 1
      return held.attempt
    },
    extend(name, groupName, owner, entries) {
      const group = groupOf(name, groupName)
      const still = entries.filter((entry) => ours(group, owner, entry) !== undefined)
      for (const entry of still) (group.pending.get(entry) as Held).touched = now()
      return still
    },
    commit(commits) {
      const results = commits.map(commitOne)
      ringFor(commits.flatMap((commit, index) => (results[index]!.ok ? (commit.effects?.posts ?? []).map(({ room }) => room) : [])))
      return results
    },
    bury(name, groupName, owner, entry, reason) {
      const room = roomOf(name)
      const group = groupOf(name, groupName)
      const held = ours(group, owner, entry)
      const found = room.find(entry)
      if (held === undefined || found === undefined) return false
      group.pending.delete(entry)
      if (!defects.buryForgets) room.bury(now(), found, groupName, reason, held.attempt)
      return true
    },
    pending: (name, group, { after = firstEntryId, count } = {}): PendingEntry[] => [...groupOf(name, group).pending]
      .filter(([entry]) => compareEntryIds(entry, after) > 0)
      .sort(([a], [b]) => compareEntryIds(a, b))
      .slice(0, count)
      .map(([entry, held]) => ({ entry, owner: held.owner, idleMs: now() - held.touched, attempt: held.attempt })),
    deadLetters: (name, { after = firstEntryId, count } = {}): DeadEntry[] => roomOf(name).dead.filter(({ entry }) => compareEntryIds(entry, after) > 0).slice(0, count),
    replay(name, entries) {
      const room = roomOf(name)
      const chosen = room.dead.filter(({ entry }) => entries.includes(entry))
      room.dead = room.dead.filter((dead) => !chosen.includes(dead))
      for (const dead of chosen) appendOne({ room: name, messageId: `${dead.messageId}~${dead.entry}`, body: dead.body })
      if (chosen.length > 0) ringFor([name])
      return chosen.length
    },
    openCursor(name, member, owner, from) {
      const room = roomOf(name)
      const known = room.members.get(member)
      const cursor = known?.cursor ?? (from === 'end' ? room.entries.at(-1)?.entry ?? firstEntryId : from)
      room.members.set(member, { cursor, fence: Math.max(owner.fence, known?.fence ?? -1) })
      return cursor
    },
    record(name, key) {
      const found = rooms.get(name)?.records.get(key)
      return found !== undefined && found.until > now() ? JSON.parse(found.json) : undefined
    },
  }
}

