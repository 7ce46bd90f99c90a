import type { AnyStateMachine, EventFrom, InputFrom, SnapshotFrom, StateMachine } from 'xstate'
import { MachineBehaviour } from './behaviour-machine.ts'
import type { Context, Definition, MailboxOptions, Message, SystemMessageType } from './types.ts'

/** The named actions of a machine with their params, as declared in `setup({ actions })`. */
type CommandOf<M> = M extends StateMachine<any, any, any, any, infer Command, any, any, any, any, any, any, any, any, any, any> ? Command : never

/** Carried out by the kernel; a machine gives `{ id, ms, nonce }` and `{ id }`. */
type TimerCommand = 'startTimer' | 'cancelTimer'

type Params<Command, Type> = Command extends { type: Type; params?: infer P } ? (unknown extends P ? undefined : Exclude<P, undefined>) : never

/**
 * One function per command. What it returns late is waited for when the actor ends; a rejection fails the actor.
 * Types cannot tell a command from a named `assign`, so that a missing effect is told by `defineMachineActor`, not by the compiler.
 */
export type Effects<M extends AnyStateMachine, Input> = {
  [Type in Exclude<CommandOf<M>['type'], TimerCommand>]?: (params: Params<CommandOf<M>, Type>, ctx: Context<SnapshotFrom<M>, Input>) => unknown
}

export interface MachineActorOptions<M extends AnyStateMachine, Input, Replies> {
  name: string
  /**
   * A pure XState v5 machine: no invoke, spawn, after, clock or randomness. Its named actions are commands;
   * `assign`, `raise` and `enqueueActions` stay inside. Reaching a final state ends the actor.
   */
  machine: M
  /** Input of the machine, from the input of the actor. Default: the actor's input as it is. */
  input?: (input: Input, ctx: Context<undefined, Input>) => InputFrom<M>
  /**
   * Carries the machine's commands out, in order, after the state has changed. An effect does not hold up the mailbox:
   * tell the outcome to `ctx.self` as an event. `startTimer` and `cancelTimer` are built in, and the
   * timer comes back as `{ type: 'timer', id, nonce, time }`.
   */
  effects: Effects<M, Input>
  /** Answers to asks, by event type, from the state after the event. Default: `undefined`. */
  reply?: { [T in keyof Replies]: Replies[T] & ((snapshot: SnapshotFrom<M>, event: never) => unknown) }
  mailbox?: MailboxOptions
}

type MachineMessage<M extends AnyStateMachine> = Exclude<EventFrom<M>, { type: SystemMessageType }>

type MachineReplies<M extends AnyStateMachine, Replies> = {
  [T in EventFrom<M>['type']]: T extends keyof Replies ? (Replies[T] extends (...args: never[]) => infer Result ? Result : undefined) : undefined
}

/**
 * Defines an actor by a pure state machine and a table of effects. `ctx.state` is the machine's snapshot.
 * Throws `InvalidArgument` when the machine is not pure, or a command has no effect.
 */
export function defineMachineActor<M extends AnyStateMachine, Input = InputFrom<M>, Replies = {}>(
  options: MachineActorOptions<M, Input, Replies>,
): Definition<Input, MachineMessage<M> & Message, MachineReplies<M, Replies>> {
  return { name: options.name, behaviour: new MachineBehaviour(options as never) }
}

