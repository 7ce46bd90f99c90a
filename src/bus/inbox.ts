import type { DataOf } from '../messages/map.ts'
import { frameLength, type Frame } from './frame.ts'

/**
 * Where a frame was read.
 * - `live`: pub/sub; what precedes it may still be in the ring.
 * - `ring`: the catch-up ring, in its order; what is not before it there is lost.
 * - `held`: came live, and the ring was read to its end since.
 */
export type FrameOrigin = 'live' | 'ring' | 'held'

export interface InboxOptions {
  /** Called once per message, in the order of its sender. */
  deliver(event: unknown): void
  lost(resync: DataOf<'bus.resync'>): void
}

interface Sequence {
  epoch: number
  /** Sequence number expected next. */
  next: number
  /** A final frame was seen. */
  ended: boolean
}

/** Senders remembered; beyond that the one not heard for longest is forgotten. */
const maxSenders = 4_096

/**
 * Puts the frames of each sender in order: each must-arrive message is delivered once, or reported as lost.
 * Pure bookkeeping: it reads nothing and waits for nothing.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #mustArrive = new Map<string, Sequence>()
  readonly #ephemeral = new Map<string, Sequence>()
  readonly counts = { delivered: 0, duplicates: 0, stale: 0, gaps: 0, lost: 0, ephemeralLost: 0 }

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** False when the ring must be read before the frame can be placed: offer it again as `held` afterwards. */
  take(frame: Frame, from: FrameOrigin): boolean {
    return frame.delivery === 'ephemeral' ? this.#takeEphemeral(frame) : this.#takeMustArrive(frame, from)
  }

  #takeEphemeral(frame: Frame): boolean {
    const known = this.#ephemeral.get(frame.origin)
    if (known && frame.epoch < known.epoch) return this.#stale()
    const sequence = known?.epoch === frame.epoch ? known : { epoch: frame.epoch, next: frame.seq, ended: false }
    this.#remember(this.#ephemeral, frame.origin, sequence)
    if (frame.seq > sequence.next) this.counts.ephemeralLost += frame.seq - sequence.next
    this.#deliver(frame, sequence)
    return true
  }

  #takeMustArrive(frame: Frame, from: FrameOrigin): boolean {
    const { origin, epoch, seq } = frame
    let sequence = this.#mustArrive.get(origin)
    if (sequence && epoch < sequence.epoch) return this.#stale()
    if (!sequence || epoch > sequence.epoch) {
      // The ring may have more of an earlier epoch, and knows where this one began.
      if (from === 'live') return this.#gap()
      if (sequence && !sequence.ended) this.#lost({ reason: 'restarted', origin, epoch: sequence.epoch, from: sequence.next })
      if (!sequence && from === 'held' && seq > 1) this.#lost({ reason: 'missing', origin, epoch, to: seq - 1 })
      sequence = { epoch, next: sequence ? 1 : seq, ended: false }
    } else if (from === 'live' && seq > sequence.next) {
      return this.#gap()
    }
    this.#remember(this.#mustArrive, origin, sequence)
    if (seq > sequence.next) this.#lostRange('missing', frame, sequence.next, seq - 1)
    if (frame.skipped) {
      const first = Math.max(seq, sequence.next)
      const last = seq + frame.skipped - 1
      if (first <= last) this.#lostRange('overflowed', frame, first, last)
    }
    this.#deliver(frame, sequence)
    if (frame.final) sequence.ended = true
    return true
  }

  #deliver(frame: Frame, sequence: Sequence): void {
    const known = Math.min(Math.max(0, sequence.next - frame.seq), frameLength(frame))
    this.counts.duplicates += known
    // Ahead of the delivery: an observer may set off a read that meets this frame again.
    sequence.next = Math.max(sequence.next, frame.seq + frameLength(frame))
    for (let index = known; index < frame.events.length; index++) {
      this.counts.delivered++
      this.#options.deliver(frame.events[index])
    }
  }

  #remember(sequences: Map<string, Sequence>, origin: string, sequence: Sequence): void {
    sequences.delete(origin)
    sequences.set(origin, sequence)
    if (sequences.size > maxSenders) sequences.delete(sequences.keys().next().value!)
  }

  #stale(): true {
    this.counts.stale++
    return true
  }

  #gap(): false {
    this.counts.gaps++
    return false
  }

  #lostRange(reason: 'missing' | 'overflowed', frame: Frame, from: number, to: number): void {
    this.counts.lost += to - from + 1
    this.#lost({ reason, origin: frame.origin, epoch: frame.epoch, from, to, count: to - from + 1 })
  }

  #lost(resync: DataOf<'bus.resync'>): void {
    this.#options.lost(resync)
  }
}
