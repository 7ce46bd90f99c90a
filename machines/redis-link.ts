import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface RedisLinkInput {
  /** What the journal holds already, from an earlier life of the node. */
  journal?: { items: number; bytes: number; oldestAt: number }
  /** Bounds of the journal: bytes, and age of its oldest item in ms. */
  limitBytes: number
  maxAgeMs: number
  /** Wait between two probes, doubled from `minMs` to `maxMs`. */
  backoff: { minMs: number; maxMs: number }
  /** Items left at which new writes are held back, so that the journal runs dry. They also are once the backlog is sent. */
  settleBelow: number
  /** Writes held back at most. */
  maxHeld: number
  nonceWrap?: number
}

export interface RedisLinkContext extends Omit<RedisLinkInput, 'journal' | 'nonceWrap'> {
  /** Writes accepted and not yet confirmed by the shared store. */
  items: number
  bytes: number
  /** Wall time of the oldest of them, 0 when there is none. */
  oldestAt: number
  /** Of those accepted before this sync began, how many are left to send. */
  backlog: number
  held: number
  /** Failed probes in a row. */
  failures: number
  /** The timer `reconnect` and the run `drain`. */
  nonces: Nonces
}

export type RedisLinkEvent =
  /** Begins, or begins again after whoever carries the commands out was replaced. */
  | { type: 'start' }
  | { type: 'stop' }
  /** The shared store answers. */
  | { type: 'up' }
  /** It does not: the connection is gone, a call failed, nothing is answered any more. */
  | { type: 'down' }
  | { type: 'write'; bytes: number; now: number }
  /** An accepted write could not be kept in the journal; its caller is told so. */
  | { type: 'unkept'; items: number; bytes: number }
  /** Items of a node that is gone were taken into this journal. */
  | { type: 'adopted'; items: number; bytes: number; oldestAt: number }
  /** Items were confirmed by the shared store and removed from the journal; `oldestAt` is that of what is left. */
  | { type: 'drained'; items: number; bytes: number; oldestAt: number }
  /** A drain run found nothing more to send. */
  | { type: 'swept'; run: number }
  | TimerEvent

type Of<T extends RedisLinkEvent['type']> = Extract<RedisLinkEvent, { type: T }>

/**
 * The link of a node to the shared store, and what becomes of its writes: sent while connected, kept in the journal while
 * degraded and while the journal is sent, held back for the last bit of it, refused when the journal is full.
 *
 * Commands: `probe` (answered by up or down), `drain {run}` (answered by drained... and swept), `changed {state}`, and for
 * each write one of `forward`, `keep`, `hold`, `refuse`. Held writes are presented again when `changed` says that the
 * state is connected or degraded.
 */
const link = setup({
  types: { context: {} as RedisLinkContext, events: {} as RedisLinkEvent, input: {} as RedisLinkInput },
  actions: {
    probe: () => {},
    drain: (_, _params: { run: number }) => {},
    changed: (_, _params: { state: 'connected' | 'degraded' | 'syncing' }) => {},
    forward: () => {},
    keep: () => {},
    hold: () => {},
    refuse: () => {},
    startTimer: (_, _params: { id: string; ms: number; nonce: number }) => {},
    cancelTimer: (_, _params: { id: string }) => {},
  },
  guards: {
    due: ({ context, event }) => event.type === 'timer' && event.id === 'reconnect' && isRunning(context.nonces, 'reconnect', event.nonce),
    fits: ({ context, event }) => event.type === 'write' && context.bytes + event.bytes <= context.limitBytes &&
      (context.items === 0 || event.now - context.oldestAt <= context.maxAgeMs),
    canHold: ({ context }) => context.held < context.maxHeld,
    allSent: ({ context, event }) => event.type === 'swept' && isRunning(context.nonces, 'drain', event.run) && context.items === 0,
    moreCame: ({ context, event }) => event.type === 'swept' && isRunning(context.nonces, 'drain', event.run) && context.items > 0,
    fewLeft: ({ context, event }) => event.type === 'drained' && (context.items - event.items <= context.settleBelow || context.backlog <= event.items),
  },
})

type Scope = { context: RedisLinkContext; event: RedisLinkEvent }

