import type { z } from 'zod'
import { InvalidArgument } from '../kernel/errors.ts'

/**
 * How far a message published on the bus travels.
 * - `local`: this node only.
 * - `ephemeral`: every node, by pub/sub; lost to whoever is not listening.
 * - `must-arrive`: every node, kept in a capped ring until read; what could not be kept is told by `bus.resync`.
 */
export type DeliveryClass = 'local' | 'ephemeral' | 'must-arrive'

/** A command asks for something, an event tells what happened, content is what members say to each other. */
export type MessageKind = 'command' | 'event' | 'content'

export interface MessageOptions {
  /** Default `ephemeral`. */
  delivery?: DeliveryClass
  /** Default: `event` when the name ends in a past tense (`model.loaded`), else `command`. */
  kind?: MessageKind
  /** One sentence for the event catalogue. */
  about?: string
}

export interface MessageType<Type extends string = string, Data = unknown> {
  readonly type: Type
  /** Data must be plain JSON, and what the schema returns must pass the schema again: it is checked at every door. */
  readonly schema: z.ZodType<Data>
  readonly delivery: DeliveryClass
  readonly kind: MessageKind
  readonly about: string
}

/** Longest type name, in characters. */
export const longestTypeName = 128

const typeName = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/
/** Only those that are not imperatives too ("read", "set" and "run" are both). */
const irregularPastTenses = new Set(['begun', 'broken', 'built', 'found', 'given', 'held', 'left', 'lost', 'made', 'met', 'sent', 'told', 'won', 'written'])
const imperativesInEd = new Set(['embed', 'feed', 'heed', 'need', 'proceed', 'seed', 'shed', 'speed', 'succeed'])

/** Whether a type name is that of an event: its last word is a past tense. */
export function isPastTense(type: string): boolean {
  const last = type.slice(Math.max(type.lastIndexOf('.'), type.lastIndexOf('-')) + 1)
  return irregularPastTenses.has(last) || (last.endsWith('ed') && !imperativesInEd.has(last))
}

/** The part of `MessageMap` that a list of definitions stands for. */
export type MessagesOf<Types extends readonly MessageType<any, any>[]> = {
  [Entry in Types[number] as Entry['type']]: Entry extends MessageType<any, infer Data> ? Data : never
}

/**
 * Declares a message type. Pass it to `createHive({ messages: [...] })`, and add its shape to `MessageMap`
 * to have it checked at compile time.
 *
 * @throws InvalidArgument when the name is not dot-separated lower-case words
 */
export function defineMessage<const Type extends string, Data>(type: Type, schema: z.ZodType<Data>, options: MessageOptions = {}): MessageType<Type, Data> {
  if (!typeName.test(type) || type.length > longestTypeName) {
    throw new InvalidArgument('type', `"${type.slice(0, longestTypeName)}" is no message type: use dot-separated lower-case words of at most ${longestTypeName} characters, like "model.load" (a command) or "model.loaded" (an event)`)
  }
  return Object.freeze({
    type,
    schema,
    delivery: options.delivery ?? 'ephemeral',
    kind: options.kind ?? (isPastTense(type) ? 'event' : 'command'),
    about: options.about ?? '',
  })
}
