import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface ModelLifecycleInput {
  /** What it takes when it is loaded. */
  bytes: number
  /** Requests that may wait; more are rejected. */
  maxWaiting: number
  /** Patience with a load, with an unload (then it is asked for again), and with memory that is slow to come back; ms. */
  loadMs: number
  unloadMs: number
  returnMs: number
  /** Wait after the memory did not suffice, for what was asked to go, ms. */
  retryMs: number
  /** Quiet time after a failed load, ms, doubled from the first bound to the second. */
  backoff: { minMs: number; maxMs: number }
  nonceWrap?: number
}

export interface ModelLifecycleContext extends Omit<ModelLifecycleInput, 'nonceWrap'> {
  /** Requests that wait for it, oldest first. */
  waiting: readonly string[]
  /** Requests that were granted and not released. */
  leases: readonly string[]
  /** The memory is so short that nothing may be granted. */
  critical: boolean
  /** The present load is the second try, after the memory did not suffice. */
  retried: boolean
  /** It is unloaded because its load failed. */
  failing: boolean
  /** Failed loads in a row. */
  failures: number
  /** The reservation `ask`, the run `load`/`unload` (of its timer), timers `return`, `retry`, `backoff`, and one `request ID` for each that waits. */
  nonces: Nonces
}

export type ModelLifecycleEvent =
  /** Somebody wants to use it, within so many ms. Answered by grant or reject. */
  | { type: 'request'; request: string; ms: number }
  /** Who asked does not want it any more: nothing is answered. */
  | { type: 'cancel'; request: string }
  | { type: 'release'; request: string }
  | { type: 'reserved'; ask: number }
  /** It does not fit, whatever goes. */
  | { type: 'refused'; ask: number }
  | { type: 'loaded'; run: number }
  /** `memory`: there was not enough of it, in spite of the reservation. */
  | { type: 'loadFailed'; run: number; memory: boolean }
  | { type: 'unloaded'; run: number }
  /** The memory is seen to be free again. */
  | { type: 'returned' }
  /** Make room, if nobody uses it. */
  | { type: 'evict' }
  /** Make room when those who use it are through: nobody else gets it. */
  | { type: 'drain' }
  /** It is not there any more: its server died, or threw it out. */
  | { type: 'lost' }
  | { type: 'pressure'; critical: boolean }
  | { type: 'stop' }
  | TimerEvent

export type RejectReason = 'full' | 'deadline' | 'too large' | 'failed' | 'out of memory' | 'pressure' | 'stopped'