const begun = (id: string) => link.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const ended = (id: string) => link.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
/** The one timer of the machine: the wait for the next probe, or the patience with the present one. */
const reconnectLater = [
  begun('reconnect'),
  {
    type: 'startTimer',
    params: ({ context }: Scope) => ({
      id: 'reconnect',
      ms: Math.min(context.backoff.maxMs, context.backoff.minMs * 2 ** Math.min(context.failures, 30)),
      nonce: context.nonces.running['reconnect'] as number,
    }),
  },
] as const
const probeInTime = [
  begun('reconnect'),
  { type: 'startTimer', params: ({ context }: Scope) => ({ id: 'reconnect', ms: context.backoff.maxMs, nonce: context.nonces.running['reconnect'] as number }) },
  'probe',
] as const
const drain = [begun('drain'), { type: 'drain', params: ({ context }: Scope) => ({ run: context.nonces.running['drain'] as number }) }] as const
const changed = (state: 'connected' | 'degraded' | 'syncing') => ({ type: 'changed' as const, params: { state } })

const failed = link.assign(({ context }) => ({ failures: Math.min(context.failures + 1, 30) }))
const recovered = link.assign({ failures: 0 })
const releaseHeld = link.assign({ held: 0 })

const keep = [
  link.assign(({ context, event }) => ({
    items: context.items + 1,
    bytes: context.bytes + (event as Of<'write'>).bytes,
    oldestAt: context.items === 0 ? (event as Of<'write'>).now : context.oldestAt,
  })),
  'keep',
] as const
const countBacklog = link.assign(({ context }) => ({ backlog: context.items }))
const journalled = { write: [{ guard: 'fits', actions: keep }, { actions: 'refuse' }] } as const

const takeOut = link.assign(({ context, event }) => {
  const out = event as Of<'drained' | 'unkept'>
  const items = Math.max(0, context.items - out.items)
  return {
    items,
    backlog: Math.min(items, out.type === 'drained' ? Math.max(0, context.backlog - out.items) : context.backlog),
    bytes: items === 0 ? 0 : Math.max(0, context.bytes - out.bytes),
    oldestAt: items === 0 ? 0 : out.type === 'drained' && out.oldestAt > 0 ? out.oldestAt : context.oldestAt,
  }
})
const takeIn = link.assign(({ context, event }) => {
  const { items, bytes, oldestAt } = event as Of<'adopted'>
  return {
    items: context.items + items,
    backlog: context.backlog + items,
    bytes: context.bytes + bytes,
    oldestAt: context.items === 0 ? oldestAt : Math.min(context.oldestAt, oldestAt),
  }
})

export const redisLinkMachine = link.createMachine({
  id: 'redis-link',
  context: ({ input: { journal, nonceWrap, ...limits } }) => ({
    ...limits,
    items: journal?.items ?? 0,
    bytes: journal?.bytes ?? 0,
    oldestAt: journal?.oldestAt ?? 0,
    backlog: 0,
    held: 0,
    failures: 0,
    nonces: noNonces(nonceWrap),
  }),
  initial: 'idle',
  on: {
    // Facts about the journal hold in whatever state they arrive.
    unkept: { actions: takeOut },
    adopted: { actions: takeIn },
    drained: { actions: takeOut },
    stop: '.stopped',
  },
  states: {
    /** Not begun: the store may be anywhere, so writes are kept. */
    idle: {
      on: { start: 'degraded', ...journalled },
    },

    degraded: {
      entry: changed('degraded'),
      exit: [ended('reconnect'), { type: 'cancelTimer', params: { id: 'reconnect' } }],
      initial: 'probing',
      on: { up: 'syncing', start: '.probing', ...journalled },
      states: {
        probing: {
          entry: probeInTime,
          on: {
            down: { target: 'waiting', actions: failed },
            timer: { guard: 'due', target: 'waiting', actions: failed },
          },
        },
        waiting: {
          entry: reconnectLater,
          on: { timer: { guard: 'due', target: 'probing' } },
        },
      },
    },

    syncing: {
      entry: [changed('syncing'), countBacklog],
      exit: ended('drain'),
      initial: 'draining',
      on: {
        down: { target: 'degraded.waiting', actions: failed },
        start: { actions: drain },
        swept: [{ guard: 'allSent', target: 'connected' }, { guard: 'moreCame', actions: drain }],
      },
      states: {
        draining: {
          entry: drain,
          on: {
            drained: [{ guard: 'fewLeft', target: 'settling', actions: takeOut }, { actions: takeOut }],
            ...journalled,
          },
        },
        /** Little is left, or only what came during the sync: new writes wait, or under a steady load the journal would never run dry. */
        settling: {
          exit: releaseHeld,
          on: {
            write: [
              { guard: 'canHold', actions: [link.assign(({ context }) => ({ held: context.held + 1 })), 'hold'] },
              { actions: 'refuse' },
            ],
          },
        },
      },
    },

    connected: {
      entry: [recovered, changed('connected')],
      on: {
        write: { actions: 'forward' },
        down: 'degraded',
      },
    },

    stopped: { type: 'final' },
  },
})
