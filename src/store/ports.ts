/**
 * The ports of the backplane. Two adapters implement them, `sqlite/` (embedded) and `redis/` (shared);
 * `test/contract` holds both to the same behaviour. Nothing above this file knows which one is running.
 */

// ---------------------------------------------------------------- log

/**
 * Position of an entry in a room's log: `<ms>-<sequence>`, both decimal.
 * `sequence` numbers the entries of the room from 1 without gaps (trimming and restarts do not reset it) and `ms` never
 * goes back, so that a reader whose next entry is not the following number knows how many it missed.
 * Order them with `compareEntryIds`, never as strings.
 */
export type EntryId = string

/** Orders two entry ids: negative, zero or positive. */
export function compareEntryIds(a: EntryId, b: EntryId): number {
  // Numbers of as many digits compare as text does, and most ids that are compared are near each other.
  if (a.length === b.length && a.indexOf('-') === b.indexOf('-')) return a === b ? 0 : a < b ? -1 : 1
  const [aMs, aSeq] = splitEntryId(a)
  const [bMs, bSeq] = splitEntryId(b)
  return aMs - bMs || aSeq - bSeq
}

/** The number of an entry in its room: 1 for the first ever appended, 0 for `firstEntryId`. */
export function entrySequence(id: EntryId): number {
  return splitEntryId(id)[1]
}

function splitEntryId(id: EntryId): [number, number] {
  const dash = id.indexOf('-')
  return dash < 0 ? [Number(id), 0] : [Number(id.slice(0, dash)), Number(id.slice(dash + 1))]
}

export const firstEntryId: EntryId = '0-0'

/** How a room's log is kept. Stored with the room; set once by whoever opens it first. */
export interface LogConfig {
  /** Entries kept; older ones are trimmed unless a work group still needs them. Default 10,000. */
  cap: number
  /** Bytes of bodies (UTF-8) the room may hold; an append that would exceed it is refused (`RoomFull`). */
  quotaBytes: number
  /** How long message ids are remembered, so that a repeated append has one effect (ms). */
  dedupeMs: number
  /** What the layer above keeps with the room (visibility, members). JSON. */
  meta: unknown
}

export interface Append {
  room: string
  /** Idempotency key: the same message id in the same room is stored once. */
  messageId: string
  /** The envelope as JSON. */
  body: string
}

export type AppendResult =
  /** Durable. `duplicate` when this message id was there already; `entry` is then the first one's. */
  | { ok: true; entry: EntryId; duplicate: boolean; journalled?: undefined }
  /**
   * The shared store is away: accepted into this node's outage journal and sent when it is back. Only the outage store
   * answers this, never an adapter. Work groups wait for the shared store; join members get it through `Log.local`.
   */
  | { ok: true; entry?: undefined; duplicate: boolean; journalled: true }
  | { ok: false; reason: 'room_full'; bytes: number; quotaBytes: number }
  | { ok: false; reason: 'room_unknown' }

export interface LogEntry {
  entry: EntryId
  messageId: string
  body: string
}

/** Who reads as a work group's consumer. `name` is stable over restarts; `fence` grows with every restart. */
export interface Owner {
  name: string
  fence: number
}

export interface Delivery extends LogEntry {
  /** 1 on first delivery; counted by us, because the store's own counter also counts history reads. */
  attempt: number
}

export interface RecordWrite {
  key: string
  /** JSON-serialisable; `undefined` deletes. */
  value: unknown
  ttlMs?: number
}

/** What is applied together with an acknowledgement, all or nothing. */
export interface Effects {
  posts: readonly Append[]
  /** Unconditional writes to the records kept beside the room (see `Log.record`). */
  records: readonly RecordWrite[]
}

export type Commit =
  /** Acknowledges one entry of a work group. Decided per entry: still pending, this owner, this fence. */
  | { kind: 'work'; room: string; group: string; owner: Owner; entry: EntryId; effects?: Effects }
  /**
   * Moves a member's cursor forward to `entry`. Skipped as stale when the cursor is already at or past it, or the fence is old.
   * With `dead` the entry is also copied into the room's dead letters (group: the member's name), in the same step.
   */
  | { kind: 'cursor'; room: string; member: string; owner: Owner; entry: EntryId; effects?: Effects; dead?: { reason: string; attempts: number } }

export type CommitResult =
  | { ok: true; posted: EntryId[] }
  /** Someone else owns the entry, it was committed before, or the fence is old: nothing was applied. */
  | { ok: false; reason: 'stale' }
  /** An effect could not be applied (quota, unknown room): nothing was applied and the entry stays pending. */
  | { ok: false; reason: 'room_full' | 'room_unknown'; room: string }

