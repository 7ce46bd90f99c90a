import type { Bus } from '../../src/bus/bus.ts'
import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'
import type { Catalogue } from '../../src/messages/catalogue.ts'
import type { EntryId, Log, LogConfig, Owner } from '../../src/store/ports.ts'
import type { RoomMeta } from './access.ts'
import type { Committer } from './committer.ts'
import type { DeliveryTable } from './delivery-table.ts'
import type { ResolvedLimits } from './limits.ts'
import type { Tail } from './tail.ts'
import type { Truncated } from './types.ts'
import type { Wakeups } from './wakeups.ts'

/** A room as this node last saw it. One per room, shared by its handles. */
export interface KnownRoom {
  readonly name: string
  config: LogConfig
  meta: RoomMeta
  /** `clock.monotonic()` when `config` was read. */
  readAt: number
  handles: number
}

/** What the rooms of one node share. */
export interface RoomNode {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly bus: Bus
  readonly clock: Clock
  readonly randomness: Randomness
  readonly system: ActorSystem
  readonly limits: ResolvedLimits
  readonly committer: Committer
  readonly wakeups: Wakeups
  /** Of the node: the sender of what is posted without an identity. */
  readonly name: string
  /** Who this node is, in work groups and for cursors. @throws StoreUnavailable before the shared store was reached for the first time */
  owner(): Owner
  nextId(): string
  tableFor(maxAttempts: number): DeliveryTable
  tailOf(room: string): Tail
  /** @throws RoomUnknown */
  known(name: string): Promise<KnownRoom>
  /** The room as last seen; when that is some seconds ago it is read again in the background. */
  fresh(room: KnownRoom): KnownRoom
  /** Reads config and rights again. @throws RoomUnknown */
  refresh(room: KnownRoom): Promise<void>
  /** A message of this node is durable: its members here get it, and the bus is told (nothing about private rooms). */
  posted(room: KnownRoom, entry: EntryId, message: { id: string; type: string; source: string }, body: string): void
  /** Tells the bus that a message was given up; nothing about private rooms. */
  announceDead(room: KnownRoom, dead: { entry: EntryId; group: string; attempts: number; reason: string }): void
  announceTruncated(room: KnownRoom, truncated: Truncated): void
  /** Claims a name for a reader on this node; false when it is in use. */
  claim(reader: string): boolean
  unclaim(reader: string): void
}
