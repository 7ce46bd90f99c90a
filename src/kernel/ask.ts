import type { Clock, Timer } from './clock.ts'
import { AskTimeout, Cancelled } from './errors.ts'
import type { AskOptions, Message } from './types.ts'

export const defaultAskTimeoutMs = 5_000

/** A message with something the mailbox has to know about it; by itself, that it came through the control lane. */
export class Carried {
  readonly message: Message

  constructor(message: Message) {
    this.message = message
  }
}

/** A message that somebody waits for the answer of. Whatever comes first settles it; the rest is ignored. */
export class Ask extends Carried {
  readonly promise: Promise<unknown>
  settled = false
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void
  readonly #timer: Timer
  readonly #signal: AbortSignal | undefined

  constructor(message: Message, target: string, clock: Clock, options: AskOptions | undefined) {
    super(message)
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const timeoutMs = options?.timeoutMs ?? defaultAskTimeoutMs
    this.#timer = clock.timer(timeoutMs, () => this.reject(new AskTimeout(target, timeoutMs)))
    this.#signal = options?.signal
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.#timer.cancel()
    this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }

  readonly #onAbort = (): void => this.reject(new Cancelled(`asking "${this.message.type}"`, this.#signal?.reason))
}
