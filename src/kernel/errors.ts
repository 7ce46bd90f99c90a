/** What every error of the runtime carries besides its message. */
export interface ErrorDetails {
  cause?: unknown
  /** Id of the actor the error belongs to. */
  actor?: string
  incarnation?: number
}

/**
 * Base of all errors the runtime raises. `code` is stable: match on it, not on the message.
 * `retryable` says whether the same call may succeed later without a change.
 */
export class HivemindError extends Error {
  readonly code: string
  readonly retryable: boolean
  readonly actor?: string
  readonly incarnation?: number

  constructor(code: string, message: string, retryable: boolean, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = retryable
    if (details.actor !== undefined) this.actor = details.actor
    if (details.incarnation !== undefined) this.incarnation = details.incarnation
  }

  toJSON(): { code: string; message: string; retryable: boolean; actor?: string; incarnation?: number } {
    return { code: this.code, message: this.message, retryable: this.retryable, actor: this.actor, incarnation: this.incarnation }
  }
}

// Kernel

export class MailboxFull extends HivemindError {
  constructor(actor: string, readonly capacity: number) {
    super('mailbox_full', `the mailbox of "${actor}" is full (${capacity} messages): wait with offer(), slow the sender, or raise mailbox.capacity (of all actors: limits.mailbox)`, true, { actor })
  }
}

export class ActorStopped extends HivemindError {
  constructor(actor: string, details: ErrorDetails = {}) {
    super('actor_stopped', `"${actor}" is stopped: the message went to dead letters`, false, { ...details, actor })
  }
}

export class ActorExists extends HivemindError {
  constructor(actor: string) {
    super('actor_exists', `an actor with the id "${actor}" is running: choose another id, or stop it first`, false, { actor })
  }
}

export class AskTimeout extends HivemindError {
  constructor(actor: string, readonly timeoutMs: number) {
    super('ask_timeout', `"${actor}" gave no answer within ${timeoutMs} ms`, true, { actor })
  }
}

export class Cancelled extends HivemindError {
  constructor(what: string, cause?: unknown) {
    super('cancelled', `${what} was cancelled`, false, { cause })
  }
}

export class HandlerTimeout extends HivemindError {
  constructor(actor: string, type: string, readonly timeoutMs: number) {
    super('handler_timeout', `"${actor}" did not finish "${type}" within ${timeoutMs} ms: raise deadlineMs, or make the handler heed ctx.signal`, true, { actor })
  }
}

