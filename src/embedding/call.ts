import { Cancelled } from '../kernel/errors.ts'
import type { Queue, Waiter } from './queue.ts'
import type { Embeddings, ModelInfo } from './types.ts'

/** One call of `embed`: what it has, and its texts that are on their way. */
export class EmbedCall {
  readonly vectors: Float32Array[]
  readonly cached: boolean[]
  readonly hashes: string[]
  readonly #queue: Queue
  readonly #signal: AbortSignal | undefined
  readonly #onItsWay = new Set<TextOnItsWay>()
  #characters = 0
  #error: Error | undefined
  /** Of whoever waits for something to happen. */
  #wake: (() => void) | undefined

  constructor(size: number, queue: Queue, signal: AbortSignal | undefined) {
    this.vectors = Array.from({ length: size })
    this.cached = Array.from({ length: size }, () => false)
    this.hashes = Array.from({ length: size })
    this.#queue = queue
    this.#signal = signal
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Its texts that are on their way, and their characters. */
  get texts(): number {
    return this.#onItsWay.size
  }

  get characters(): number {
    return this.#characters
  }

  /** Sends the text at `index` on its way. Throws what the queue throws. */
  send(index: number, purpose: 'query' | 'passage', text: string): void {
    const hash = this.hashes[index] as string
    const sent = new TextOnItsWay(this, index, hash, text.length)
    this.#queue.add(hash, purpose, text, sent)
    this.#onItsWay.add(sent)
    this.#characters += text.length
  }

  /** Resolves with what `work` gives; rejects as soon as the call has failed. */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    this.check()
    const failed = new Promise<void>((resolve) => {
      this.#wake = () => {
        if (this.#error !== undefined) resolve()
      }
    })
    const value = await Promise.race([work, failed])
    this.check()
    return value as Value
  }

  /** Resolves when one of its texts has arrived; rejects when the call has failed. */
  async progress(): Promise<void> {
    this.check()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.check()
  }

  check(): void {
    if (this.#error !== undefined) throw this.#error
  }

  embeddings({ key, dimension }: ModelInfo): Embeddings {
    const { vectors, cached, hashes } = this
    return { vectors, cached, hashes, model: key, dimension }
  }

  /** Nothing of it is waited for any more. */
  end(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    for (const sent of this.#onItsWay) this.#queue.leave(sent.hash, sent)
    this.#onItsWay.clear()
    this.#wake = undefined
  }

  arrived(sent: TextOnItsWay, vector: Float32Array): void {
    this.vectors[sent.index] = vector
    this.#onItsWay.delete(sent)
    this.#characters -= sent.length
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#error ??= error
    this.#wake?.()
  }

  readonly #onAbort = (): void => this.fail(new Cancelled('embedding', this.#signal?.reason))
}

class TextOnItsWay implements Waiter {
  readonly index: number
  readonly hash: string
  readonly length: number
  readonly #call: EmbedCall

  constructor(call: EmbedCall, index: number, hash: string, length: number) {
    this.#call = call
    this.index = index
    this.hash = hash
    this.length = length
  }

  resolve(vector: Float32Array): void {
    this.#call.arrived(this, vector)
  }

  reject(error: Error): void {
    this.#call.fail(error)
  }
}
