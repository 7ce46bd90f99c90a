import type { Clock, Randomness, Timer } from './clock.ts'
import type { Logger } from './logger.ts'

/** A message is a plain object with a type; its fields are the payload. */
export interface Message {
  readonly type: string
}

/** Reply type of every message type, as inferred from the handlers. */
export type RepliesOf = Record<string, unknown>

/** Types the kernel itself delivers; nobody else sends them. */
export type SystemMessageType = 'terminated' | 'timer'

/** Why an actor ended for good. */
export type ExitReason =
  /** Somebody asked for it. */
  | 'stopped'
  /** It stopped itself, or its machine reached a final state. */
  | 'finished'
  /** It failed and its restart type says that it does not come back. */
  | 'failed'
  /** It failed more often than its supervision allows. */
  | 'escalated'

/** Delivered to whoever watches an actor, once, when that actor has ended for good. */
export interface Terminated {
  readonly type: 'terminated'
  readonly id: string
  readonly incarnation: number
  readonly reason: ExitReason
  readonly error?: unknown
}

/** Delivered when a timer set with `startTimer` fires. `time` is `clock.monotonic()`. */
export interface TimerFired {
  readonly type: 'timer'
  readonly id: string
  readonly nonce: number
  readonly time: number
}

export interface AskOptions {
  /** Default 5,000. The ask rejects with `AskTimeout`; a message still waiting in the mailbox is then dropped. */
  timeoutMs?: number
  /** Rejects with `Cancelled` when it aborts. */
  signal?: AbortSignal
}

export interface StopOptions {
  /** How long messages that were already accepted may still be handled. Default 0: they go to dead letters. */
  drainMs?: number
  /** How long handlers and the stop hook may take after `ctx.signal` aborted, before they are abandoned. Default 5,000. */
  graceMs?: number
}

/** Address of one actor. It stays valid over restarts; after the actor ended, messages go to dead letters. */
export interface ActorRef<M extends Message = Message, R extends RepliesOf = RepliesOf> {
  readonly id: string
  /** Puts a message into the mailbox. Throws `MailboxFull`; a stopped target turns it into a dead letter. */
  tell(message: M): void
  /** As `tell`, but waits for room. Rejects with `ActorStopped`, or `Cancelled` when `signal` aborts. */
  offer(message: M, options?: { signal?: AbortSignal }): Promise<void>
  /**
   * Sends and waits for what the handler returns. Settles exactly once; rejects with `AskTimeout`, `Cancelled`,
   * `MailboxFull`, `ActorStopped`, `ActorCrashed` (the handler failed) or `MessageUnhandled`.
   */
  ask<T extends M['type']>(message: Extract<M, { type: T }>, options?: AskOptions): Promise<R[T]>
  /** Ends the actor for good. Stopping twice is harmless; resolves when it has ended. */
  stop(options?: StopOptions): Promise<void>
}

export type AnyRef = ActorRef<any, any>

export type RestartType =
  /** Restarted whenever it ends, unless somebody asked it to stop. */
  | 'permanent'
  /** Restarted when it fails; free to stop itself. The default. */
  | 'transient'
  /** Never restarted. */
  | 'temporary'

export interface Backoff {
  /** Upper bound of the first delay (ms); doubles with each failure. The delay is uniform between 0 and the bound. Default 100. */
  minMs?: number
  /** Largest bound (ms). Default 30,000. */
  maxMs?: number
  /** After this long without a failure (ms) the bound starts at `minMs` again. Default 60,000. */
  resetAfterMs?: number
}

export interface Supervision {
  restart?: RestartType
  /** Restarts allowed within `windowMs`; the next failure escalates. Default 5. */
  maxRestarts?: number
  /** Default 60,000. */
  windowMs?: number
  backoff?: Backoff
}

export type SpawnOptions<Input> = {
  /** Unique among running actors. Default: the definition's name and a number. */
  id?: string
  supervision?: Supervision
} & (undefined extends Input ? { input?: Input } : { input: Input })

