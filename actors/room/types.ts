import type { Envelope } from '../../src/messages/envelope.ts'
import type { DeadEntry, EntryId, LogInfo, PendingEntry } from '../../src/store/ports.ts'

/**
 * Who may use a room.
 * - `public`: anyone posts, reads and subscribes.
 * - `members`: only members do; the room is listed.
 * - `private`: only members; to everyone else the room does not exist (`RoomUnknown`, unlisted, nothing on the bus).
 */
export type Visibility = 'public' | 'members' | 'private'

export interface RoomOptions {
  /** Default `public`. */
  visibility?: Visibility
  /** Required for `members` and `private`, unless `as` is given: the opener is always a member. */
  members?: readonly string[]
  /** Entries kept; older ones are trimmed unless a work group still needs them. Default 10,000. */
  cap?: number
  /** Bytes of messages after which a post gets `RoomFull`. Default `limits.roomBytes`, 64 MB. */
  quotaBytes?: number
  /** Who uses this handle; the sender of its posts and the identity its rights are checked for. */
  as?: string
}

/** A message as it stands in a room. Shared between the handlers of a node: treat it as immutable. */
export interface RoomMessage<Data = any> extends Envelope<string, Data> {
  entry: EntryId
}

export interface PostOptions {
  /** Idempotency key: the same id in the same room is stored once. Default: a fresh id. */
  id?: string
  /** The sender, when it is not the handle's `as`. */
  as?: string
  subject?: string
  correlationid?: string
  causationid?: string
}

export interface ManyPost extends PostOptions {
  type: string
  data: unknown
}

export interface PostResult {
  id: string
  /** Absent when the post waits in the outage journal. */
  entry?: EntryId
  /** This id was posted before; `entry` is the first one's. */
  duplicate: boolean
  /** The shared store is away: accepted into this node's outage journal, delivered when the store is back. */
  journalled?: boolean
}

export interface HistoryOptions {
  /** Entries after this one. */
  after?: EntryId
  /** Entries before this one. */
  before?: EntryId
  /** Default 100, at most 1,000. */
  limit?: number
  /** Newest first. */
  reverse?: boolean
  as?: string
}

export interface History {
  messages: RoomMessage[]
  /** Pass it as `after` (as `before` when `reverse`) for the next page; absent on the last one. */
  next?: EntryId
}

export interface EffectPost {
  /** Default: the room of the message being handled. */
  room?: string
  type: string
  data: unknown
}

export interface EffectRecord {
  /** Read it back with `ctx.record(key)`. Belongs to the room of the message being handled. */
  key: string
  /** JSON-serialisable; `undefined` deletes. */
  value: unknown
  ttlMs?: number
}

export interface CommitRequest {
  posts?: readonly EffectPost[]
  records?: readonly EffectRecord[]
}

export interface DeliveryContext {
  room: string
  entry: EntryId
  /** 1 on first delivery. */
  attempt: number
  /** The same on every delivery of this message to this group or member: an idempotency key for effects outside the store. */
  effectKey: string
  /** Aborted when the deadline passes, the entry is lost to another owner, or the reader stops. */
  signal: AbortSignal
  /**
   * Applies posts and records atomically with the acknowledgement: exactly once, however often the message is delivered.
   * Once per delivery. Throws `StaleOwner` when the entry is not this reader's any more (nothing was applied by this call),
   * `RoomFull` or `RoomUnknown` when an effect cannot be applied (nothing was; the delivery fails unless you catch it).
   */
  commit(effects?: CommitRequest): Promise<{ posted: EntryId[] }>
  /** A record beside the room, `undefined` when absent. */
  record(key: string): Promise<unknown>
}

/** Returning acknowledges (unless `ctx.commit` did); throwing, rejecting or missing the deadline is a failed attempt. */
export type RoomHandler = (message: RoomMessage, ctx: DeliveryContext) => unknown

/** Messages that do not match are skipped before delivery and acknowledged. Must not throw: a throw counts as a failed attempt. */
export type RoomFilter = (message: RoomMessage) => boolean

/** A stalled member was overtaken by the cap: `count` messages, `from` the first to `to` the last known, are gone for it. */
export interface Truncated {
  room: string
  member: string
  /** The member's position: everything up to it was seen. */
  from: EntryId
  /** The first message still there, delivered next. */
  to: EntryId
  /** Messages lost in between. */
  count: number
}

