import type { Clock, Randomness, Timer } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import type { EntryId, Signals } from '../store/ports.ts'
import type { Frame } from './frame.ts'

export interface CatchUpOptions {
  signals: Signals
  ring: string
  /** Entries up to here were published before this node listened. */
  cursor: EntryId
  onEntry(payload: string): void
  /** A frame that came live ahead of its turn, after the ring was read to its end. */
  onHeld(frame: Frame): void
  /** The ring dropped entries that were not read. */
  onTruncated(): void
  clock: Clock
  randomness: Randomness
}

const pageSize = 256
const maxHeldFrames = 256
const retry = { minMs: 50, maxMs: 5_000 }

/** Reads the ring from where it was left, one read at a time, whenever somebody asks; tries again until the store answers. */
export class CatchUp {
  readonly #options: CatchUpOptions
  #cursor: EntryId
  #held: Frame[] = []
  #wanted = false
  #running = false
  #failures = 0
  #lastError = ''
  #retry: Timer | undefined
  #stopped = false
  passes = 0

  constructor(options: CatchUpOptions) {
    this.#options = options
    this.#cursor = options.cursor
  }

  /** Keeps a frame until the ring was read; beyond the bound the ring alone has it. */
  hold(frame: Frame): void {
    if (this.#held.length < maxHeldFrames) this.#held.push(frame)
    this.wake()
  }

  wake(): void {
    if (this.#stopped) return
    this.#wanted = true
    this.#retry?.cancel()
    this.#retry = undefined
    if (!this.#running) void this.#run()
  }

  /** Why the ring could not be read the last time; undefined when it could. */
  get failure(): string | undefined {
    return this.#failures > 0 ? this.#lastError : undefined
  }

  /** What is being read is dropped. Twice is harmless. */
  stop(): void {
    this.#stopped = true
    this.#retry?.cancel()
    this.#held = []
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false
      const held = this.#held
      this.#held = []
      try {
        await this.#read()
      } catch (error) {
        this.#lastError = messageOf(error)
        this.#held = [...held, ...this.#held].slice(0, maxHeldFrames)
        this.#retryLater()
        break
      }
      this.#failures = 0
      this.passes++
      for (const frame of held) this.#options.onHeld(frame)
    }
    this.#running = false
  }

  async #read(): Promise<void> {
    const { signals, ring, onEntry, onTruncated } = this.#options
    for (let more = true; more && !this.#stopped;) {
      const page = await signals.readRing(ring, this.#cursor, pageSize)
      if (this.#stopped) return
      if (page.truncated) onTruncated()
      for (const { entry, payload } of page.entries) {
        this.#cursor = entry
        onEntry(payload)
      }
      more = page.entries.length === pageSize
    }
  }

  #retryLater(): void {
    if (this.#stopped) return
    const ceiling = Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(this.#failures++, 16))
    const ms = retry.minMs + this.#options.randomness.next() * (ceiling - retry.minMs)
    this.#retry = this.#options.clock.timer(ms, () => this.wake(), { background: true })
  }
}
