import type { Clock, Randomness, Timer } from '../kernel/clock.ts'
import { HivemindError, InvalidArgument, InvalidMessage, messageOf, MessageTooLarge } from '../kernel/errors.ts'
import type { Catalogue } from '../messages/catalogue.ts'
import { attributeBytes, checkEnvelope, encodeEnvelope } from '../messages/wire.ts'
import { catalogue as keys } from '../store/keys.ts'
import type { Signals, Stoppable } from '../store/ports.ts'
import type { Bus, Outgoing } from './bus.ts'
import { CatchUp } from './catch-up.ts'
import { decodeFrame, type Frame } from './frame.ts'
import { Inbox, type FrameOrigin } from './inbox.ts'
import { Outbox } from './outbox.ts'
import { createThrottle } from './throttle.ts'

export interface MirrorOptions {
  bus: Bus
  signals: Signals
  catalogue: Catalogue
  /** Id of this node. No two running nodes share one. */
  origin: string
  /** Grows with every start of a node under the same id. Asked for at the start; throws as long as it is not known. */
  epoch(): number
  clock: Clock
  randomness: Randomness
  /** Channel and ring that the nodes of a hive share. Default `channel:events` and `events`. */
  channel?: string
  ring?: string
  /** Frames the ring keeps. Default 10,000. */
  ringCap?: number
  /** A lost wake-up costs at most this long, ms. Default 5,000. */
  sweepMs?: number
  /** Messages, and bytes, that wait while the link is down, for each delivery class. Default 10,000 and 16 MB. */
  maxWaiting?: number
  maxWaitingBytes?: number
}

export interface OutgoingStats {
  frames: number
  messages: number
  bytes: number
  /** Dropped because too many waited, or (ephemeral) because the link was down. */
  dropped: number
  waiting: number
  waitingBytes: number
}

export interface MirrorStats {
  mustArrive: OutgoingStats
  ephemeral: OutgoingStats
  /** Messages of other nodes handed to the observers here. */
  delivered: number
  /** Came more than once; of an earlier life of their node; own ones. */
  duplicates: number
  stale: number
  ownEchoes: number
  /** Frames that came ahead of their turn or were the first of a life, reads of the ring, resubscriptions. */
  gaps: number
  catchUps: number
  resubscribes: number
  /** `bus.resync` messages, must-arrive messages they count, ephemeral messages that did not come. */
  resyncs: number
  lost: number
  ephemeralLost: number
  refusedIn: number
  refusedOut: number
  /** Why the last must-arrive frame could not be sent, or the ring not be read; absent while the link works. */
  failure?: string
}

export interface Mirror {
  /** Rejects when the store does not answer or the epoch is not known; may be called again. Twice is harmless. */
  start(): Promise<void>
  /** Sends what waits (up to `drainMs`, default 1,000), then says goodbye. Before the start, or twice, is harmless. */
  stop(options?: { drainMs?: number }): Promise<void>
  stats(): MirrorStats
}

/**
 * Joins the buses of all nodes on one store. Must-arrive messages are delivered once on every node that was up when they
 * were published, in the order of their sender, or a `bus.resync` tells which are lost; ephemeral ones at most once. What is
 * published here between its making and its start must arrive too.
 */