export interface ReadOptions {
  /** Where a new member or group starts; an existing one goes on where it was. Default `end` for join, `start` for work. */
  from?: 'start' | 'end' | EntryId
  filter?: RoomFilter
  /** Failed attempts after which a message goes to the dead letters. Default 5. */
  maxAttempts?: number
  /** Time one attempt may take, ms. Default 10 minutes; `Infinity` for none. */
  deadlineMs?: number
}

export interface JoinOptions extends ReadOptions {
  /** Told when the cap overtook this member. */
  onTruncated?: (truncated: Truncated) => void
}

export interface WorkOptions extends ReadOptions {
  /** Whose rights are checked. Default: the handle's `as`, else the group's name. */
  as?: string
  /** Name of this consumer on its node, stable over restarts. Default: the lowest free number. */
  consumer?: string
  /** Messages handled at the same time. Default 1. */
  concurrency?: number
}

export interface Subscription {
  /** Lets running handlers finish (up to `drainMs`, default 5,000); what is unfinished stays pending for the next owner. Twice is harmless. */
  stop(options?: { drainMs?: number }): Promise<void>
}

export interface Membership extends Subscription {
  /** Position up to which the member has handled everything. */
  readonly cursor: EntryId
}

export interface RoomChanges {
  members?: readonly string[]
  cap?: number
  quotaBytes?: number
}

export interface Room {
  readonly name: string
  readonly visibility: Visibility
  readonly members: readonly string[]
  /**
   * Stores a message durably. Throws `UnknownMessageType`, `InvalidMessage`, `MessageTooLarge`, `RoomForbidden`,
   * `RoomUnknown`, `RoomFull`, `StoreUnavailable`.
   */
  post(type: string, data: unknown, options?: PostOptions): Promise<PostResult>
  /**
   * As `post`, for many at once and at a fraction of the cost: all are checked before any is stored, and they stand in this order.
   * When one is refused (`RoomFull`) the others may have been stored: with ids, calling again is harmless.
   */
  postMany(posts: readonly ManyPost[]): Promise<PostResult[]>
  history(options?: HistoryOptions): Promise<History>
  /** Every message in order, to this member, with a durable cursor of its own. At least once. */
  join(member: string, handler: RoomHandler, options?: JoinOptions): Promise<Membership>
  /** Each message to one worker of the group. At least once; effects of `ctx.commit` once. */
  work(group: string, handler: RoomHandler, options?: WorkOptions): Promise<Subscription>
  pending(group: string, options?: { after?: EntryId; count?: number }): Promise<PendingEntry[]>
  deadLetters(options?: { after?: EntryId; count?: number }): Promise<DeadEntry[]>
  /** Posts dead letters again (all of them, or these); returns how many. */
  replay(entries?: readonly EntryId[]): Promise<number>
  info(): Promise<LogInfo>
  /** Changes members or limits of the room for every node. Only for those who may post. */
  configure(changes: RoomChanges): Promise<void>
  /** Stops the subscriptions made through this handle. The room stays. Twice is harmless. */
  close(): Promise<void>
}

export interface RoomLimits {
  /** Bytes of one message. Default 1 MB. */
  messageBytes?: number
  /** Byte quota of a room that is opened without one. Default 64 MB. */
  quotaBytes?: number
  /** How long message ids are remembered. Default 24 h. */
  dedupeMs?: number
  /** Time without a sign of life after which a work group's entry may be taken over. Default 15 s. */
  takeOverMs?: number
  /** Back-off between attempts: exponential from `minMs` to `maxMs` with full jitter. Default 200 ms to 30 s. */
  retry?: { minMs: number; maxMs: number }
}

export interface RoomSummary {
  name: string
  visibility: Visibility
}

export interface Rooms {
  /** Opens a room, creating it when new. `RoomConflict` when an option differs from what is stored; `RoomUnknown` for a private room of others. */
  open(name: string, options?: RoomOptions): Promise<Room>
  /** Rooms that `as` may know of, sorted by name. */
  list(options?: { as?: string; after?: string; limit?: number }): Promise<RoomSummary[]>
  /** Stops all readers. Twice is harmless. */
  stop(): Promise<void>
}
