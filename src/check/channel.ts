import { InvalidArgument } from '../kernel/errors.ts'
import { Numbered } from './numbered.ts'
import { assertKnown } from './options.ts'
import { rename, type Renaming } from './rename.ts'

export interface ChannelOptions {
  /** The part that receives. */
  to: string
  /** Messages it holds at most; 3 by default. A sender waits when it is full, unless the channel may lose. */
  capacity?: number
  /** May drop messages: any number of them, or so many. */
  lose?: boolean | number
  /** May deliver a message and keep it. */
  duplicate?: boolean | number
  /** Any message may come next, not only the oldest. */
  reorder?: boolean
}

export interface ChannelSpec {
  to: string
  capacity: number
  lose: number
  duplicate: number
  reorder: boolean
}

/** A bounded channel between parts of a product; reliable and in order unless told otherwise. */
export function channel(options: ChannelOptions): ChannelSpec {
  const { to, capacity = 3, lose = false, duplicate = false, reorder = false } = options
  assertKnown('channel', options, ['to', 'capacity', 'lose', 'duplicate', 'reorder'])
  if (!Number.isInteger(capacity) || capacity < 1) throw new InvalidArgument('capacity', `a channel holds a whole number of messages from 1 up, not ${capacity}`)
  return { to, capacity, lose: budgetOf(lose), duplicate: budgetOf(duplicate), reorder }
}

/** How often an adversary may do something; Infinity when there is no bound. */
export function budgetOf(allowed: boolean | number): number {
  return typeof allowed === 'number' ? allowed : allowed ? Infinity : 0
}

/** A message that may be taken out of a channel, and the content that is left. */
export interface Choice {
  message: number
  rest: number
}

/** The contents a channel was seen with, by number: 0 is empty. What is put in and taken out is worked out once. */
export class Contents {
  readonly #lists: (readonly number[])[] = []
  readonly #numbers = new Map<string, number>()
  readonly #choices: (readonly Choice[] | undefined)[] = []
  readonly #puts = new Map<number, number>()
  /** A full channel was met by a sender. */
  wasFull = false

  constructor(readonly spec: ChannelSpec, readonly messages: Numbered<unknown>) {
    this.#number([])
  }

  /** The messages in it. */
  read(content: number): readonly unknown[] {
    return this.#lists[content]!.map((message) => this.messages.values[message])
  }

  /** The content with the message put in, -1 when the sender has to wait. */
  put(content: number, message: number): number {
    const key = content * 65_536 + message
    const known = this.#puts.get(key)
    if (known !== undefined) return known
    const list = this.#lists[content]!
    let next: number
    if (list.length < this.spec.capacity) {
      // Where order does not count, contents are kept sorted, so that there are fewer of them.
      next = this.#number(this.spec.reorder ? [...list, message].sort((a, b) => a - b) : [...list, message])
    } else {
      this.wasFull = true
      next = this.spec.lose > 0 ? content : -1
    }
    this.#puts.set(key, next)
    return next
  }

  /** Messages that may come next, each with the content that is left without it; equal messages once. */
  choices(content: number): readonly Choice[] {
    const known = this.#choices[content]
    if (known !== undefined) return known
    const list = this.#lists[content]!
    const positions = this.spec.reorder ? list.flatMap((message, position) => (list.indexOf(message) === position ? [position] : [])) : [...list.keys()].slice(0, 1)
    return (this.#choices[content] = positions.map((position) => ({ message: list[position]!, rest: this.#number(list.toSpliced(position, 1)) })))
  }

  /** The content of a channel that is alike, with names exchanged, as one of this channel. */
  adopt(messages: readonly unknown[], names: Renaming): number {
    const list = messages.map((message) => this.messages.of(rename(message, names)))
    return this.#number(this.spec.reorder ? list.sort((a, b) => a - b) : list)
  }

  #number(list: readonly number[]): number {
    const key = list.join(',')
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#lists.length
      this.#lists.push(list)
      this.#numbers.set(key, number)
    }
    return number
  }
}
