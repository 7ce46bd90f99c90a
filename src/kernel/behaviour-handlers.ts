import { InvalidArgument } from './errors.ts'
import { unhandled } from './types.ts'
import type { Behaviour, BehaviourContext, MailboxOptions, Message, StopReason } from './types.ts'
import { isThenable } from './wait.ts'

type HandlerFunction = (message: Message, context: BehaviourContext) => unknown

export interface HandlersOptions {
  name: string
  state?: (input: unknown, context: BehaviourContext) => unknown
  handlers: Record<string, HandlerFunction>
  stop?: (context: BehaviourContext, reason: StopReason) => void | Promise<void>
  mailbox?: MailboxOptions
  concurrency?: number
  deadlineMs?: number
  redeliver?: boolean
}

/** A function per message type. */
export class HandlersBehaviour implements Behaviour {
  readonly kind = 'handlers'
  readonly name: string
  readonly capacity: number | undefined
  readonly concurrency: number
  readonly deadlineMs: number | undefined
  readonly redeliver: boolean
  readonly stop: HandlersOptions['stop']
  readonly #state: HandlersOptions['state']
  readonly #handlers: ReadonlyMap<string, HandlerFunction>

  constructor(options: HandlersOptions) {
    this.name = requireName(options.name)
    this.capacity = options.mailbox?.capacity === undefined ? undefined : atLeastOne('mailbox.capacity', options.mailbox.capacity)
    this.concurrency = atLeastOne('concurrency', options.concurrency ?? 1)
    this.deadlineMs = options.deadlineMs === undefined ? undefined : atLeastOne('deadlineMs', options.deadlineMs)
    this.redeliver = options.redeliver ?? false
    this.stop = options.stop
    this.#state = options.state
    this.#handlers = new Map(Object.entries(options.handlers))
    for (const [type, handler] of this.#handlers) {
      if (typeof handler !== 'function') throw new InvalidArgument(`handlers.${type}`, `must be a function, is ${typeof handler}`)
    }
  }

  start(context: BehaviourContext): void | Promise<void> {
    const state = this.#state?.(context.input, context)
    if (!isThenable(state)) {
      context.state = state
      return
    }
    return Promise.resolve(state).then((value) => {
      context.state = value
    })
  }

  handles(type: string): boolean {
    return this.#handlers.has(type)
  }

  receive(message: Message, context: BehaviourContext): unknown {
    const handler = this.#handlers.get(message.type)
    return handler === undefined ? unhandled : handler(message, context)
  }
}

export function requireName(name: string): string {
  if (typeof name !== 'string' || name === '' || name.includes('/')) throw new InvalidArgument('name', `"${name}" must not be empty or contain "/"`)
  return name
}

export function atLeastOne(field: string, value: number): number {
  if (!(value >= 1)) throw new InvalidArgument(field, `must be a number of at least 1, is ${value}`)
  return value
}
