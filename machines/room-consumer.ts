import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface RoomConsumerInput {
  /** Which delivery of the entry this is, as counted by the log: 1 is the first. */
  attempt: number
  /** Failed attempts after which the entry is buried. */
  maxAttempts: number
  /** The entry was held before by an earlier life of this reader: its attempt was begun, so that this is a new one. */
  resumed: boolean
  /** Bounds of the wait between attempts, ms. */
  retry: { minMs: number; maxMs: number }
  nonceWrap?: number
}

export interface RoomConsumerContext {
  attempt: number
  resumed: boolean
  maxAttempts: number
  retry: { minMs: number; maxMs: number }
  /** Timers `retry` (the next attempt) and `again` (a request that got no answer). */
  nonces: Nonces
}

export type RoomConsumerEvent =
  /** The handler of this attempt returned. */
  | { type: 'handled'; attempt: number }
  /** The handler of this attempt wants its effects applied with the acknowledgement. */
  | { type: 'commit'; attempt: number }
  /** The handler of this attempt threw, rejected, or ran out of time. */
  | { type: 'failed'; attempt: number }
  /** The log did what was asked. */
  | { type: 'applied' }
  /** The log knows no such entry of ours: taken over, or settled by a request whose answer was lost. */
  | { type: 'stale' }
  /** An effect cannot be applied (quota, unknown room); nothing was. */
  | { type: 'refused' }
  /** No answer: the request may or may not have been carried out. */
  | { type: 'unknown' }
  /** The log counted one more attempt. */
  | { type: 'attempted'; attempt: number }
  /** The log says that somebody else holds the entry. */
  | { type: 'overtaken' }
  /** The reader stops: what is unfinished stays pending for the next owner. */
  | { type: 'release' }
  | TimerEvent

/**
 * One entry of a room at one reader, from delivery to its end. The same for a work group and for a member that joined:
 * the reader carries the commands out against the group or the cursor.
 *
 * Commands: `handle {attempt}` (answered by handled, commit or failed), `acknowledge`, `commit` and `bury` (answered by
 * applied, stale, refused or unknown), `attempt` (by attempted, stale or unknown), `abort` (the handler is to stop),
 * `startTimer`, `cancelTimer`.
 *
 * States tagged `blocking` keep the next entry of an ordered reader waiting: a later acknowledgement would overtake this
 * entry's effects. A plain acknowledgement carries none, and a later one covers it.
 */
const consumer = setup({
  types: { context: {} as RoomConsumerContext, events: {} as RoomConsumerEvent, input: {} as RoomConsumerInput, tags: {} as 'blocking' },
  actions: {
    handle: (_, _params: { attempt: number }) => {},
    acknowledge: () => {},
    commit: () => {},
    bury: () => {},
    attempt: () => {},
    abort: () => {},
    startTimer: (_, _params: { id: string; ms: number; nonce: number }) => {},
    cancelTimer: (_, _params: { id: string }) => {},
  },
  guards: {
    current: ({ context, event }) => 'attempt' in event && event.attempt === context.attempt,
    currentAndLast: ({ context, event }) => 'attempt' in event && event.attempt === context.attempt && context.attempt >= context.maxAttempts,
    isLast: ({ context }) => context.attempt >= context.maxAttempts,
    resumed: ({ context }) => context.resumed,
    tooMany: ({ context }) => context.attempt > context.maxAttempts,
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
  },
})

const begun = (id: string) => consumer.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const ended = (id: string) => consumer.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
const nonceOf = (context: RoomConsumerContext, id: string) => context.nonces.running[id] as number
const backOff = ({ context }: { context: RoomConsumerContext }) => ({
  id: 'retry', ms: Math.min(context.retry.maxMs, context.retry.minMs * 2 ** (context.attempt - 1)), nonce: nonceOf(context, 'retry'),
})
const pause = [
  begun('again'),
  { type: 'startTimer' as const, params: ({ context }: { context: RoomConsumerContext }) => ({ id: 'again', ms: context.retry.minMs, nonce: nonceOf(context, 'again') }) },
] as const
const noPause = [ended('again'), { type: 'cancelTimer' as const, params: { id: 'again' } }] as const
const whenPaused = { guard: { type: 'due' as const, params: { id: 'again' } } }
const handle = { type: 'handle' as const, params: ({ context }: { context: RoomConsumerContext }) => ({ attempt: context.attempt }) }
const release = { release: { target: '#room-consumer.released', actions: 'abort' } } as const
const overtaken = { overtaken: { target: '#room-consumer.lost', actions: 'abort' } } as const