export interface PendingEntry {
  entry: EntryId
  owner: string
  idleMs: number
  attempt: number
}

export interface DeadEntry {
  /** Position in the dead-letter log of the room. */
  entry: EntryId
  /** Where it stood in the room. */
  original: EntryId
  messageId: string
  body: string
  group: string
  reason: string
  attempts: number
  /** ms since 1970 */
  time: number
}

export interface LogInfo {
  room: string
  config: LogConfig
  entries: number
  bytes: number
  first?: EntryId
  last?: EntryId
  groups: { group: string; pending: number; lastDelivered: EntryId }[]
  members: { member: string; cursor: EntryId }[]
  dead: number
}

export interface Stoppable {
  /** Stopping twice, or before the start finished, is harmless. */
  stop(): Promise<void>
}

/**
 * Delivery to join members on this node while the shared store is away. A journalled message has no entry id and moves no
 * cursor: the member is given it at once, `handed` remembers that durably, and when the message comes back as an entry of
 * the room, `wasHanded` says to skip it (and to move the cursor past it as usual).
 * When the store was away, readers must open their cursors and groups again before they go on.
 */
export interface LocalDelivery {
  /** Calls `onPost` for each message this node journals (also those of effects), in order, once it is durable here. */
  listen(onPost: (post: Append) => void): Stoppable
  /** The member has handled a journalled message; its effects are journalled in the same step. `stale` when it had it already. */
  handed(room: string, member: string, messageId: string, effects?: Effects): Promise<CommitResult>
  wasHanded(room: string, member: string, messageId: string): boolean
}

/** Durable, ordered, named logs ("rooms"): append, read, work groups, member cursors, dead letters. */
export interface Log {
  /** Present on the outage store in front of a shared store. */
  readonly local?: LocalDelivery

  /** Opens a room: stores `config` when the room is new, else returns the stored one untouched. */
  open(room: string, config: LogConfig): Promise<{ config: LogConfig; created: boolean }>
  configure(room: string, config: LogConfig): Promise<void>
  info(room: string): Promise<LogInfo | undefined>
  /** Names of rooms, sorted, after `after`. */
  list(options?: { after?: string; limit?: number }): Promise<string[]>
  /** Removes a room with all that belongs to it. */
  remove(room: string): Promise<void>

  /** Each append stands alone: one may be refused while the others succeed. In order per room. */
  append(appends: readonly Append[]): Promise<AppendResult[]>
  /** Entries strictly between `after` and `before`, oldest first unless `reverse`. */
  range(room: string, options: { after?: EntryId; before?: EntryId; limit: number; reverse?: boolean }): Promise<LogEntry[]>

  /** Creates the group when it is new; `from` is the id after which it starts ('end': only later posts). */
  openGroup(room: string, group: string, from: EntryId | 'end'): Promise<void>
  /** Takes new entries for `owner`. Never blocks. A fence below the highest seen for this owner takes nothing. */
  take(room: string, group: string, owner: Owner, count: number): Promise<Delivery[]>
  /** The owner's own pending entries after `after` (a lost reply leaves some): call first on start and reconnect. */
  owned(room: string, group: string, owner: Owner, options: { after?: EntryId; count: number }): Promise<Delivery[]>
  /** Takes over entries that others hold and have not touched for `minIdleMs`. Counts an attempt for each. */
  takeOver(room: string, group: string, owner: Owner, options: { minIdleMs: number; count: number }): Promise<Delivery[]>
  /** Counts one more attempt for an entry this owner holds and restarts its idle time. `undefined` when it is no longer ours. */
  retry(room: string, group: string, owner: Owner, entry: EntryId): Promise<number | undefined>
  /** Restarts the idle time of entries still being worked on. Returns those that are still this owner's. */
  extend(room: string, group: string, owner: Owner, entries: readonly EntryId[]): Promise<EntryId[]>
  /** Effects first, acknowledgement last, one atomic step per commit; results in order. */
  commit(commits: readonly Commit[]): Promise<CommitResult[]>
  /** Moves an entry this owner holds into the room's dead letters and acknowledges it, in one step. False when it is not ours any more. */
  bury(room: string, group: string, owner: Owner, entry: EntryId, reason: string): Promise<boolean>
  pending(room: string, group: string, options?: { after?: EntryId; count?: number }): Promise<PendingEntry[]>
  deadLetters(room: string, options?: { after?: EntryId; count?: number }): Promise<DeadEntry[]>
  /** Appends dead entries to the room again under fresh message ids and removes them; returns how many. */
  replay(room: string, entries: readonly EntryId[]): Promise<number>

  /** A member's cursor; created at `from` when new ('end': the present end of the log). Registers `owner`'s fence for the member. */
  openCursor(room: string, member: string, owner: Owner, from: EntryId | 'end'): Promise<EntryId>

