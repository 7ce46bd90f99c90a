import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface LeaseInput {
  /** How long a grant lasts, ms. Renewed at a third of it. */
  ttlMs: number
  /** Wait after a refusal or a failure before asking again, ms. */
  retryMs: number
  /** Grants at or below this fence are refused. */
  fence?: number
  nonceWrap?: number
}

export interface LeaseContext {
  ttlMs: number
  retryMs: number
  /** The highest fence ever held. */
  fence: number
  /** Monotonic time at which the belief ends; 0 while there is none. */
  heldUntil: number
  /** Timers `patience`, `retry`, `renew`, `expire` and the request `ask`. */
  nonces: Nonces
}

export type LeaseEvent =
  | { type: 'start' }
  | { type: 'stop' }
  /** `heldUntil` is counted from when the request was sent, `now` is when the answer is read (both monotonic). */
  | { type: 'granted'; ask: number; fence: number; heldUntil: number; now: number }
  /** Somebody else holds it, or (renewing) it is not held under this fence any more. */
  | { type: 'denied'; ask: number }
  /** No answer can be had: the store is away. */
  | { type: 'failed'; ask: number }
  | { type: 'released' }
  | TimerEvent

type Granted = Extract<LeaseEvent, { type: 'granted' }>

/**
 * One contender for one lease. Believes that it holds it only until the deadline of its last grant, whatever happened to
 * the answers since, and never under a fence it has seen before.
 *
 * Commands: `acquire {ask}`, `renew {ask, fence}` (answered by granted, denied or failed), `release {fence}` (answered by
 * released), `gained {fence, heldUntil}`, `extended {heldUntil}`, `lost {fence}`, `startTimer`, `cancelTimer`.
 */
const lease = setup({
  types: { context: {} as LeaseContext, events: {} as LeaseEvent, input: {} as LeaseInput },
  actions: {
    acquire: (_, _params: { ask: number }) => {},
    renew: (_, _params: { ask: number; fence: number }) => {},
    release: (_, _params: { fence: number }) => {},
    gained: (_, _params: { fence: number; heldUntil: number }) => {},
    extended: (_, _params: { heldUntil: number }) => {},
    lost: (_, _params: { fence: number }) => {},
    startTimer: (_, _params: { id: string; ms: number; nonce: number }) => {},
    cancelTimer: (_, _params: { id: string }) => {},
  },
  guards: {
    answers: ({ context, event }) => 'ask' in event && isRunning(context.nonces, 'ask', event.ask),
    grantsAnew: ({ context, event }) => event.type === 'granted' && isRunning(context.nonces, 'ask', event.ask) && event.fence > context.fence && event.now < event.heldUntil,
    extends: ({ context, event }) => event.type === 'granted' && isRunning(context.nonces, 'ask', event.ask) && event.fence === context.fence && event.now < event.heldUntil,
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
  },
})

const beginAsk = lease.assign(({ context }) => ({ nonces: begin(context.nonces, 'ask') }))
const endAsk = lease.assign(({ context }) => ({ nonces: end(context.nonces, 'ask') }))
const ask = ({ context }: { context: LeaseContext }) => ({ ask: context.nonces.running['ask'] as number })
const askWithFence = ({ context }: { context: LeaseContext }) => ({ ask: context.nonces.running['ask'] as number, fence: context.fence })
const ownFence = ({ context }: { context: LeaseContext }) => ({ fence: context.fence })
const grantedFence = ({ event }: { event: LeaseEvent }) => ({ fence: (event as Granted).fence })

const begun = (id: string) => lease.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const ended = (id: string) => lease.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
const timer = (id: string, ms: (context: LeaseContext, event: LeaseEvent) => number) => ({
  type: 'startTimer' as const,
  params: ({ context, event }: { context: LeaseContext; event: LeaseEvent }) => ({ id, ms: ms(context, event), nonce: context.nonces.running[id] as number }),
})
const noTimer = (id: string) => ({ type: 'cancelTimer' as const, params: { id } })

