import type { Clock, Randomness, Timer } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { encodeFrame, type Frame } from './frame.ts'

export interface OutboxOptions {
  origin: string
  delivery: Frame['delivery']
  /** Hands a frame to the store. A rejection may mean that it was taken all the same. */
  send(frame: string): Promise<unknown>
  /** Called with the number of messages just dropped. */
  onDropped(count: number): void
  /** Bounds of what waits, without the frame under way. */
  maxMessages: number
  maxBytes: number
  clock: Clock
  randomness: Randomness
}

/** A frame takes more messages until it has this many bytes. */
const frameBytes = 64 * 1024
const retry = { minMs: 50, maxMs: 5_000 }

/**
 * What waits for the link, in order, one frame under way at a time; meanwhile the next frame gathers. Nothing is sent before it is opened.
 * Must-arrive messages are sent again until they are taken (the sequence number makes that harmless); when too many wait,
 * the oldest are dropped and a `skipped` frame tells so in their place. Ephemeral ones get one try; when too many wait, the newest are dropped.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #keep: boolean
  #epoch: number | undefined
  #items: { text: string; bytes: number }[] = []
  #first = 0
  #bytes = 0
  /** Sequence number of the oldest message in `#items`. */
  #firstSeq = 1
  #skipped: { seq: number; count: number } | undefined
  #closing = false
  #running: Promise<void> | undefined
  #ended = false
  #stopped = false
  #failures = 0
  #lastError = ''
  #wait: { timer: Timer; end: () => void } | undefined
  readonly sent = { frames: 0, messages: 0, bytes: 0 }

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#keep = options.delivery === 'must-arrive'
  }

  get waiting(): { messages: number; bytes: number } {
    return { messages: this.#items.length - this.#first, bytes: this.#bytes }
  }

  /** Why the last frame was not taken; undefined when it was. */
  get failure(): string | undefined {
    return this.#failures > 0 ? this.#lastError : undefined
  }

  /** What waits, and whatever follows, goes out under this epoch. */
  open(epoch: number): void {
    this.#epoch = epoch
    if (this.waiting.messages > 0) this.#start()
  }

  /** Takes an envelope as JSON. */
  add(text: string): void {
    if (this.#stopped || this.#closing || (!this.#keep && this.#epoch === undefined)) {
      this.#options.onDropped(1)
      return
    }
    const { maxMessages, maxBytes } = this.#options
    const bytes = Buffer.byteLength(text)
    if (!this.#keep && (this.waiting.messages >= maxMessages || this.#bytes + bytes > maxBytes)) {
      this.#options.onDropped(1)
      return
    }
    this.#items.push({ text, bytes })
    this.#bytes += bytes
    let dropped = 0
    while (this.waiting.messages > 1 && (this.waiting.messages > maxMessages || this.#bytes > maxBytes)) {
      this.#skip()
      dropped++
    }
    if (dropped > 0) this.#options.onDropped(dropped)
    if (this.#epoch !== undefined) this.#start()
  }

  /** A burst of one turn goes out as one frame. */
  #start(): void {
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** The link may be back: try at once. */
  wake(): void {
    this.#wait?.end()
  }

  /** Takes nothing more; resolves when all was sent, or when `stop` gave up. A final frame tells the others that nothing follows. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true
      if (this.#epoch !== undefined) this.#start()
    }
    await this.#running
  }

  /** Gives up what still waits. Twice is harmless. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.wake()
    if (this.waiting.messages > 0) this.#options.onDropped(this.waiting.messages)
    this.#items = []
    this.#first = this.#bytes = 0
  }

  #skip(): void {
    const seq = this.#firstSeq
    this.#shift()
    if (this.#skipped) this.#skipped.count++
    else this.#skipped = { seq, count: 1 }
  }

  #shift(): string {
    const item = this.#items[this.#first]!
    this.#items[this.#first++] = undefined!
    this.#bytes -= item.bytes
    this.#firstSeq++
    if (this.#first * 2 > this.#items.length) {
      this.#items.splice(0, this.#first)
      this.#first = 0
    }
    return item.text
  }

  #next(): { text: string; count: number } | undefined {
    const { origin, delivery } = this.#options
    const epoch = this.#epoch as number
    if (this.#skipped) {
      const { seq, count } = this.#skipped
      this.#skipped = undefined
      return { text: encodeFrame({ origin, epoch, delivery, seq, skipped: count }, []), count: 0 }
    }
    const seq = this.#firstSeq
    if (this.waiting.messages === 0) {
      if (this.#ended || !this.#closing || !this.#keep || seq === 1) return undefined
      this.#ended = true
      return { text: encodeFrame({ origin, epoch, delivery, seq, final: true }, []), count: 0 }
    }
    const events: string[] = []
    for (let bytes = 0; this.waiting.messages > 0 && bytes < frameBytes;) {
      bytes += this.#items[this.#first]!.bytes
      if (events.length > 0 && bytes > frameBytes) break
      events.push(this.#shift())
    }
    return { text: encodeFrame({ origin, epoch, delivery, seq }, events), count: events.length }
  }

  async #run(): Promise<void> {
    let frame = this.#next()
    while (frame && !this.#stopped) {
      if (await this.#send(frame)) frame = this.#next()
    }
    this.#running = undefined
  }

  /** True when the frame is settled: taken, or given up. */
  async #send(frame: { text: string; count: number }): Promise<boolean> {
    try {
      await this.#options.send(frame.text)
    } catch (error) {
      this.#failures++
      this.#lastError = messageOf(error)
      if (!this.#keep) {
        this.#options.onDropped(frame.count)
        return true
      }
      await this.#backOff()
      return false
    }
    this.#failures = 0
    this.sent.frames++
    this.sent.messages += frame.count
    this.sent.bytes += frame.text.length
    return true
  }

  #backOff(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    const ceiling = Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(this.#failures - 1, 16))
    const ms = retry.minMs + this.#options.randomness.next() * (ceiling - retry.minMs)
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#wait = undefined
        resolve()
      }
      const timer = this.#options.clock.timer(ms, end, { background: true })
      this.#wait = { timer, end }
    })
  }
}