  /** A record kept beside the room, written through `Effects.records`. */
  record(room: string, key: string): Promise<unknown>

  /**
   * Calls `onRing` with rooms that have new entries (in any process): soon after each append, coalesced,
   * and from a sweep, so that a lost ring costs about a second and never a message.
   * Calls `onReset` when the store came back without its last entries: from then on entries are numbered from where it stands.
   * An entry that was repeated has the id it had before, or a later one than any that was lost.
   */
  listen(onRing: (rooms: ReadonlyMap<string, EntryId>) => void, onReset?: () => void): Promise<Stoppable>
}

// ---------------------------------------------------------------- records

export interface StoredRecord {
  value: unknown
  /** Starts at 1, grows by one with each write of the key. */
  version: number
}

export type WriteResult =
  | { ok: true; version: number }
  | { ok: false; reason: 'conflict'; current: StoredRecord | undefined }

/** Keyed JSON values with versions. Keys come from the key catalogue. */
export interface Records {
  get(key: string): Promise<StoredRecord | undefined>
  getMany(keys: readonly string[]): Promise<(StoredRecord | undefined)[]>
  /**
   * Writes when the present version equals `expect` (0: must not exist; absent: whatever is there).
   * `ttlMs` replaces any expiry; without it the record lives on without one.
   */
  put(key: string, value: unknown, options?: { expect?: number; ttlMs?: number }): Promise<WriteResult>
  /** `version` is the one the key had, 0 when it was not there. A key written again later starts at 1. */
  delete(key: string, options?: { expect?: number }): Promise<WriteResult>
  /** Restarts the time to live; false when the key is gone. */
  expire(key: string, ttlMs: number): Promise<boolean>
  /** Keys that start with `prefix`, in pages; order is not promised, each key at most once per full scan. */
  scan(prefix: string, options?: { cursor?: string; limit?: number }): Promise<{ keys: string[]; cursor?: string }>
}

// ---------------------------------------------------------------- leases

export interface LeaseGrant {
  /** Strictly greater than every fence given for this name before, even by a server that lost its data. */
  fence: number
  /**
   * `clock.monotonic()` time after which the holder must consider itself without the lease:
   * counted from when it asked, less a margin for clock drift.
   */
  heldUntil: number
}

/** Mutual exclusion with fencing. The holder must stop acting at `heldUntil`; writers check the fence. */
export interface Leases {
  /** `undefined` when someone else holds it. The same holder asking again gets a new fence. */
  acquire(name: string, holder: string, ttlMs: number): Promise<LeaseGrant | undefined>
  /** `undefined` when it is no longer held under this fence. */
  renew(name: string, holder: string, fence: number, ttlMs: number): Promise<LeaseGrant | undefined>
  /** False when it was not held under this fence. */
  release(name: string, holder: string, fence: number): Promise<boolean>
  /** Who holds it now; for people and status pages only. */
  inspect(name: string): Promise<{ holder: string; fence: number; remainingMs: number } | undefined>
}

// ---------------------------------------------------------------- presence

export interface Presence {
  /** Lists the node as alive for `ttlMs` from now (by the store's clock) with a JSON-serialisable summary. */
  announce(node: string, summary: unknown, ttlMs: number): Promise<void>
  /** False when it was not listed. */
  withdraw(node: string): Promise<boolean>
  /** Nodes whose time has not run out, sorted by name. */
  list(): Promise<{ node: string; summary: unknown; remainingMs: number }[]>
}

// ---------------------------------------------------------------- blobs

/** Immutable bytes under their SHA-256 (lower-case hex). */
export interface Blobs {
  /** Returns the hash. Storing the same bytes twice is harmless. */
  put(bytes: Uint8Array, options?: { ttlMs?: number }): Promise<string>
  /** `undefined` when absent; `StoreCorrupt` when the bytes do not match the hash. */
  get(hash: string): Promise<Uint8Array | undefined>
  has(hash: string): Promise<boolean>
  /** False when it was not there. */
  delete(hash: string): Promise<boolean>
}

// ---------------------------------------------------------------- cache

export interface CacheEntry {
  /** From the key catalogue. */
  key: string
  value: Uint8Array
  ttlMs: number
}

/**
 * Bytes that may go at any time: expired, evicted, or lost with their server. Never the only copy of anything, and never a
 * reason to fail: a server that is away is an empty cache.
 */
