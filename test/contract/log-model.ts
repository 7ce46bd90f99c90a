import type {
  Append, AppendResult, Commit, CommitResult, DeadEntry, Delivery, EntryId, Log, LogConfig, LogEntry, LogInfo, Owner, RecordWrite,
} from '../../src/store/ports.ts'
import { compareEntryIds, firstEntryId } from '../../src/store/ports.ts'

interface Held { owner: string; attempt: number; touched: number }
interface Group { last: EntryId; pending: Map<EntryId, Held>; fences: Map<string, number> }
interface ModelRoom {
  config: LogConfig
  entries: LogEntry[]
  sequence: number
  deadSequence: number
  ids: Map<string, EntryId>
  groups: Map<string, Group>
  members: Map<string, { cursor: EntryId; fence: number; owner: string }>
  records: Map<string, { value: unknown; until: number }>
  dead: DeadEntry[]
}

const sizeOf = (body: string): number => Buffer.byteLength(body)

/** The `Log` port as plainly as it can be written: what the adapters are compared with, and what room unit tests run on. */
export function createModelLog(now: () => number = () => 0): Log & { readonly rings: number } {
  const rooms = new Map<string, ModelRoom>()
  const listeners = new Set<(rooms: ReadonlyMap<string, EntryId>) => void>()
  let rings = 0
  let lastMs = 0

  const roomOf = (name: string): ModelRoom => {
    const room = rooms.get(name)
    if (!room) throw new Error(`model: no room ${name}`)
    return room
  }
  const bytesOf = (room: ModelRoom): number => room.entries.reduce((sum, entry) => sum + sizeOf(entry.body), 0)
  const stamp = (): number => (lastMs = Math.max(lastMs, now(), 1))

  const trim = (room: ModelRoom): void => {
    const needed = (entry: EntryId): boolean =>
      [...room.groups.values()].some((group) => group.pending.has(entry) || compareEntryIds(entry, group.last) > 0)
    while (room.entries.length > room.config.cap && !needed(room.entries[0]!.entry)) room.entries.shift()
  }

  const appendOne = (append: Append): AppendResult => {
    const room = rooms.get(append.room)
    if (!room) return { ok: false, reason: 'room_unknown' }
    const first = room.ids.get(append.messageId)
    if (first) return { ok: true, entry: first, duplicate: true }
    const bytes = bytesOf(room)
    if (bytes + sizeOf(append.body) > room.config.quotaBytes) return { ok: false, reason: 'room_full', bytes, quotaBytes: room.config.quotaBytes }
    const entry = `${stamp()}-${++room.sequence}`
    room.entries.push({ entry, messageId: append.messageId, body: append.body })
    room.ids.set(append.messageId, entry)
    trim(room)
    return { ok: true, entry, duplicate: false }
  }

  const ring = (names: Iterable<string>): void => {
    const rung = new Map<string, EntryId>()
    for (const name of names) {
      const last = rooms.get(name)?.entries.at(-1)
      if (last) rung.set(name, last.entry)
    }
    if (rung.size === 0) return
    rings++
    for (const listener of listeners) queueMicrotask(() => listener(rung))
  }

  const groupOf = (room: string, group: string): Group => {
    const found = roomOf(room).groups.get(group)
    if (!found) throw new Error(`model: no group ${group} in ${room}`)
    return found
  }
  const current = (group: Group, owner: Owner): boolean => {
    const highest = group.fences.get(owner.name) ?? -1
    if (owner.fence < highest) return false
    group.fences.set(owner.name, owner.fence)
    return true
  }
  const ours = (group: Group, owner: Owner, entry: EntryId): Held | undefined => {
    const held = group.pending.get(entry)
    return held && held.owner === owner.name && owner.fence >= (group.fences.get(owner.name) ?? -1) ? held : undefined
  }
  const deliveries = (room: ModelRoom, group: Group, ids: EntryId[]): Delivery[] =>
    ids.map((id) => ({ ...room.entries.find((entry) => entry.entry === id)!, attempt: group.pending.get(id)!.attempt }))

  const bury = (room: ModelRoom, entry: LogEntry, group: string, reason: string, attempts: number): void => {
    const time = stamp()
    room.dead.push({ entry: `${time}-${++room.deadSequence}`, original: entry.entry, messageId: entry.messageId, body: entry.body, group, reason, attempts, time })
  }

  const write = (room: ModelRoom, record: RecordWrite): void => {
    if (record.value === undefined) room.records.delete(record.key)
    else room.records.set(record.key, { value: JSON.parse(JSON.stringify(record.value)), until: record.ttlMs === undefined ? Infinity : now() + record.ttlMs })
  }

  /** The first effect that cannot be applied, found without applying anything. */
  const refusal = (posts: readonly Append[]): { reason: 'room_full' | 'room_unknown'; room: string } | undefined => {
    const added = new Map<string, number>()
    for (const post of posts) {
      const room = rooms.get(post.room)
      if (!room) return { reason: 'room_unknown', room: post.room }
      if (room.ids.has(post.messageId)) continue
      const more = (added.get(post.room) ?? 0) + sizeOf(post.body)
      added.set(post.room, more)
      if (bytesOf(room) + more > room.config.quotaBytes) return { reason: 'room_full', room: post.room }
    }
    return undefined
  }

  const commitOne = (commit: Commit): CommitResult => {
    const room = rooms.get(commit.room)
    if (!room) return { ok: false, reason: 'stale' }
    const posts = commit.effects?.posts ?? []
    if (commit.kind === 'work') {
      const group = groupOf(commit.room, commit.group)
      if (!ours(group, commit.owner, commit.entry)) return { ok: false, reason: 'stale' }
      const refused = refusal(posts)
      if (refused) return { ok: false, ...refused }
      group.pending.delete(commit.entry)
    } else {
      const member = room.members.get(commit.member)
      if (!member || commit.owner.fence < member.fence || compareEntryIds(member.cursor, commit.entry) >= 0) return { ok: false, reason: 'stale' }
      const refused = refusal(posts)
      if (refused) return { ok: false, ...refused }
      member.cursor = commit.entry
      const dead = room.entries.find((entry) => entry.entry === commit.entry)
      if (commit.dead && dead) bury(room, dead, commit.member, commit.dead.reason, commit.dead.attempts)
    }
    for (const record of commit.effects?.records ?? []) write(room, record)
    return { ok: true, posted: posts.map((post) => (appendOne(post) as { entry: EntryId }).entry) }
  }

  return {
    get rings() {
      return rings
    },
    async open(name, config) {
      const existing = rooms.get(name)
      if (existing) return { config: existing.config, created: false }
      rooms.set(name, {
        config, entries: [], sequence: 0, deadSequence: 0, ids: new Map(), groups: new Map(), members: new Map(), records: new Map(), dead: [],
      })
      return { config, created: true }
    },
    async configure(name, config) {
      roomOf(name).config = config
    },
    async info(name): Promise<LogInfo | undefined> {
      const room = rooms.get(name)
      if (!room) return undefined
      return {
        room: name, config: room.config, entries: room.entries.length, bytes: bytesOf(room),
        first: room.entries[0]?.entry, last: room.entries.at(-1)?.entry,
        groups: [...room.groups].map(([group, { pending, last }]) => ({ group, pending: pending.size, lastDelivered: last })),
        members: [...room.members].map(([member, { cursor }]) => ({ member, cursor })),
        dead: room.dead.length,
      }
    },
    async list({ after, limit } = {}) {
      return [...rooms.keys()].sort().filter((name) => after === undefined || name > after).slice(0, limit)
    },
    async remove(name) {
      rooms.delete(name)
    },
    async append(appends) {
      const results = appends.map(appendOne)
      ring(appends.filter((_, index) => results[index]!.ok).map((append) => append.room))
      return results
    },
    async range(name, { after, before, limit, reverse }) {
      const found = (rooms.get(name)?.entries ?? []).filter(({ entry }) =>
        (after === undefined || compareEntryIds(entry, after) > 0) && (before === undefined || compareEntryIds(entry, before) < 0))
      return (reverse ? found.reverse() : found).slice(0, limit)
    },
    async openGroup(name, group, from) {
      const room = roomOf(name)
      if (!room.groups.has(group)) room.groups.set(group, { last: from === 'end' ? room.entries.at(-1)?.entry ?? firstEntryId : from, pending: new Map(), fences: new Map() })
    },
    async take(name, groupName, owner, count) {
      const room = roomOf(name)
      const group = groupOf(name, groupName)
      if (!current(group, owner)) return []
      const fresh = room.entries.filter(({ entry }) => compareEntryIds(entry, group.last) > 0).slice(0, count)
      for (const { entry } of fresh) {
        group.pending.set(entry, { owner: owner.name, attempt: 1, touched: now() })
        group.last = entry
      }
      return deliveries(room, group, fresh.map(({ entry }) => entry))
    },
    async owned(name, groupName, owner, { after = firstEntryId, count }) {
      const group = groupOf(name, groupName)
      if (!current(group, owner)) return []
      const mine = [...group.pending].filter(([entry, held]) => held.owner === owner.name && compareEntryIds(entry, after) > 0).map(([entry]) => entry)
      return deliveries(roomOf(name), group, mine.sort(compareEntryIds).slice(0, count))
    },
    async takeOver(name, groupName, owner, { minIdleMs, count }) {
      const group = groupOf(name, groupName)
      if (!current(group, owner)) return []
      const stuck = [...group.pending].filter(([, held]) => held.owner !== owner.name && now() - held.touched >= minIdleMs).map(([entry]) => entry)
      const taken = stuck.sort(compareEntryIds).slice(0, count)
      for (const entry of taken) group.pending.set(entry, { owner: owner.name, attempt: group.pending.get(entry)!.attempt + 1, touched: now() })
      return deliveries(roomOf(name), group, taken)
    },
    async retry(name, groupName, owner, entry) {
      const held = ours(groupOf(name, groupName), owner, entry)
      if (!held) return undefined
      held.touched = now()
      return ++held.attempt
    },
    async extend(name, groupName, owner, entries) {
      const group = groupOf(name, groupName)
      const still = entries.filter((entry) => ours(group, owner, entry))
      for (const entry of still) group.pending.get(entry)!.touched = now()
      return still
    },
    async commit(commits) {
      const results = commits.map(commitOne)
      ring(commits.flatMap((commit, index) => (results[index]!.ok ? (commit.effects?.posts ?? []).map((post) => post.room) : [])))
      return results
    },
    async bury(name, groupName, owner, entry, reason) {
      const room = roomOf(name)
      const group = groupOf(name, groupName)
      const held = ours(group, owner, entry)
      if (!held) return false
      group.pending.delete(entry)
      bury(room, room.entries.find((found) => found.entry === entry)!, groupName, reason, held.attempt)
      return true
    },
    async pending(name, group, { after = firstEntryId, count } = {}) {
      return [...groupOf(name, group).pending]
        .filter(([entry]) => compareEntryIds(entry, after) > 0)
        .sort(([a], [b]) => compareEntryIds(a, b))
        .slice(0, count)
        .map(([entry, held]) => ({ entry, owner: held.owner, idleMs: now() - held.touched, attempt: held.attempt }))
    },
    async deadLetters(name, { after = firstEntryId, count } = {}) {
      return roomOf(name).dead.filter(({ entry }) => compareEntryIds(entry, after) > 0).slice(0, count)
    },
    async replay(name, entries) {
      const room = roomOf(name)
      const chosen = room.dead.filter(({ entry }) => entries.includes(entry))
      room.dead = room.dead.filter((dead) => !chosen.includes(dead))
      for (const dead of chosen) appendOne({ room: name, messageId: `${dead.messageId}~${dead.entry}`, body: dead.body })
      if (chosen.length > 0) ring([name])
      return chosen.length
    },
    async openCursor(name, member, owner, from) {
      const room = roomOf(name)
      const existing = room.members.get(member)
      const cursor = existing?.cursor ?? (from === 'end' ? room.entries.at(-1)?.entry ?? firstEntryId : from)
      room.members.set(member, { cursor, owner: owner.name, fence: Math.max(owner.fence, existing?.fence ?? -1) })
      return cursor
    },
    async record(name, key) {
      const found = rooms.get(name)?.records.get(key)
      return found && found.until > now() ? found.value : undefined
    },
    async listen(onRing) {
      listeners.add(onRing)
      return { stop: async () => void listeners.delete(onRing) }
    },
  }
}
