import type { Clock, Randomness } from './clock.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Logger } from './logger.ts'
import type { DeadLetterReason, Definition, GroupSpec, KernelEvent, Message, SpawnOptions, StopOptions, TreeNode } from './types.ts'
import type { LocalRef } from './ref.ts'

/** What all cells of one system share. */
export interface Runtime {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly dispatcher: Dispatcher
  readonly mailboxCapacity: number
  /** Tells the observer. Never throws. */
  emit(event: KernelEvent): void
  deadLetter(target: string, message: Message, reason: DeadLetterReason, error?: unknown): void
  /** Takes an id; throws `ActorExists`. */
  register(id: string, ref: LocalRef): void
  unregister(id: string): void
  /** Starts one actor as a group of its own under `owner`. */
  spawn(owner: Owner, definition: Definition<any, any, any>, options: SpawnOptions<unknown> | undefined): Promise<LocalRef>
  /** Starts a group of actors under `owner`. */
  startGroup(owner: Owner, spec: GroupSpec): Promise<void>
}

/** Whoever groups of actors belong to: an incarnation of an actor, or the guardian. */
export interface Owner {
  /** Put before the ids of what it owns. */
  readonly prefix: string
  readonly groups: Set<OwnedGroup>
  /** The group has failed for good and all its actors have ended. */
  groupEscalated(error: unknown): void
}

export interface OwnedGroup {
  /** Ends all its actors in reverse order. */
  stop(options: StopOptions): Promise<void>
  nodes(): TreeNode[]
}