export const roomConsumerMachine = consumer.createMachine({
  id: 'room-consumer',
  context: ({ input }) => ({
    attempt: input.attempt, resumed: input.resumed, maxAttempts: input.maxAttempts, retry: input.retry, nonces: noNonces(input.nonceWrap),
  }),
  initial: 'delivered',
  states: {
    delivered: {
      always: [
        { guard: 'resumed', target: 'attempting' },
        // Its last attempt never came back to tell: the process died of it, or was stopped.
        { guard: 'tooMany', target: 'burying' },
        { target: 'handling', actions: handle },
      ],
    },

    handling: {
      tags: 'blocking',
      on: {
        handled: { guard: 'current', target: 'acknowledging', actions: 'acknowledge' },
        commit: { guard: 'current', target: 'committing', actions: 'commit' },
        failed: [
          { guard: 'currentAndLast', target: 'burying' },
          { guard: 'current', target: 'backingOff' },
        ],
        ...overtaken,
        ...release,
      },
    },

    /** The effect of the handler has happened; the log is told. */
    acknowledging: {
      exit: noPause,
      on: {
        applied: 'committed',
        stale: 'lost',
        unknown: { actions: pause },
        timer: { ...whenPaused, actions: [ended('again'), 'acknowledge'] },
        ...release,
      },
    },

    /** Effects and acknowledgement are on their way in one step. */
    committing: {
      tags: 'blocking',
      exit: noPause,
      initial: 'attended',
      on: {
        applied: 'committed',
        unknown: { actions: pause },
        timer: { ...whenPaused, actions: [ended('again'), 'commit'] },
        ...release,
      },
      states: {
        /** The handler waits for the outcome. */
        attended: {
          on: {
            stale: { target: '#room-consumer.lost', actions: 'abort' },
            // Nothing was applied, and the handler is told: it may ask for less, return, or fail.
            refused: '#room-consumer.handling',
            handled: { guard: 'current', target: 'orphaned' },
            failed: { guard: 'current', target: 'orphaned' },
          },
        },
        /** The handler is over: a refusal is a failed attempt. */
        orphaned: {
          on: {
            stale: '#room-consumer.lost',
            refused: [{ guard: 'isLast', target: '#room-consumer.burying' }, { target: '#room-consumer.backingOff' }],
          },
        },
      },
    },

    backingOff: {
      tags: 'blocking',
      entry: [begun('retry'), { type: 'startTimer', params: backOff }],
      exit: [ended('retry'), { type: 'cancelTimer', params: { id: 'retry' } }],
      on: {
        timer: { guard: { type: 'due', params: { id: 'retry' } }, target: 'attempting' },
        ...overtaken,
        ...release,
      },
    },

    attempting: {
      tags: 'blocking',
      entry: 'attempt',
      on: {
        attempted: { target: 'delivered', actions: consumer.assign(({ event }) => ({ attempt: (event as Extract<RoomConsumerEvent, { type: 'attempted' }>).attempt, resumed: false })) },
        stale: 'lost',
        unknown: 'backingOff',
        ...release,
      },
    },

    burying: {
      tags: 'blocking',
      entry: 'bury',
      exit: noPause,
      on: {
        applied: 'buried',
        stale: 'lost',
        unknown: { actions: pause },
        timer: { ...whenPaused, actions: [ended('again'), 'bury'] },
        ...release,
      },
    },

    committed: { type: 'final' },
    buried: { type: 'final' },
    lost: { type: 'final' },
    released: { type: 'final' },
  },
})
