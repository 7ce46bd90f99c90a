import { redisLinkMachine, type RedisLinkEvent } from './redis-link.ts'
import { tabulate, type Tabled } from './tabulate.ts'

type Machine = typeof redisLinkMachine

/**
 * Of one write: not made yet; on its way to the store; on its way into the journal; held back; acknowledged; refused; or nobody knows,
 * because the node died before it was.
 */
type WriteStatus = 'unmade' | 'sent' | 'keeping' | 'held' | 'acknowledged' | 'refused' | 'unknown'

/** A node with its link and journal, the shared store, and the writes of its users. */
export interface OutageState {
  /** Null while the node is down. */
  link: Tabled<Machine> | null
  writes: readonly WriteStatus[]
  /** Which writes were acknowledged when each was made, as bits. */
  after: readonly number[]
  /** On disk, oldest first. */
  journal: readonly number[]
  /** In the order in which they had their effect. */
  applied: readonly number[]
  storeIsUp: boolean
  probing: boolean
  /** The first of the journal was confirmed, and is not yet forgotten. */
  confirmed: boolean
  /** The run found nothing more to send, and the link is not yet told. */
  finished: boolean
  outages: number
  crashes: number
  lostReplies: number
}

export interface OutageEvent {
  type: 'write' | 'arrive' | 'loseReply' | 'fail' | 'keep' | 'cannotKeep' | 'probed' | 'send' | 'loseConfirmation' | 'sendFails' | 'forget' | 'finish' | 'sweep' | 'timer' | 'storeDown' | 'storeUp' | 'crash' | 'restart'
  write?: number
}

const limit = 2
const count = 3