export interface ModelLifecycleCommands {
  /** Bytes of the budget, before anything is loaded. Answered by reserved (when there is room) or refused. */
  reserve: { bytes: number; ask: number }
  /** The reservation, or the wait for it, ends. */
  free: { ask: number }
  /** Others are to make room: there was less memory than was thought. */
  reclaim: { bytes: number }
  load: { run: number }
  /** Also ends a load that is under way. */
  unload: { run: number }
  grant: { request: string }
  reject: { request: string; reason: RejectReason }
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Of<T extends ModelLifecycleEvent['type']> = Extract<ModelLifecycleEvent, { type: T }>
type Scope = { context: ModelLifecycleContext; event: ModelLifecycleEvent }

/**
 * One model of a node: from the first request for it to the memory it leaves behind. Bytes are reserved before they are used and freed when they
 * are seen to be free; what is in use is never unloaded; every request is granted or rejected by its deadline at the latest.
 */
const lifecycle = setup({
  types: { context: {} as ModelLifecycleContext, events: {} as ModelLifecycleEvent, input: {} as ModelLifecycleInput },
  actions: {
    reserve: (_, _params: ModelLifecycleCommands['reserve']) => {},
    free: (_, _params: ModelLifecycleCommands['free']) => {},
    reclaim: (_, _params: ModelLifecycleCommands['reclaim']) => {},
    load: (_, _params: ModelLifecycleCommands['load']) => {},
    unload: (_, _params: ModelLifecycleCommands['unload']) => {},
    grant: (_, _params: ModelLifecycleCommands['grant']) => {},
    reject: (_, _params: ModelLifecycleCommands['reject']) => {},
    startTimer: (_, _params: ModelLifecycleCommands['startTimer']) => {},
    cancelTimer: (_, _params: ModelLifecycleCommands['cancelTimer']) => {},
  },
  guards: {
    isKnown: ({ context, event }) => event.type === 'request' && (context.waiting.includes(event.request) || context.leases.includes(event.request)),
    isFull: ({ context }) => context.waiting.length >= context.maxWaiting,
    isCalm: ({ context }) => !context.critical,
    mayGrant: ({ context }) => !context.critical && context.waiting.length > 0,
    expired: ({ context, event }) => event.type === 'timer' && event.id.startsWith(requestTimer('')) && isRunning(context.nonces, event.id, event.nonce),
    isIdle: ({ context }) => context.leases.length === 0,
    isWanted: ({ context }) => context.waiting.length > 0,
    isUnwanted: ({ context }) => context.waiting.length === 0,
    hasFailed: ({ context }) => context.failing,
    dueAndFailed: ({ context, event }) => event.type === 'timer' && event.id === 'return' && isRunning(context.nonces, 'return', event.nonce) && context.failing,
    ofAsk: ({ context, event }) => 'ask' in event && isRunning(context.nonces, 'ask', event.ask),
    ofRun: ({ context, event }, params: { id: string }) => 'run' in event && isRunning(context.nonces, params.id, event.run),
    outOfMemory: ({ context, event }) => event.type === 'loadFailed' && isRunning(context.nonces, 'load', event.run) && event.memory && !context.retried,
    wasMemory: ({ context, event }) => event.type === 'loadFailed' && isRunning(context.nonces, 'load', event.run) && event.memory,
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
  },
})

const requestTimer = (request: string): string => `request ${request}`
const nonceOf = (context: ModelLifecycleContext, id: string): number => context.nonces.running[id] as number
const begun = (id: string) => lifecycle.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const timed = (id: string, ms: (context: ModelLifecycleContext) => number) => [
  begun(id),
  { type: 'startTimer' as const, params: ({ context }: Scope) => ({ id, ms: ms(context), nonce: nonceOf(context, id) }) },
] as const
const untimed = (id: string) => [lifecycle.assign(({ context }) => ({ nonces: end(context.nonces, id) })), { type: 'cancelTimer' as const, params: { id } }] as const
const whenDue = (id: string) => ({ type: 'due' as const, params: { id } })
const whenRun = (id: string) => ({ type: 'ofRun' as const, params: { id } })

const requestOf = (event: ModelLifecycleEvent): string => (event.type === 'timer' ? event.id.slice(requestTimer('').length) : (event as Of<'request'>).request)
const ofEvent = ({ event }: Scope) => ({ request: requestOf(event) })
/** Every wait has a deadline. */
const wait = [
  lifecycle.assign(({ context, event }) => ({
    waiting: [...context.waiting, requestOf(event)], nonces: begin(context.nonces, requestTimer(requestOf(event))),
  })),
  {
    type: 'startTimer' as const,
    params: ({ context, event }: Scope) => ({ id: requestTimer(requestOf(event)), ms: (event as Of<'request'>).ms, nonce: nonceOf(context, requestTimer(requestOf(event))) }),
  },
] as const
const rejectAt = (reason: RejectReason) => ({ type: 'reject' as const, params: ({ event }: Scope) => ({ request: requestOf(event), reason }) })
const forget = lifecycle.assign(({ context, event }) => ({
  waiting: context.waiting.filter((request) => request !== requestOf(event)), nonces: end(context.nonces, requestTimer(requestOf(event))),
}))
const settleAll = (settle: (request: string) => { type: 'grant'; params: { request: string } } | { type: 'reject'; params: { request: string; reason: RejectReason } }) =>
  lifecycle.enqueueActions(({ context, enqueue }) => {
    for (const request of context.waiting) {
      enqueue({ type: 'cancelTimer', params: { id: requestTimer(request) } })
      enqueue(settle(request))
    }
    enqueue.assign({ waiting: [], nonces: end(context.nonces, ...context.waiting.map(requestTimer)) })
  })
const rejectAll = (reason: RejectReason) => settleAll((request) => ({ type: 'reject', params: { request, reason } }))
const grantAll = [lifecycle.assign(({ context }) => ({ leases: [...context.leases, ...context.waiting] })), settleAll((request) => ({ type: 'grant', params: { request } }))] as const
const grantOne = [lifecycle.assign(({ context, event }) => ({ leases: [...context.leases, requestOf(event)] })), { type: 'grant' as const, params: ofEvent }] as const
const release = lifecycle.assign(({ context, event }) => ({ leases: context.leases.filter((request) => request !== requestOf(event)) }))
const free = [
  { type: 'free' as const, params: ({ context }: Scope) => ({ ask: nonceOf(context, 'ask') }) },
  lifecycle.assign(({ context }) => ({ nonces: end(context.nonces, 'ask') })),
] as const
/** Counted no further than the wait grows. */
const countFailure = lifecycle.assign(({ context: { failures, backoff } }) => ({ failures: Math.min(failures + 1, 1 + Math.ceil(Math.log2(backoff.maxMs / backoff.minMs))) }))
const fail = lifecycle.assign({ failing: true })
const calm = lifecycle.assign({ retried: false, failing: false })
const revoke = lifecycle.assign({ leases: [] })
const load = [...timed('load', (context) => context.loadMs), { type: 'load' as const, params: ({ context }: Scope) => ({ run: nonceOf(context, 'load') }) }] as const
const unload = [...timed('unload', (context) => context.unloadMs), { type: 'unload' as const, params: ({ context }: Scope) => ({ run: nonceOf(context, 'unload') }) }] as const

export const modelLifecycleMachine = lifecycle.createMachine({
  id: 'model-lifecycle',
  context: ({ input: { nonceWrap, ...settings } }) => ({ ...settings, waiting: [], leases: [], critical: false, retried: false, failing: false, failures: 0, nonces: noNonces(nonceWrap) }),
  initial: 'unloaded',
  on: {
    request: [{ guard: 'isKnown' }, { guard: 'isFull', actions: rejectAt('full') }, { actions: wait }],
    cancel: { actions: [forget, { type: 'cancelTimer', params: ({ event }) => ({ id: requestTimer(requestOf(event)) }) }] },
    timer: { guard: 'expired', actions: [rejectAt('deadline'), forget] },
    pressure: { actions: lifecycle.assign(({ event }) => ({ critical: (event as Of<'pressure'>).critical })) },
  },
  states: {
    unloaded: {
      always: { guard: 'isWanted', target: 'queued' },
      on: { stop: 'stopped' },
    },

    /** Waits for its bytes. */
    queued: {
      entry: [begun('ask'), { type: 'reserve', params: ({ context }) => ({ bytes: context.bytes, ask: nonceOf(context, 'ask') }) }],
      always: { guard: 'isUnwanted', target: 'unloaded', actions: free },
      on: {
        reserved: { guard: 'ofAsk', target: 'loading' },
        refused: { guard: 'ofAsk', target: 'unloaded', actions: [rejectAll('too large'), ...free] },
        stop: { target: 'stopped', actions: [rejectAll('stopped'), ...free] },
      },
    },

    /** Goes on when who asked is gone: it will be there for the next one. */
    loading: {
      entry: load,
      exit: untimed('load'),
      on: {
        loaded: { guard: whenRun('load'), target: 'loaded', actions: lifecycle.assign({ failures: 0 }) },
        loadFailed: [
          { guard: 'outOfMemory', target: 'retrying' },
          { guard: 'wasMemory', target: 'failed', actions: rejectAll('out of memory') },
          { guard: whenRun('load'), target: 'failed' },
        ],
        // It may still be loaded some time: it is unloaded first.
        timer: { guard: whenDue('load'), target: 'unloading', actions: [fail, rejectAll('failed')] },
        lost: 'failed',
        stop: 'ending',
      },
    },

    /** There was less memory than was reserved: others make room, and it is tried once more. */
    retrying: {
      entry: [lifecycle.assign({ retried: true }), { type: 'reclaim', params: ({ context }) => ({ bytes: context.bytes }) }, ...timed('retry', (context) => context.retryMs)],
      exit: untimed('retry'),
      always: { guard: 'isUnwanted', target: 'unloaded', actions: [calm, ...free] },
      on: {
        timer: { guard: whenDue('retry'), target: 'loading' },
        stop: { target: 'stopped', actions: [rejectAll('stopped'), ...free] },
      },
    },

    loaded: {
      entry: calm,
      always: { guard: 'mayGrant', actions: grantAll },
      on: {
        request: [{ guard: 'isKnown' }, { guard: 'isCalm', actions: grantOne }],
        release: { actions: release },
        evict: { guard: 'isIdle', target: 'unloading', actions: rejectAll('pressure') },
        drain: { target: 'draining', actions: rejectAll('pressure') },
        lost: { target: 'failed', actions: revoke },
        stop: 'ending',
      },
    },

    /** In use until those who have it are through. */
    draining: {
      always: { guard: 'isIdle', target: 'unloading' },
      on: {
        release: { actions: release },
        lost: { target: 'failed', actions: revoke },
        stop: 'ending',
      },
    },

    /** Its bytes are taken until it is heard that they are not. */
    unloading: {
      entry: unload,
      exit: untimed('unload'),
      on: {
        unloaded: { guard: whenRun('unload'), target: 'returning' },
        lost: 'returning',
        timer: { guard: whenDue('unload'), actions: unload },
        stop: 'ending',
      },
    },

    /** Unloaded, and the memory is not yet seen to be free. */
    returning: {
      entry: timed('return', (context) => context.returnMs),
      exit: untimed('return'),
      on: {
        returned: [{ guard: 'hasFailed', target: 'failed' }, { target: 'unloaded', actions: free }],
        timer: [{ guard: 'dueAndFailed', target: 'failed' }, { guard: whenDue('return'), target: 'unloaded', actions: free }],
        stop: { target: 'stopped', actions: [rejectAll('stopped'), ...free] },
      },
    },

    /** Whoever asks now is told so at once, and can look for another. */
    failed: {
      entry: [countFailure, calm, rejectAll('failed'), ...free, ...timed('backoff', ({ backoff, failures }) => Math.min(backoff.maxMs, backoff.minMs * 2 ** (failures - 1)))],
      exit: untimed('backoff'),
      on: {
        request: { actions: rejectAt('failed') },
        timer: { guard: whenDue('backoff'), target: 'unloaded' },
        stop: 'stopped',
      },
    },

    ending: {
      entry: [rejectAll('stopped'), revoke, ...unload],
      exit: [...untimed('unload'), ...free],
      on: {
        request: { actions: rejectAt('stopped') },
        unloaded: { guard: whenRun('unload'), target: 'stopped' },
        lost: 'stopped',
        timer: { guard: whenDue('unload'), target: 'stopped' },
      },
    },

    stopped: { type: 'final' },
  },
})
