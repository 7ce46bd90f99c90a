import {
  HivemindError, InvalidArgument, RoomFull, RoomUnknown, StoreCorrupt, StoreFull, StoreMisconfigured, StoreUnavailable, messageOf,
} from '../../kernel/errors.ts'
import type { Request } from './worker/calls.ts'
import type { Rung } from './worker/rooms.ts'

/** Given to the worker when it is started. */
export interface WorkerOptions {
  dataDir: string
  durability: 'process' | 'fsync'
  /** Wall time in ms. */
  now: number
}

export type ToWorker = { kind: 'calls'; id: number; now: number; requests: Request[] } | { kind: 'close' }

export type Reply = { value: unknown } | { error: WireError }

export type FromWorker =
  | { kind: 'ready'; ring: number; setAside?: string }
  | { kind: 'failed'; error: WireError }
  /** `last`: the worker stops after this one. */
  | { kind: 'replies'; id: number; replies: Reply[]; rung?: Rung; last?: boolean }

/** An error between two threads: classes do not survive the copy. */
export interface WireError {
  name: string
  message: string
  stack?: string
  /** What the class is made from, when that is not its message. */
  made?: readonly unknown[]
}

export function toWire(error: unknown): WireError {
  const wire: WireError = { name: error instanceof Error ? error.name : 'Error', message: messageOf(error), stack: error instanceof Error ? error.stack : undefined }
  if (error instanceof RoomUnknown) wire.made = [error.room]
  else if (error instanceof RoomFull) wire.made = [error.room, error.bytes, error.quota]
  else if (error instanceof InvalidArgument) wire.made = [error.field, error.message.slice(`"${error.field}": `.length)]
  return wire
}

/** The same error on this side, with the worker's own as its cause. */
export function fromWire({ name, message, stack, made = [] }: WireError): Error {
  const cause = Object.assign(new Error(message), stack === undefined ? {} : { stack })
  const [first, second, third] = made
  switch (name) {
    case 'RoomUnknown': return new RoomUnknown(first as string)
    case 'RoomFull': return new RoomFull(first as string, second as number, third as number)
    case 'InvalidArgument': return new InvalidArgument(first as string, second as string)
    case 'StoreUnavailable': return new StoreUnavailable(message, cause)
    case 'StoreFull': return new StoreFull(message, cause)
    case 'StoreMisconfigured': return new StoreMisconfigured(message, cause)
    case 'StoreCorrupt': return new StoreCorrupt(message, cause)
    default: return new HivemindError('store_failed', message, false, { cause })
  }
}