/** `spawn(definition, options)`, where options may be left out when the definition needs no input. */
export type SpawnArguments<Input> = undefined extends Input ? [options?: SpawnOptions<Input>] : [options: SpawnOptions<Input>]

export interface Spawner {
  /**
   * Starts an actor and resolves when it has started. A start that fails is retried as the supervision says;
   * rejects with `RestartIntensityExceeded` or `ActorCrashed` when it is given up, `ActorExists` when the id is taken.
   */
  spawn<Input, M extends Message, R extends RepliesOf>(
    definition: Definition<Input, M, R>,
    ...options: SpawnArguments<Input>
  ): Promise<ActorRef<M, R>>
}

/** What a handler, a state factory, an effect and a stop hook get besides the message. Belongs to one incarnation. */
export interface Context<State = unknown, Input = unknown> extends Spawner {
  readonly id: string
  /** 1 for the first start, one more for each restart. */
  readonly incarnation: number
  readonly input: Input
  state: State
  readonly self: AnyRef
  /** Aborts when this incarnation ends: by failure, restart or stop. Pass it on to whatever takes long. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Logger
  /** Sends `message` to this actor after `ms`, through the control lane. Ends with the incarnation. */
  after(ms: number, message: Message): Timer
  /** A `terminated` message arrives when that actor ends. Watching twice gives one message; needs a `terminated` handler. */
  watch(ref: AnyRef): void
  unwatch(ref: AnyRef): void
  /** Ends this actor after the message in hand; a permanent one is restarted. */
  stop(): void
}

/** Why an incarnation ended, as its stop hook is told. */
export type StopReason = { readonly kind: 'stopped' } | { readonly kind: 'finished' } | { readonly kind: 'failed'; readonly error: unknown }

export interface MailboxOptions {
  /** Messages that may wait in the data lane. Default: that of the system. */
  capacity?: number
}

/**
 * What the kernel runs for one kind of actor. Made by `defineActor`, `defineMachineActor` and `defineSupervisor`,
 * shared by all actors of that kind, so it keeps nothing of a single one: that is in the context.
 */
export interface Behaviour {
  readonly kind: 'handlers' | 'machine' | 'supervisor'
  readonly name: string
  /** Of the mailbox; without one that of the system holds. */
  readonly capacity: number | undefined
  readonly concurrency: number
  readonly deadlineMs: number | undefined
  readonly redeliver: boolean
  /** Sets `context.state`. A throw or a rejection is a failed start. */
  start(context: BehaviourContext): void | Promise<void>
  /** Whether a message of this type can be handled at all. */
  handles(type: string): boolean
  /** The value, or the promise of it, answers an ask. A throw or a rejection is a failure of the actor. */
  receive(message: Message, context: BehaviourContext): unknown
  /** Runs when an incarnation that had started ends, after its children stopped. */
  stop?(context: BehaviourContext, reason: StopReason): void | Promise<void>
  /** For `tree()`: what a person should read as the state of the actor, when the behaviour knows more than "running". */
  show?(context: BehaviourContext): string | undefined
}

/** The context as behaviours see it: with what is needed to run a group of children and to fail. */
export interface BehaviourContext extends Context {
  /** Fails this incarnation from outside a handler. Ignored when it has already ended. */
  fail(error: unknown): void
  /** Takes part in the life of the incarnation: its end waits for this promise, its rejection is a failure. */
  track(work: PromiseLike<unknown>): void
  /** As `after`, under a name: replaces the timer of that name, which then never fires. */
  startTimer(id: string, ms: number, message: () => Message): void
  cancelTimer(id: string): void
  /** Starts children as one supervised group; resolves when all have started. */
  startGroup(spec: GroupSpec): Promise<void>
}

export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one'

export interface GroupChild {
  id: string
  behaviour: Behaviour
  input: unknown
  restart: RestartType
}

