// The public API. Everything else is internal and may change without notice.

export { createHive } from './hive.ts'
export type {
  AuditEntry, CallCache, CallCacheStats, CallOptions, Channel, CommitRequest, Conflict, Conflicts, Consolidated, ConsolidateOptions, DeliveryContext, EmbedOptions, Embeddings, Health, HitParts, Hive, HiveOptions, History, HistoryOptions,
  Imported, JoinOptions, KeptConflict, ManyPost, Membership, Memory, MemoryInput, MemoryKind, MemoryRecord, MemoryState, MemoryStats, NodeInfo, PostOptions, PostResult, Recalled, RecallRequest,
  EntryOptions, RecallResult, Scope, Session, SessionState, SetOptions, WorkingMemory, WrapOptions, Selected, Selection, Stored, ReadOptions, Resolution, RoleHandlers, Roles, Room, RoomChanges, RoomFilter, RoomHandler, RoomMessage, RoomOptions, Rooms, RoomSummary, Subscription, Truncated, Visibility, WorkOptions,
} from './hive.ts'

export { defineActor } from './kernel/define.ts'
export type { ActorOptions } from './kernel/define.ts'
export { defineMachineActor } from './kernel/define-machine.ts'
export { defineSupervisor } from './kernel/define-supervisor.ts'
export type { SupervisedChild, SupervisorOptions } from './kernel/define-supervisor.ts'
export { createActorSystem } from './kernel/system.ts'
export { unhandled } from './kernel/types.ts'
export type {
  ActorRef, ActorSystem, AskOptions, Backoff, Context, DeadLetter, DeadLetters, Definition, ExitReason, KernelEvent, Message, RefOf, RestartType, SpawnOptions, StopOptions, StopReason,
  Strategy, Supervision, Terminated, TimerFired, TreeNode,
} from './kernel/types.ts'
export { sleep, systemClock, systemRandomness } from './kernel/clock.ts'
export type { Clock, Randomness, Timer } from './kernel/clock.ts'
export { VirtualClock } from './kernel/virtual-clock.ts'
export type { Logger } from './kernel/logger.ts'
export {
  ActorCrashed, ActorExists, ActorStopped, AskTimeout, BusOverflow, Cancelled, EmbedderBusy, EmbedderUnavailable, HandlerTimeout, HivemindError, InvalidArgument, InvalidConfig, InvalidMessage, JournalFull, MailboxFull, MemoryFull,
  messageOf, MessageTooLarge, MessageUnhandled, ModelUnusable, RestartIntensityExceeded, RoomConflict, RoomForbidden, RoomFull, RoomUnknown, ScopeForbidden, SpawnRefused, StaleOwner, StoreBusy, StoreCorrupt, StoreFull,
  StoreMisconfigured, StoreUnavailable, UnknownMessageType, VersionConflict,
} from './kernel/errors.ts'

export { defineMessage } from './messages/define.ts'
export type { DeliveryClass, MessageOptions, MessagesOf, MessageType } from './messages/define.ts'
export type { Catalogue } from './messages/catalogue.ts'
export type { Envelope } from './messages/envelope.ts'
export type { DataOf, MessageMap, MessageTypeName } from './messages/map.ts'
export type { Bus, PublishOptions } from './bus/bus.ts'

export type { Blobs, DeadEntry, EntryId, LeaseGrant, Leases, Log, LogInfo, PendingEntry, Records, Signals, Store, StoredRecord, Stoppable, WriteResult } from './store/ports.ts'
export { compareEntryIds } from './store/ports.ts'
export { startPrivateRedis } from './store/redis/private-server.ts'
export type { PrivateRedis, PrivateRedisOptions } from './store/redis/private-server.ts'

export { projectOf } from './project.ts'
export { findTranscripts } from './transcripts/find.ts'
export type { TranscriptFile } from './transcripts/find.ts'
export { importTranscripts } from './transcripts/import.ts'
export type { ImportOptions, TranscriptImport } from './transcripts/import.ts'

export { defineScenario } from './scenario/define.ts'
export type { Expectation, Scenario, ScenarioContext, ScenarioCounts, ScenarioOptions, ScenarioSetup, ScenarioStep } from './scenario/define.ts'
export { runScenario } from './scenario/run.ts'
export type { RunOptions, ScenarioResult } from './scenario/run.ts'
export { silentProgress } from './scenario/progress.ts'
export type { Progress } from './scenario/progress.ts'

/** The schema library that inputs and messages are described with. */
export { z } from 'zod'
