import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate'
import { budgetOf } from './channel.ts'
import { isModel, modelStepper, type Model } from './model.ts'
import { assertMachine, machineStepper } from './machine.ts'
import { assertKnown } from './options.ts'
import type { Command } from './space.ts'
import type { Stepper } from './stepper.ts'

/** A message put into a channel. */
export interface Sent {
  channel: string
  message: unknown
}

/** When a part acts: its own clock, in ticks. 0 where time is not counted. */
export interface Moment {
  now: number
}

export interface PartOptions<V, E> {
  input?: unknown
  key?: (snapshot: V) => unknown
  /** What may happen to it by itself, or be done to it by the environment. */
  events?: readonly E[] | ((snapshot: V, at: Moment) => readonly E[])
  /** What a command of it puts into channels. `startTimer` and `cancelTimer` are understood without it. */
  send?: (command: Command, snapshot: V, at: Moment) => readonly Sent[] | Sent | undefined
  /** The event a message becomes; undefined: it is dropped. */
  receive?: (message: any, snapshot: V, at: Moment) => E | undefined
  /** May lose its state and begin anew: any number of times, or so many. */
  crashes?: boolean | number
}

export interface Part<V, E> {
  stepper: () => Stepper<any, V, E>
  events: (snapshot: V, at: Moment) => readonly E[]
  send: (command: Command, snapshot: V, at: Moment) => readonly Sent[]
  receive: (message: unknown, snapshot: V, at: Moment) => E | undefined
  crashes: number
}

/** A machine or model as a part of a product, wired to its channels. */
export function part<M extends AnyStateMachine>(machine: M, options?: NoInfer<PartOptions<SnapshotFrom<M>, EventFromLogic<M>>>): Part<SnapshotFrom<M>, EventFromLogic<M>>
export function part<S, E>(model: Model<S, E>, options?: PartOptions<S, E>): Part<S, E>
export function part(subject: AnyStateMachine | Model<any, any>, options: PartOptions<any, any> = {}): Part<any, any> {
  const { input, key, events = [], send, receive, crashes = false } = options
  assertKnown('part', options, ['input', 'key', 'events', 'send', 'receive', 'crashes'])
  if (!isModel(subject)) assertMachine('part', subject)
  return {
    stepper: () => (isModel(subject) ? modelStepper(key === undefined ? subject : { ...subject, key }) : machineStepper(subject, { events: [], input, key })),
    events: typeof events === 'function' ? events : () => events,
    send(command, snapshot, at) {
      const sent = send?.(command, snapshot, at) ?? []
      return Array.isArray(sent) ? sent : [sent as Sent]
    },
    receive: (message, snapshot, at) => receive?.(message, snapshot, at),
    crashes: budgetOf(crashes),
  }
}