export interface GroupSpec {
  strategy: Strategy
  children: GroupChild[]
  intensity: { maxRestarts: number; windowMs: number }
  backoff: Required<Backoff>
}

/** What can be spawned. The type parameters exist for inference only. */
export interface Definition<Input = unknown, M extends Message = Message, R extends RepliesOf = RepliesOf> {
  readonly name: string
  readonly behaviour: Behaviour
  /** Never set: carries the types. */
  readonly types?: { input: Input; message: M; replies: R }
}

/** The type of the ref that spawning this definition gives. */
export type RefOf<D> = D extends Definition<infer _I, infer M, infer R> ? ActorRef<M, R> : never

export type DeadLetterReason =
  /** The target has ended. */
  | 'stopped'
  /** The mailbox was full. */
  | 'full'
  /** The handler of this message failed. */
  | 'crashed'
  /** The actor failed or was stopped while this message was being handled. */
  | 'interrupted'
  /** The actor has no handler for this type. */
  | 'unhandled'

export interface DeadLetter {
  /** Grows by one with each dead letter of this system. */
  readonly number: number
  /** Id of the actor it was for. */
  readonly target: string
  readonly message: Message
  readonly reason: DeadLetterReason
  /** `clock.now()` */
  readonly time: number
  readonly error?: unknown
}

export interface DeadLetters {
  /** Oldest first. Only the newest 1,000 are kept. */
  list(options?: { target?: string }): DeadLetter[]
  /** How many there have been, including those no longer kept. */
  readonly total: number
  /** Sends them again to the actors that now have those ids and removes them; the rest stays. Returns how many were sent. */
  replay(options?: { target?: string; numbers?: readonly number[] }): number
  clear(): void
}

/** What the system tells its observer. */
export type KernelEvent =
  | { type: 'actor.started'; id: string; incarnation: number }
  | { type: 'actor.crashed'; id: string; incarnation: number; error: unknown }
  | { type: 'actor.restarted'; id: string; incarnation: number; restarts: number }
  | { type: 'actor.stopped'; id: string; incarnation: number; reason: ExitReason; error?: unknown }
  | { type: 'actor.escalated'; id: string; restarts: number; error: unknown }
  | { type: 'deadletter.added'; letter: DeadLetter }

export interface TreeNode {
  id: string
  kind: 'guardian' | 'handlers' | 'machine' | 'supervisor'
  name: string
  /** 'starting' | 'running' | 'stopping' | 'restarting' | 'stopped', with the machine's state after a colon. */
  state: string
  /** Messages waiting. */
  mailbox: number
  restarts: number
  incarnation: number
  /** Messages taken from the mailbox so far, over all incarnations: it grows while the loop advances. */
  handled: number
  /** How long the oldest handler still running has been at it (ms). */
  busyMs?: number
  children: TreeNode[]
}

export interface SystemOptions {
  clock?: Clock
  randomness?: Randomness
  logger?: Logger
  /** Messages that may wait in a mailbox whose definition does not say. Default 1,000. */
  mailboxCapacity?: number
  /** Sees every kernel event. What it throws is logged and changes nothing. */
  onEvent?: (event: KernelEvent) => void
}

export interface ActorSystem extends Spawner {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly deadLetters: DeadLetters
  /** Resolves when that actor ends; at once when it has ended. */
  watch(ref: AnyRef): Promise<Terminated>
  /** The running actor with this id. Children have `parent/child` ids. */
  lookup(id: string): AnyRef | undefined
  tree(): TreeNode
  /** Actors whose oldest running handler has been at it for at least `ms`: the loop does not advance. */
  stuck(ms: number): TreeNode[]
  /** Stops all actors, the last spawned first. Stopping twice is harmless. */
  stop(options?: StopOptions): Promise<void>
}

/** What `Behaviour.receive` returns for a message that it has no handler for. */
export const unhandled: unique symbol = Symbol('unhandled')