export class ActorCrashed extends HivemindError {
  constructor(actor: string, incarnation: number, cause: unknown) {
    super('actor_crashed', `"${actor}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, true, { actor, incarnation, cause })
  }
}

export class RestartIntensityExceeded extends HivemindError {
  constructor(actor: string, readonly restarts: number, readonly windowMs: number, cause: unknown) {
    super('restart_intensity_exceeded', `"${actor}" was restarted ${restarts} times within ${windowMs} ms and failed again: escalated`, false, { actor, cause })
  }
}

export class SpawnRefused extends HivemindError {
  constructor(owner: string) {
    super('spawn_refused', `"${owner}" has ended or was restarted: it cannot spawn any more`, false, { actor: owner })
  }
}

export class MessageUnhandled extends HivemindError {
  constructor(actor: string, readonly type: string) {
    super('message_unhandled', `"${actor}" has no handler for "${type}": the message went to dead letters`, false, { actor })
  }
}

// Messages

export class UnknownMessageType extends HivemindError {
  constructor(readonly type: string, near: readonly string[] = []) {
    super('unknown_message_type', `unknown message type "${type}"${near.length > 0 ? ` (did you mean ${near.map((name) => `"${name}"`).join(' or ')}?)` : ''}: define it with defineMessage(type, schema) and pass it in createHive({ messages: [...] })`, false)
  }
}

export class InvalidMessage extends HivemindError {
  constructor(readonly type: string, readonly field: string, problem: string) {
    super('invalid_message', `"${type}" is not valid at ${field === '' ? 'its root' : `"${field}"`}: ${problem}`, false)
  }
}

export class MessageTooLarge extends HivemindError {
  constructor(readonly bytes: number, readonly limit: number) {
    super('message_too_large', `the message is ${bytes} bytes and the limit is ${limit}: put the payload into hive.blobs and send its hash, or raise limits.messageBytes`, false)
  }
}

/** Observers publish in a circle, or one message sets off more than the bus takes at once. */
export class BusOverflow extends HivemindError {
  constructor(readonly type: string, readonly limit: number) {
    super('bus_overflow', `publishing "${type}" from an observer was refused: one message set off ${limit} others; look for observers that answer each other`, false)
  }
}

// Rooms

export class RoomUnknown extends HivemindError {
  constructor(readonly room: string) {
    super('room_unknown', `there is no room "${room}": open it with hive.room(name, { visibility }) or look at "hivemind rooms ls"`, false)
  }
}

export class RoomForbidden extends HivemindError {
  constructor(readonly room: string, member: string | undefined, action: string) {
    super('room_forbidden', `${member === undefined ? 'an anonymous caller' : `"${member}"`} may not ${action} "${room}": it is not among its members`, false)
  }
}

export class RoomFull extends HivemindError {
  constructor(readonly room: string, readonly bytes?: number, readonly quota?: number) {
    super('room_full', `room "${room}" ${bytes === undefined ? 'is at its byte quota' : `holds ${bytes} bytes and its quota is ${quota}`}: let its workers catch up, trim it, or raise quotaBytes`, true)
  }
}

export class RoomConflict extends HivemindError {
  constructor(readonly room: string, readonly field: string, existing: unknown, wanted: unknown) {
    super('room_conflict', `room "${room}" exists with ${field} ${JSON.stringify(existing)}, asked for ${JSON.stringify(wanted)}: leave the option out to open it as it is`, false)
  }
}

/** The caller no longer owns what it tried to commit: another holder took it over. The effects were not applied. */
export class StaleOwner extends HivemindError {
  constructor(readonly resource: string) {
    super('stale_owner', `"${resource}" was taken over by another holder: nothing of this commit was applied`, false)
  }
}

// Stores

export class VersionConflict extends HivemindError {
  constructor(readonly key: string, readonly expected: number, readonly actual: number) {
    super('version_conflict', `"${key}" is at version ${actual}, expected ${expected}: read it again and decide`, true)
  }
}

export class StoreUnavailable extends HivemindError {
  constructor(message: string, cause?: unknown) {
    super('store_unavailable', message, true, { cause })
  }
}

/** More calls are waiting for the store than it may queue. */
export class StoreBusy extends HivemindError {
  constructor(what: string, readonly limit: number) {
    super('store_busy', `${limit} ${what} are waiting already: await earlier calls before making more`, true)
  }
}

export class StoreFull extends HivemindError {
  constructor(message: string, cause?: unknown) {
    super('store_full', message, true, { cause })
  }
}

/** The store cannot be used as it is set up (wrong password, eviction policy, version, read-only folder). */
export class StoreMisconfigured extends HivemindError {
  constructor(message: string, cause?: unknown) {
    super('store_misconfigured', message, false, { cause })
  }
}

export class StoreCorrupt extends HivemindError {
  constructor(message: string, cause?: unknown) {
    super('store_corrupt', message, false, { cause })
  }
}

export class JournalFull extends HivemindError {
  constructor(readonly bytes: number, readonly limit: number) {
    super('journal_full', `the outage journal holds ${bytes} bytes and its limit is ${limit}: bring Redis back, or raise limits.journalBytes`, true)
  }
}

export class JournalTooOld extends HivemindError {
  constructor(readonly ageMs: number, readonly limitMs: number) {
    super('journal_too_old', `the outage journal has waited ${Math.round(ageMs / 1000)} s for the shared store and its limit is ${Math.round(limitMs / 1000)} s: bring Redis back, or raise limits.journalAgeMs`, true)
  }
}

export class ConflictUnknown extends HivemindError {
  constructor(readonly conflict: string) {
    super('conflict_unknown', `there is no conflict "${conflict}": it was resolved, or look at "hivemind conflicts"`, false)
  }
}

// Embedding

/** More texts are waiting for a worker than the embedder may queue. */
export class EmbedderBusy extends HivemindError {
  constructor(readonly waiting: number, readonly limit: number) {
    super('embedder_busy', `${waiting} texts are waiting to be embedded and the limit is ${limit}: await earlier calls before making more, or raise embedder.queue`, true)
  }
}

/** No worker could embed the text: they are down, or the embedder is closed. */
export class EmbedderUnavailable extends HivemindError {
  constructor(problem: string, cause?: unknown) {
    super('embedder_unavailable', `nothing can be embedded now: ${problem}`, true, { cause })
  }
}

/** The model cannot be used as it is: a file is missing, damaged or of a kind that is not known. */
export class ModelUnusable extends HivemindError {
  constructor(readonly model: string, problem: string, cause?: unknown) {
    super('model_unusable', `the model "${model}" cannot be used: ${problem}`, false, { cause })
  }
}

// Recall

/** More requests are waiting for the recall index than it may queue. */
export class RecallBusy extends HivemindError {
  constructor(readonly limit: number) {
    super('recall_busy', `${limit} requests are waiting for the recall index already: await earlier ones before making more`, true)
  }
}

/** The worker of the recall index ended while it answered, again and again, or could not do what was asked. */
export class RecallFailed extends HivemindError {
  constructor(problem: string, cause?: unknown) {
    super('recall_failed', `the recall index gave no answer: ${problem}`, true, { cause })
  }
}

export class RecallClosed extends HivemindError {
  constructor() {
    super('recall_closed', 'the recall index is closed', false)
  }
}

/** The index has not read as far as was asked for. */
export class RecallBehind extends HivemindError {
  constructor(readonly wanted: number, readonly reached: number) {
    super('recall_behind', `the recall index has read changes up to ${reached} and ${wanted} was asked for: ask again in a moment`, true)
  }
}

// Memory

/** The budget of bytes for memories is used up. */
export class MemoryFull extends HivemindError {
  constructor(readonly scope: string, readonly bytes: number, readonly limit: number) {
    super('memory_full', `the memories of ${scope} hold ${bytes} bytes and the limit is ${limit}: forget or purge some, or raise memory.scopeBytes`, false)
  }
}

/** A view on the memory was asked for something outside of its scope. */
export class ScopeForbidden extends HivemindError {
  constructor(readonly field: string, readonly asked: string) {
    super('scope_forbidden', `"scope.${field}" is "${asked}", and this view on the memory is bound to another: leave it out, or use a view that is not bound`, false)
  }
}

export class InvalidConfig extends HivemindError {
  constructor(readonly field: string, problem: string) {
    super('invalid_config', `configuration "${field}": ${problem}`, false)
  }
}

export class InvalidArgument extends HivemindError {
  constructor(readonly field: string, problem: string) {
    super('invalid_argument', `"${field}": ${problem}`, false)
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