export function createMirror(options: MirrorOptions): Mirror {
  const { bus, signals, catalogue, origin, clock, randomness, channel = keys.events.build(), ring = 'events', ringCap = 10_000, sweepMs = 5_000 } = options
  if (origin === '' || origin.length > 256) throw new InvalidArgument('origin', 'give the id of this node, 1 to 256 characters')

  const messageBytes = catalogue.limitBytes + attributeBytes
  const frameLimit = messageBytes + 128 * 1024
  const refusals = createThrottle(clock, 10_000)
  const counts = { ownEchoes: 0, resubscribes: 0, resyncs: 0, refusedIn: 0, refusedOut: 0 }
  const dropped = { 'ephemeral': 0, 'must-arrive': 0 }
  let epoch = 0
  let superseded = false
  let unread = 0
  let catchUp: CatchUp | undefined
  let subscription: Stoppable | undefined
  let sweep: Timer | undefined
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined

  const refuse = (direction: 'in' | 'out', error: unknown): void => {
    counts[direction === 'in' ? 'refusedIn' : 'refusedOut']++
    const code = error instanceof HivemindError ? error.code : 'unexpected'
    const count = refusals(`${direction} ${code}`)
    if (count > 0) bus.publish('bus.message-refused', { direction, code, message: messageOf(error), count })
  }

  const outbox = (delivery: Frame['delivery'], send: (frame: string) => Promise<unknown>): Outbox => new Outbox({
    origin, delivery, send, clock, randomness,
    maxMessages: options.maxWaiting ?? 10_000,
    maxBytes: options.maxWaitingBytes ?? 16 * 1024 * 1024,
    onDropped: (count) => { dropped[delivery] += count },
  })
  const outboxes = {
    'ephemeral': outbox('ephemeral', (frame) => signals.publish(channel, frame)),
    'must-arrive': outbox('must-arrive', (frame) => signals.ring(ring, ringCap, channel, frame)),
  }

  const onOutgoing: Outgoing = (envelope, delivery) => {
    try {
      const text = encodeEnvelope(envelope)
      if (text.length * 3 > messageBytes) {
        const bytes = Buffer.byteLength(text)
        if (bytes > messageBytes) throw new MessageTooLarge(bytes, messageBytes)
      }
      outboxes[delivery].add(text)
    } catch (error) {
      refuse('out', error)
    }
  }

  const inbox = new Inbox({
    deliver(event) {
      try {
        const envelope = checkEnvelope(event, catalogue)
        if (catalogue.delivery(envelope.type) === 'local') throw new InvalidMessage(envelope.type, 'type', 'messages of this type stay on their node')
        bus.publishEnvelope(envelope)
      } catch (error) {
        refuse('in', error)
      }
    },
    lost(resync) {
      counts.resyncs++
      bus.publish('bus.resync', resync)
    },
  })

  const take = (payload: string, from: FrameOrigin): void => {
    try {
      const frame = decodeFrame(payload, frameLimit)
      if (frame.origin === origin) onEcho(frame)
      else if (!inbox.take(frame, from)) catchUp?.hold(frame)
      else if (from === 'live' && frame.delivery === 'must-arrive' && ++unread > ringCap / 2) readOn()
    } catch (error) {
      refuse('in', error)
    }
  }

  const onEcho = (frame: Frame): void => {
    counts.ownEchoes++
    if (frame.epoch <= epoch || superseded) return
    superseded = true
    bus.publish('bus.superseded', { node: origin, epoch: frame.epoch })
  }

  /** Keeps the place in the ring near its end, so that entries seen live are not taken for lost when the ring drops them. */
  const readOn = (): void => {
    unread = 0
    catchUp?.wake()
  }

  const scheduleSweep = (): void => {
    sweep = clock.timer(sweepMs, () => {
      readOn()
      scheduleSweep()
    }, { background: true })
  }

  const onGap = (): void => {
    counts.resubscribes++
    outboxes['must-arrive'].wake()
    readOn()
  }

  const endOutgoing = bus.outgoing(onOutgoing)

  const start = async (): Promise<void> => {
    epoch = options.epoch()
    if (!Number.isSafeInteger(epoch) || epoch < 0) throw new InvalidArgument('epoch', 'give a whole number that grows with every start of this node')
    const reader = new CatchUp({
      signals, ring, clock, randomness,
      cursor: await signals.ringEnd(ring),
      onEntry: (payload) => take(payload, 'ring'),
      onHeld: (frame) => void inbox.take(frame, 'held'),
      onTruncated() {
        counts.resyncs++
        bus.publish('bus.resync', { reason: 'truncated' })
      },
    })
    catchUp = reader
    let subscribed: Stoppable
    try {
      subscribed = await signals.subscribe(channel, (payload) => take(payload, 'live'), onGap)
    } catch (error) {
      reader.stop()
      throw error
    }
    if (stopping) {
      await subscribed.stop()
      return
    }
    subscription = subscribed
    for (const each of Object.values(outboxes)) each.open(epoch)
    scheduleSweep()
    readOn()
  }

  const drain = async (drainMs: number): Promise<void> => {
    let timer: Timer | undefined
    const deadline = new Promise<void>((resolve) => { timer = clock.timer(drainMs, resolve) })
    await Promise.race([Promise.all([outboxes.ephemeral.close(), outboxes['must-arrive'].close()]), deadline])
    timer?.cancel()
    outboxes.ephemeral.stop()
    outboxes['must-arrive'].stop()
  }

  const outgoingStats = (delivery: Frame['delivery']): OutgoingStats => {
    const { sent, waiting } = outboxes[delivery]
    return { ...sent, dropped: dropped[delivery], waiting: waiting.messages, waitingBytes: waiting.bytes }
  }

  return {
    start() {
      if (stopping) return stopping
      starting ??= start().catch((error: unknown) => {
        starting = undefined
        throw error
      })
      return starting
    },
    stop(stopOptions) {
      stopping ??= (async () => {
        endOutgoing()
        sweep?.cancel()
        await drain(stopOptions?.drainMs ?? 1_000)
        catchUp?.stop()
        await subscription?.stop()
      })()
      return stopping
    },
    stats: () => ({
      mustArrive: outgoingStats('must-arrive'),
      ephemeral: outgoingStats('ephemeral'),
      delivered: inbox.counts.delivered,
      duplicates: inbox.counts.duplicates,
      stale: inbox.counts.stale,
      gaps: inbox.counts.gaps,
      lost: inbox.counts.lost,
      ephemeralLost: inbox.counts.ephemeralLost,
      catchUps: catchUp?.passes ?? 0,
      ...counts,
      failure: outboxes['must-arrive'].failure ?? catchUp?.failure,
    }),
  }
}