const patience = [begun('patience'), timer('patience', (context) => context.ttlMs)] as const
/** A third of the ttl; sooner when the last renewal got no answer. */
const renewal = [
  begun('renew'),
  timer('renew', ({ ttlMs, retryMs }, event) => Math.max(1, Math.floor(event.type === 'failed' ? Math.min(retryMs, ttlMs / 3) : ttlMs / 3))),
] as const
const untilExpiry = [begun('expire'), timer('expire', (_, event) => (event as Granted).heldUntil - (event as Granted).now)] as const
const believe = lease.assign(({ event }) => ({ fence: (event as Granted).fence, heldUntil: (event as Granted).heldUntil }))
const doubt = lease.assign({ heldUntil: 0 })
const surrender = [{ type: 'lost' as const, params: ownFence }, doubt] as const

export const leaseMachine = lease.createMachine({
  id: 'lease',
  context: ({ input }) => ({ ttlMs: input.ttlMs, retryMs: input.retryMs, fence: input.fence ?? 0, heldUntil: 0, nonces: noNonces(input.nonceWrap) }),
  initial: 'idle',
  states: {
    idle: {
      on: { start: 'asking', stop: 'stopped' },
    },

    asking: {
      entry: [beginAsk, { type: 'acquire', params: ask }, ...patience],
      exit: [ended('patience'), noTimer('patience')],
      on: {
        granted: [
          { guard: 'grantsAnew', target: 'held', actions: [endAsk, believe] },
          // Too late to be of use, or a fence that was seen before: give it back rather than wait for it to run out.
          { guard: 'answers', target: 'waiting', actions: [endAsk, { type: 'release', params: grantedFence }] },
        ],
        denied: { guard: 'answers', target: 'waiting', actions: endAsk },
        failed: { guard: 'answers', target: 'waiting', actions: endAsk },
        timer: { guard: { type: 'due', params: { id: 'patience' } }, target: 'waiting', actions: endAsk },
        stop: 'withdrawing',
      },
    },

    waiting: {
      entry: [begun('retry'), timer('retry', (context) => context.retryMs)],
      exit: [ended('retry'), noTimer('retry')],
      on: {
        timer: { guard: { type: 'due', params: { id: 'retry' } }, target: 'asking' },
        // The answer to a request that was given up.
        granted: { actions: { type: 'release', params: grantedFence } },
        stop: 'stopped',
      },
    },

    held: {
      entry: [...untilExpiry, { type: 'gained', params: ({ context }) => ({ fence: context.fence, heldUntil: context.heldUntil }) }],
      exit: [ended('expire'), noTimer('expire')],
      initial: 'steady',
      on: {
        timer: { guard: { type: 'due', params: { id: 'expire' } }, target: 'waiting', actions: surrender },
        stop: { target: 'releasing', actions: [...surrender, { type: 'release', params: ownFence }] },
      },
      states: {
        steady: {
          entry: renewal,
          exit: [ended('renew'), noTimer('renew')],
          on: { timer: { guard: { type: 'due', params: { id: 'renew' } }, target: 'renewing' } },
        },
        renewing: {
          entry: [beginAsk, { type: 'renew', params: askWithFence }],
          exit: endAsk,
          on: {
            granted: [
              {
                guard: 'extends',
                target: 'steady',
                actions: [believe, ...untilExpiry, { type: 'extended', params: ({ context }) => ({ heldUntil: context.heldUntil }) }],
              },
              { guard: 'answers', target: '#lease.waiting', actions: surrender },
            ],
            denied: { guard: 'answers', target: '#lease.waiting', actions: surrender },
            failed: { guard: 'answers', target: 'steady' },
          },
        },
      },
    },

    /** Stopped while a request was on its way: it may still be granted. */
    withdrawing: {
      entry: patience,
      exit: [endAsk, ended('patience'), noTimer('patience')],
      on: {
        granted: { guard: 'answers', target: 'releasing', actions: { type: 'release', params: grantedFence } },
        denied: { guard: 'answers', target: 'stopped' },
        failed: { guard: 'answers', target: 'stopped' },
        timer: { guard: { type: 'due', params: { id: 'patience' } }, target: 'stopped' },
      },
    },

    releasing: {
      entry: patience,
      exit: [ended('patience'), noTimer('patience')],
      on: {
        released: 'stopped',
        timer: { guard: { type: 'due', params: { id: 'patience' } }, target: 'stopped' },
      },
    },

    stopped: { type: 'final' },
  },
})
