import { Ask, Carried } from './ask.ts'
import { ActorStopped, Cancelled, InvalidArgument, MailboxFull } from './errors.ts'
import type { Item } from './flight.ts'
import { Mailbox } from './mailbox.ts'
import type { Runtime } from './runtime.ts'
import type { AskOptions, Behaviour, DeadLetterReason, Message } from './types.ts'

/** The receiving side of an actor: what comes in, what is refused, and what becomes of messages that nobody handles. */
export abstract class Inbox {
  readonly runtime: Runtime
  readonly id: string
  readonly behaviour: Behaviour
  /** Takes no more messages. */
  protected closed = false
  /** Made with the first message. */
  protected mailbox: Mailbox<Item> | undefined

  constructor(runtime: Runtime, id: string, behaviour: Behaviour) {
    this.runtime = runtime
    this.id = id
    this.behaviour = behaviour
  }

  /** There is something in the mailbox. */
  protected abstract wake(): void

  protected openMailbox(): Mailbox<Item> {
    this.mailbox ??= new Mailbox()
    return this.mailbox
  }

  get capacity(): number {
    return this.behaviour.capacity ?? this.runtime.mailboxCapacity
  }

  get hasRoom(): boolean {
    return !this.closed && (this.mailbox === undefined || this.mailbox.data.length < this.capacity)
  }

  tell(message: Message): void {
    requireMessage(message)
    if (this.closed) this.runtime.deadLetter(this.id, message, 'stopped')
    else this.#enqueue(message, message)
  }

  ask(message: Message, options: AskOptions | undefined): Promise<unknown> {
    try {
      requireMessage(message)
    } catch (error) {
      return Promise.reject(error)
    }
    const ask = new Ask(message, this.id, this.runtime.clock, options)
    if (ask.settled) return ask.promise
    if (this.closed) this.bury(ask, 'stopped', new ActorStopped(this.id))
    else {
      try {
        this.#enqueue(ask, message)
      } catch (error) {
        ask.reject(error)
      }
    }
    return ask.promise
  }

  async offer(message: Message, signal: AbortSignal | undefined): Promise<void> {
    requireMessage(message)
    if (signal?.aborted) throw new Cancelled(`offering "${message.type}" to "${this.id}"`, signal.reason)
    if (this.closed) {
      this.runtime.deadLetter(this.id, message, 'stopped')
      throw new ActorStopped(this.id)
    }
    if (this.hasRoom) {
      this.#enqueue(message, message)
      return
    }
    const mailbox = this.openMailbox()
    if (mailbox.offers >= this.capacity) {
      this.runtime.deadLetter(this.id, message, 'full')
      throw new MailboxFull(this.id, this.capacity)
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        mailbox.withdraw(offer)
        reject(new Cancelled(`offering "${message.type}" to "${this.id}"`, signal?.reason))
      }
      const done = (): void => signal?.removeEventListener('abort', onAbort)
      const offer = {
        item: message,
        admitted: () => {
          done()
          resolve()
        },
        refused: () => {
          done()
          this.runtime.deadLetter(this.id, message, 'stopped')
          reject(new ActorStopped(this.id))
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      mailbox.wait(offer)
    })
  }

  #enqueue(item: Item, message: Message): void {
    const mailbox = this.mailbox ?? this.openMailbox()
    if (mailbox.data.length >= this.capacity) {
      this.runtime.deadLetter(this.id, message, 'full')
      throw new MailboxFull(this.id, this.capacity)
    }
    mailbox.data.push(item)
    this.wake()
  }

  protected flush(): void {
    const mailbox = this.mailbox
    if (mailbox === undefined) return
    this.mailbox = undefined
    const offers = mailbox.takeOffers()
    mailbox.dropControl()
    for (let item = mailbox.shift(); item !== undefined; item = mailbox.shift()) this.bury(item, 'stopped', new ActorStopped(this.id))
    for (const offer of offers) offer.refused()
  }

  /** A dead letter, and a rejection for whoever asked; an ask that was settled before is nobody's loss. */
  protected bury(item: Item, reason: DeadLetterReason, rejection: unknown, error?: unknown): void {
    if (item instanceof Ask) {
      if (item.settled) return
      item.reject(rejection)
      this.runtime.deadLetter(this.id, item.message, reason, error)
    } else this.runtime.deadLetter(this.id, item instanceof Carried ? item.message : item, reason, error)
  }
}

function requireMessage(message: Message): void {
  if (typeof message !== 'object' || message === null || typeof message.type !== 'string') {
    throw new InvalidArgument('message', 'must be an object with a "type" that is a string')
  }
}