/** `machine` is another one when it is to be seen that the properties notice. */
export function outageSystem(machine: Machine = redisLinkMachine) {
  const table = tabulate(machine)
  const input = (items: number) => ({
    journal: { items, bytes: items, oldestAt: items === 0 ? 0 : 1 }, limitBytes: limit, maxAgeMs: 1, backoff: { minMs: 1, maxMs: 1 }, settleBelow: 1, maxHeld: 1, nonceWrap: 1,
  })

  function set(state: OutageState, write: number, status: WriteStatus): OutageState {
    return { ...state, writes: state.writes.with(write, status) }
  }

  /** Sends the link an event and carries its commands out; `write` is the one that it decides on. */
  function tell(state: OutageState, event: RedisLinkEvent, write = -1): OutageState {
    const { state: link, commands } = table.take(state.link as Tabled<Machine>, event)
    // Failed probes make no difference with a wait that does not grow.
    let next: OutageState = { ...state, link }
    let presentAgain = false
    for (const { type, params } of commands) {
      switch (type) {
        case 'drain': next = { ...next, finished: false }; break
        case 'probe': next = { ...next, probing: true }; break
        case 'forward': next = set(next, write, 'sent'); break
        case 'keep': next = set(next, write, 'keeping'); break
        case 'hold': next = set(next, write, 'held'); break
        case 'refuse': next = set(next, write, 'refused'); break
        case 'changed': presentAgain = params.state !== 'syncing'; if (params.state !== 'degraded') next = { ...next, probing: false }
      }
    }
    return presentAgain ? next.writes.reduce((each, status, held) => (status === 'held' ? tell(each, { type: 'write', bytes: 1, now: 1 }, held) : each), next) : next
  }

  const apply = (state: OutageState, write: number): OutageState => (state.applied.includes(write) ? state : { ...state, applied: [...state.applied, write] })
  const started = (state: OutageState): OutageState => tell({ ...state, link: table.initial(input(state.journal.length)).state }, { type: 'start' })
  const drains = ({ link }: OutageState): boolean => link?.context.nonces.running['drain'] !== undefined
  /** The write was not answered: the link is told, and the write presented again. */
  const unanswered = (state: OutageState, write: number): OutageState => tell(tell(state, { type: 'down' }), { type: 'write', bytes: 1, now: 1 }, write)

  return {
    name: 'a node, its journal, the store and a crash',
    init: () => [started({
      link: null, writes: Array.from({ length: count }, (): WriteStatus => 'unmade'), after: Array.from({ length: count }, () => 0), journal: [], applied: [],
      storeIsUp: true, probing: false, confirmed: false, finished: false, outages: 1, crashes: 1, lostReplies: 1,
    })],
    key: ({ link, ...rest }: OutageState) => JSON.stringify([link && [link.value, { ...link.context, failures: 0 }], Object.values(rest)]),
    events(state: OutageState): OutageEvent[] {
      const { link, writes, journal, storeIsUp } = state
      if (link === null) return [{ type: 'restart' }, ...(storeIsUp ? [] : [{ type: 'storeUp' as const }])]
      const unmade = writes.indexOf('unmade')
      const sends = drains(state) && journal.length > 0 && !state.confirmed && !state.finished
      return [
        ...(unmade < 0 ? [] : [{ type: 'write', write: unmade } as const]),
        ...writes.flatMap((status, write): OutageEvent[] => status === 'sent'
          ? [...(storeIsUp ? [{ type: 'arrive', write } as const] : [{ type: 'fail', write } as const]), ...(storeIsUp && state.lostReplies > 0 ? [{ type: 'loseReply', write } as const] : [])]
          : status === 'keeping' ? [{ type: 'keep', write }, ...(state.lostReplies > 0 ? [{ type: 'cannotKeep', write } as const] : [])] : []),
        ...(state.probing ? [{ type: 'probed' as const }] : []),
        ...(sends ? [{ type: storeIsUp ? 'send' : 'sendFails' } as const, ...(storeIsUp && state.lostReplies > 0 ? [{ type: 'loseConfirmation' as const }] : [])] : []),
        ...(state.confirmed ? [{ type: 'forget' as const }] : []),
        // A run ends when it found nothing more, and what was on its way into the journal is there.
        ...(drains(state) && journal.length === 0 && !writes.includes('keeping') && !state.finished ? [{ type: 'finish' as const }] : []),
        ...(drains(state) && state.finished ? [{ type: 'sweep' as const }] : []),
        ...(link.context.nonces.running['reconnect'] === undefined ? [] : [{ type: 'timer' as const }]),
        ...(storeIsUp ? (state.outages > 0 ? [{ type: 'storeDown' as const }] : []) : [{ type: 'storeUp' as const }]),
        ...(state.crashes > 0 ? [{ type: 'crash' as const }] : []),
      ]
    },
    next(state: OutageState, { type, write = 0 }: OutageEvent): OutageState {
      const head = state.journal[0] as number
      switch (type) {
        case 'write': {
          const seen = state.writes.reduce((bits, status, index) => (status === 'acknowledged' ? bits | (1 << index) : bits), 0)
          return tell({ ...state, after: state.after.with(write, seen) }, { type: 'write', bytes: 1, now: 1 }, write)
        }
        case 'arrive': return set(apply(state, write), write, 'acknowledged')
        case 'loseReply': return unanswered({ ...apply(state, write), lostReplies: state.lostReplies - 1 }, write)
        case 'fail': return unanswered(state, write)
        case 'keep': return set({ ...state, journal: [...state.journal, write] }, write, 'acknowledged')
        case 'cannotKeep': return tell(set({ ...state, lostReplies: state.lostReplies - 1 }, write, 'refused'), { type: 'unkept', items: 1, bytes: 1 })
        case 'probed': return tell({ ...state, probing: false }, { type: state.storeIsUp ? 'up' : 'down' })
        case 'send': return { ...apply(state, head), confirmed: true }
        case 'loseConfirmation': return tell({ ...apply(state, head), lostReplies: state.lostReplies - 1 }, { type: 'down' })
        case 'sendFails': return tell(state, { type: 'down' })
        case 'forget': {
          const journal = state.journal.slice(1)
          return tell({ ...state, journal, confirmed: false }, { type: 'drained', items: 1, bytes: 1, oldestAt: journal.length === 0 ? 0 : 1 })
        }
        case 'finish': return { ...state, finished: true }
        case 'sweep': return tell({ ...state, finished: false }, { type: 'swept', run: state.link!.context.nonces.running['drain'] as number })
        case 'timer': return tell(state, { type: 'timer', id: 'reconnect', nonce: state.link!.context.nonces.running['reconnect'] as number })
        case 'storeDown': return { ...state, storeIsUp: false, outages: state.outages - 1 }
        case 'storeUp': return { ...state, storeIsUp: true }
        case 'crash':
          return { ...state, link: null, probing: false, confirmed: false, finished: false, crashes: state.crashes - 1, writes: state.writes.map((status) => (['sent', 'keeping', 'held'].includes(status) ? 'unknown' : status)) }
        case 'restart': return started(state)
      }
    },
  }
}