export interface Cache {
  get(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>
  set(entries: readonly CacheEntry[]): Promise<void>
  delete(keys: readonly string[]): Promise<void>
}

// ---------------------------------------------------------------- documents

/** A JSON value with a version, kept in every data folder: a memory, or one field of a session. */
export interface Document {
  /** `catalogue.memory` of an id, or `sessionField` (keys.ts). */
  key: string
  /** Grows with each write of the key, over deletions too, and is above any it had before in a store that was emptied since. */
  version: number
  value: unknown
  /** Kept with the value, as it was given: the vector of a memory. */
  bytes?: Uint8Array
  /** Wall time, ms. */
  expiresAt?: number
}

export interface DocumentWrite {
  key: string
  /**
   * JSON-serialisable; `undefined` deletes. A memory has the shape of `MemoryValue`; its `text` holds no NUL and no half of a
   * surrogate pair.
   */
  value: unknown
  /** Goes with the value: a write without it leaves none. */
  bytes?: Uint8Array
  /** Writes when the present version equals it (0: must not exist, or is deleted; absent: whatever is there). */
  expect?: number
  /** Of the session with all its fields; default 7 days from the last write. Memories have none. */
  ttlMs?: number
}

/** What the adapters read of a memory; whatever else it holds is kept with it. */
export interface MemoryValue {
  text: string
  /** Scope; absent or '' = none. */
  project?: string
  agent?: string
  session?: string
  kind: 'episodic' | 'semantic'
  state: 'live' | 'superseded' | 'forgotten'
  /** When it happened: wall time, ms. */
  at: number
  /** 0..1 */
  trust: number
  /** Key of the model that made the vector in `bytes`. */
  model?: string
}

export type DocumentResult =
  /** Durable. `journalled`: in this folder, on its way to the shared store, which may find it in conflict. */
  | { ok: true; version: number; journalled?: true }
  | { ok: false; reason: 'conflict'; current?: Document }
  /** The byte budget of memories is used up; figures are those of the slot group it belongs to. */
  | { ok: false; reason: 'quota'; bytes: number; quotaBytes: number }

export interface DocumentChange {
  key: string
  version: number
  deleted: boolean
}

/** How old what is read here may be. */
export interface Freshness {
  /** `embedded`: this folder is all there is. `outage`: the shared store is away, others' writes do not come in. */
  source: 'embedded' | 'connected' | 'outage'
  /** Time since this folder was last known to hold everything, ms. Absent when it is not known in this process. */
  lagMs?: number
  /** Changes known to be missing. */
  behind?: number
}

/**
 * Documents are read from the data folder, which holds all of them, and written to the shared store (or, while it is away,
 * to the outage journal) and at once into the folder. What others write arrives through the change streams.
 */
export interface Documents {
  /** Each stands alone; results in order. Throws `InvalidArgument` for all of them when one is malformed. */
  write(writes: readonly DocumentWrite[]): Promise<DocumentResult[]>
  /** Own writes included. Never a round trip to the shared store. */
  get(keys: readonly string[]): Promise<(Document | undefined)[]>
  /** `memory:` for memories, in order of their ids, or what the keys of session fields begin with, in order of keys; after the key `after`. */
  list(prefix: string, options: { after?: string; limit: number }): Promise<Document[]>
  /**
   * Removes them for good: from the store, every folder, journals and conflicts; nobody's copy brings them back, only a new
   * write does. Returns how many this folder held. While the shared store is away it is journalled for the others.
   */
  erase(keys: readonly string[]): Promise<number>
  /** Calls back after changes landed in this folder, whoever made them. Those of one key come in order; some may be skipped for a later one. */
  follow(onChange: (changes: readonly DocumentChange[]) => void): Stoppable
  freshness(): Freshness
}

// ---------------------------------------------------------------- signals

/** Fire-and-forget channels and capped rings: what the bus mirror runs on. Only a shared store has it. */
export interface Signals {
  publish(channel: string, payload: string): Promise<void>
  /** `onGap` is called after every resubscribe: whatever was published in between is lost to this subscriber. */
  subscribe(channel: string, onPayload: (payload: string) => void, onGap: () => void): Promise<Stoppable>
  /** Appends to a capped ring and publishes on `channel` in one step. */
  ring(ring: string, cap: number, channel: string, payload: string): Promise<EntryId>
  /** Oldest first, strictly after `after`. `truncated` when entries after `after` were already dropped. */
  readRing(ring: string, after: EntryId, limit: number): Promise<{ entries: { entry: EntryId; payload: string }[]; truncated: boolean }>
  /** The newest position of a ring ('0-0' when empty). */
  ringEnd(ring: string): Promise<EntryId>
}

/** One backplane: the ports over one store. */
export interface Store {
  readonly kind: 'sqlite' | 'redis'
  readonly signals?: Signals
  readonly log: Log
  readonly records: Records
  readonly leases: Leases
  readonly blobs: Blobs
  readonly cache: Cache
  readonly documents: Documents
  close(): Promise<void>
}
