import { HandlersBehaviour } from './behaviour-handlers.ts'
import type { Context, Definition, MailboxOptions, Message, StopReason, SystemMessageType } from './types.ts'

type Payload<H> = H extends (message: infer P, ...rest: never[]) => unknown ? (unknown extends P ? {} : [P] extends [never] ? {} : P) : {}

/** The union of messages that an actor with these handlers takes from others. */
export type MessageOf<H> = { [T in Exclude<keyof H, SystemMessageType> & string]: { readonly type: T } & Payload<H[T]> }[Exclude<keyof H, SystemMessageType> & string]

/** What each handler answers. */
export type ReplyOf<H> = { [T in keyof H & string]: H[T] extends (...args: never[]) => infer Result ? Awaited<Result> : never }

export interface ActorOptions<State, Input, H> {
  name: string
  /** Makes the state at every (re)start; whatever is opened here is closed in `stop`. */
  state?: (input: Input, ctx: Context<undefined, Input>) => State | Promise<State>
  /** By message type. `message` is what travels besides the type; the result answers an ask. */
  handlers: { [T in keyof H]: H[T] & ((message: never, ctx: Context<State, Input>) => unknown) }
  /** Runs when an incarnation that had started ends, also after a failure, once its children have stopped. */
  stop?: (ctx: Context<State, Input>, reason: StopReason) => void | Promise<void>
  mailbox?: MailboxOptions
  /** Messages handled at the same time. Default 1. */
  concurrency?: number
  /** A handler that takes longer fails the actor with `HandlerTimeout`. Default: none. */
  deadlineMs?: number
  /** Handle the message that crashed the actor again after the restart, instead of making it a dead letter. */
  redeliver?: boolean
}

/**
 * Defines an actor by a function per message type. They run one at a time, in order of arrival, and share `ctx.state`.
 *
 * @example
 * const counter = defineActor({
 *   name: 'counter',
 *   state: (input: { start: number }) => ({ n: input.start }),
 *   handlers: {
 *     add: (message: { by: number }, ctx) => { ctx.state.n += message.by },
 *     get: (_, ctx) => ctx.state.n,
 *   },
 * })
 *
 * Throws `InvalidArgument` when an option is out of range.
 */
export function defineActor<H, State = undefined, Input = undefined>(
  options: ActorOptions<State, Input, H>,
): Definition<Input, MessageOf<H> & Message, ReplyOf<H>> {
  return { name: options.name, behaviour: new HandlersBehaviour(options as never) }
}