const isConnected = ({ link }: OutageState): boolean => link?.value === 'connected'
const keeping = ({ writes }: OutageState): number => writes.filter((status) => status === 'keeping').length

export const outageProperties = {
  invariants: {
    'no acknowledged write is lost': ({ writes, applied, journal }: OutageState) => writes.every((status, write) => status !== 'acknowledged' || applied.includes(write) || journal.includes(write)),
    'replay is idempotent': ({ applied }: OutageState) => new Set(applied).size === applied.length,
    'nothing is journalled twice': ({ journal }: OutageState) => new Set(journal).size === journal.length,
    'the journal is bounded': (state: OutageState) => state.journal.length + keeping(state) <= limit,
    'ready only after everything was sent': (state: OutageState) => !isConnected(state) || (state.journal.length === 0 && keeping(state) === 0),
    'the link counts what there is': (state: OutageState) => state.link === null || state.link.context.items === state.journal.length + keeping(state),
    'what was refused has no effect, unless its answer was lost before': ({ writes, journal }: OutageState) => writes.every((status, write) => status !== 'refused' || !journal.includes(write)),
    'no write has its effect before one that was acknowledged when it was made': ({ applied, after }: OutageState) =>
      applied.every((write, position) => applied.slice(position + 1).every((later) => (after[write]! & (1 << later)) === 0)),
    'nor while that one still waits': ({ applied, after, writes }: OutageState) =>
      applied.every((write) => writes.every((status, other) => status !== 'acknowledged' || applied.includes(other) || (after[write]! & (1 << other)) === 0)),
    'one reconnect timer': ({ link }: OutageState) => link === null || (link.context.nonces.running['reconnect'] !== undefined) === (typeof link.value === 'object' && 'degraded' in link.value),
    'writes are held only while the rest of the journal is sent': (state: OutageState) => !state.writes.includes('held') || state.link?.context.held === 1,
  },
  reachable: {
    'refused for a full journal': ({ writes, journal }: OutageState) => writes.includes('refused') && journal.length === limit,
    'applied, and still in the journal': ({ applied, journal, link }: OutageState) => link === null && journal.some((write) => applied.includes(write)),
    'held at the end of a sync': ({ writes }: OutageState) => writes.includes('held'),
    'connected again with all applied': (state: OutageState) => isConnected(state) && state.outages === 0 && state.applied.length === count,
    'nobody knows': ({ writes }: OutageState) => writes.includes('unknown'),
  },
  leadsTo: {
    'an outage that heals leads to connected': {
      from: (state: OutageState): boolean => !isConnected(state) && state.outages === 0,
      to: isConnected,
      weak: ['storeUp', 'restart', 'timer', 'forget', 'keep', 'finish'] as const,
      strong: ['probed', 'send', 'sweep'] as const,
    },
    'a write is acknowledged, refused, or nobody knows': {
      from: ({ writes }: OutageState): boolean => ['sent', 'keeping', 'held'].includes(writes[0]!),
      to: ({ writes }: OutageState): boolean => !['sent', 'keeping', 'held'].includes(writes[0]!),
      weak: ['storeUp', 'restart', 'timer', 'forget', 'keep', 'finish', 'arrive', 'fail'] as const,
      strong: ['probed', 'send', 'sweep'] as const,
    },
  },
  mayStop: (state: OutageState) => isConnected(state) && !state.writes.includes('unmade'),
}
