import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { DeadLetter, DeadLetterReason, DeadLetters, Message } from './types.ts'

const kept = 1000
const logEveryMs = 1000

/** Keeps the newest dead letters and logs at most one line per second about them. */
export class DeadLetterOffice implements DeadLetters {
  total = 0
  #letters: DeadLetter[] = []
  #lastLogged = -Infinity
  #unlogged = 0
  readonly #clock: Clock
  readonly #log: Logger
  readonly #onAdded: (letter: DeadLetter) => void
  readonly #resend: (letter: DeadLetter) => boolean

  /** `resend` returns whether there was an actor that took it. */
  constructor(clock: Clock, log: Logger, onAdded: (letter: DeadLetter) => void, resend: (letter: DeadLetter) => boolean) {
    this.#clock = clock
    this.#log = log
    this.#onAdded = onAdded
    this.#resend = resend
  }

  add(target: string, message: Message, reason: DeadLetterReason, error?: unknown): void {
    const letter: DeadLetter = { number: ++this.total, target, message, reason, time: this.#clock.now(), ...(error === undefined ? {} : { error }) }
    this.#letters.push(letter)
    if (this.#letters.length >= kept * 2) this.#letters = this.#letters.slice(-kept)
    this.#report(letter)
    this.#onAdded(letter)
  }

  list(options: { target?: string } = {}): DeadLetter[] {
    const newest = this.#letters.slice(-kept)
    return options.target === undefined ? newest : newest.filter((letter) => letter.target === options.target)
  }

  replay(options: { target?: string; numbers?: readonly number[] } = {}): number {
    const numbers = options.numbers === undefined ? undefined : new Set(options.numbers)
    const chosen = this.list(options).filter((letter) => numbers === undefined || numbers.has(letter.number))
    const sent = new Set(chosen.filter((letter) => this.#resend(letter)))
    this.#letters = this.#letters.filter((letter) => !sent.has(letter))
    return sent.size
  }

  clear(): void {
    this.#letters = []
  }

  #report(letter: DeadLetter): void {
    const now = this.#clock.monotonic()
    if (now - this.#lastLogged < logEveryMs) {
      this.#unlogged++
      return
    }
    this.#lastLogged = now
    const more = this.#unlogged
    this.#unlogged = 0
    this.#log.warn({ target: letter.target, type: letter.message.type, reason: letter.reason, more }, 'dead letter')
  }
}
