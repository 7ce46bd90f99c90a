import type { SnapshotFrom } from 'xstate'
import { modelLifecycleMachine, type ModelLifecycleEvent } from './model-lifecycle.ts'

type Snapshot = SnapshotFrom<typeof modelLifecycleMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: ModelLifecycleEvent, after: Snapshot, commands: readonly Command[]) => boolean

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const find = (commands: readonly Command[], type: string): any => commands.find((command) => command.type === type)?.params
const timerOf = (request: string): string => `request ${request}`
const isDue = (before: Snapshot, event: ModelLifecycleEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const isOf = (before: Snapshot, event: ModelLifecycleEvent, id: string): boolean =>
  ('run' in event && event.run === running(before)[id]) || ('ask' in event && event.ask === running(before)[id])
const inState = (state: Snapshot, ...names: string[]): boolean => names.includes(state.value as string)
const waitsFor = (state: Snapshot, request: string): boolean => state.context.waiting.includes(request)
const uses = (state: Snapshot, request: string): boolean => state.context.leases.includes(request)

/** 0 is never given out, so it stands for every nonce that was replaced. */
const stale = 0
const requests = ['r', 's', 't']
const waits = { loading: 'load', unloading: 'unload', ending: 'unload', returning: 'return', retrying: 'retry', failed: 'backoff' }
const holdsBytes = ['loading', 'retrying', 'loaded', 'draining', 'unloading', 'returning', 'ending']
const runs = ['load', 'unload', 'return', 'retry', 'backoff']
const patience = { load: 11, unload: 12, return: 13, retry: 14 }
const bytes = 21

/** Orders of the manager, the word of its budget, what the provider says in time or late, timers that fire. */
function events(state: Snapshot): ModelLifecycleEvent[] {
  const { ask, load, unload } = running(state)
  const either = (nonce: number | undefined): number[] => (nonce === undefined ? [stale] : [nonce, stale])
  return [
    ...requests.map((request): ModelLifecycleEvent => ({ type: 'request', request, ms: 10 })),
    ...requests.flatMap((request): ModelLifecycleEvent[] => [{ type: 'cancel', request }, { type: 'release', request }]),
    ...(inState(state, 'queued') ? either(ask) : [stale]).flatMap((nonce): ModelLifecycleEvent[] => [{ type: 'reserved', ask: nonce }, { type: 'refused', ask: nonce }]),
    ...either(load).flatMap((run): ModelLifecycleEvent[] => [{ type: 'loaded', run }, { type: 'loadFailed', run, memory: true }, { type: 'loadFailed', run, memory: false }]),
    ...either(unload).map((run): ModelLifecycleEvent => ({ type: 'unloaded', run })),
    { type: 'returned' }, { type: 'evict' }, { type: 'drain' }, { type: 'lost' }, { type: 'stop' },
    { type: 'pressure', critical: !state.context.critical },
    ...[...runs, ...requests.map(timerOf)].flatMap((id) => either(running(state)[id]).map((nonce): ModelLifecycleEvent => ({ type: 'timer', id, nonce }))),
  ]
}

const deadlinesCome = requests.map((request) => Object.defineProperty(
  (event: ModelLifecycleEvent): boolean => event.type === 'timer' && event.id === timerOf(request) && event.nonce !== stale, 'name', { value: `deadlineOf ${request}` }))
const timersFire = (event: ModelLifecycleEvent): boolean => event.type === 'timer' && runs.includes(event.id) && event.nonce !== stale
const leasesEnd = requests.map((request) => Object.defineProperty(
  (event: ModelLifecycleEvent): boolean => event.type === 'release' && event.request === request, 'name', { value: `releaseOf ${request}` }))
const providerUnloads = (event: ModelLifecycleEvent): boolean => event.type === 'unloaded' && event.run !== stale

export const modelLifecycleProperties = {
  events,
  input: { bytes, maxWaiting: 2, loadMs: patience.load, unloadMs: patience.unload, returnMs: patience.return, retryMs: patience.retry, backoff: { minMs: 2, maxMs: 3 }, nonceWrap: 8 },
  /** Nonces are only ever compared with those of an answer. */
  key: ({ value, context: { waiting, leases, critical, retried, failing, failures, nonces } }: Snapshot) =>
    ({ value, waiting, leases: [...leases].sort(), critical, retried, failing, failures, running: Object.keys(nonces.running).sort() }),

  invariants: {
    'unloading implies that nobody uses it': (state: Snapshot) => state.context.leases.length === 0 || inState(state, 'loaded', 'draining'),
    'bytes are reserved as long as they are taken': (state: Snapshot) => (running(state)['ask'] !== undefined) === (inState(state, 'queued', ...holdsBytes)),
    'who waits has a deadline, and nobody else': (state: Snapshot) => requests.every((request) => waitsFor(state, request) === (running(state)[timerOf(request)] !== undefined)),
    'waiting is bounded, and nobody waits and uses': ({ context }: Snapshot) => context.waiting.length <= 2 && new Set([...context.waiting, ...context.leases]).size === context.waiting.length + context.leases.length,
    'nobody waits for what is there, unless it is critical': (state: Snapshot) => !inState(state, 'loaded') || state.context.waiting.length === 0 || state.context.critical,
    'somebody waits wherever bytes are asked for, and nobody where nothing is done about it': (state: Snapshot) =>
      (!inState(state, 'queued', 'retrying') || state.context.waiting.length > 0) && (!inState(state, 'unloaded', 'failed', 'ending', 'stopped') || state.context.waiting.length === 0),
    'a wait has its timer, and no other runs': (state: Snapshot) => runs.every((id) => (running(state)[id] !== undefined) === Object.entries(waits).some(([name, timer]) => timer === id && inState(state, name))),
    'nothing is left at the end': (state: Snapshot) => state.status !== 'done' || (Object.keys(running(state)).length === 0 && state.context.leases.length === 0),
  },

  steps: {
    'no lease is granted while it drains or the memory is critical': (before, _event, after, commands) => !has(commands, 'grant') || (inState(after, 'loaded') && !after.context.critical && !inState(before, 'draining')),
    'whoever is told that it has it has it, and the other way round': (before, _event, after, commands) =>
      requests.every((request) => (uses(after, request) && !uses(before, request)) === commands.some(({ type, params }) => type === 'grant' && params.request === request)),
    'who waits goes on waiting, is granted, rejected, or does not want any more; nobody else is told anything': (before, event, after, commands) => requests.every((request) => {
      const told = commands.filter(({ type, params }) => (type === 'grant' || type === 'reject') && params.request === request).length
      const asks = event.type === 'request' && event.request === request && !waitsFor(before, request) && !uses(before, request) && before.status !== 'done'
      const cancels = event.type === 'cancel' && event.request === request
      return told === ((asks || (waitsFor(before, request) && !cancels)) && !waitsFor(after, request) ? 1 : 0)
    }),
    'a cancelled request waits no more': (_before, event, after) => event.type !== 'cancel' || !waitsFor(after, event.request),
    'the reason is the true one': (before, event, _after, commands) => commands.every(({ type, params }) => type !== 'reject' || params.reason === (
      event.type === 'timer' && event.id.startsWith('request') ? 'deadline'
        : event.type === 'stop' || inState(before, 'ending') ? 'stopped'
          : event.type === 'refused' ? 'too large'
            : event.type === 'evict' || event.type === 'drain' ? 'pressure'
              : event.type === 'loadFailed' && event.memory ? 'out of memory'
                : event.type === 'request' && !inState(before, 'failed') ? 'full' : 'failed')),
    'at the deadline a request is rejected': (before, event, after, commands) => requests.every((request) => !isDue(before, event, timerOf(request)) || (!waitsFor(after, request) && has(commands, 'reject'))),
    'a request is only turned away at once where nothing is to be hoped for': (before, event, _after, commands) => event.type !== 'request' || !has(commands, 'reject') ||
      inState(before, 'failed', 'ending') || before.context.waiting.length === 2,
    'a lease ends by its release, a loss or a stop': (before, event, after) => before.context.leases.every((request) =>
      uses(after, request) || (event.type === 'release' && event.request === request) || event.type === 'lost' || event.type === 'stop'),
    'and does end': (_before, event, after) => !(event.type === 'release') || !uses(after, event.request),
    'bytes are reserved before anything is loaded': (before, event, _after, commands) => !has(commands, 'load') ||
      (event.type === 'reserved' && isOf(before, event, 'ask')) || (inState(before, 'retrying') && isDue(before, event, 'retry')),
    'all of them are, under a new ask': (before, _event, after, commands) => has(commands, 'reserve') === (inState(after, 'queued') && !inState(before, 'queued')) && commands.every(({ type, params }) =>
      type !== 'reserve' || (params.bytes === bytes && params.ask === running(after)['ask'] && params.ask !== undefined && params.ask !== running(before)['ask'])),
    'what is freed is what was reserved, once': (before, _event, after, commands) => has(commands, 'free') === (running(before)['ask'] !== undefined && running(after)['ask'] !== running(before)['ask']) &&
      commands.every(({ type, params }) => type !== 'free' || params.ask === running(before)['ask']) && commands.filter(({ type }) => type === 'free').length <= 1,
    'what was loaded is freed when it is seen to be gone': (before, event, _after, commands) => !has(commands, 'free') || inState(before, 'queued', 'retrying', 'returning', 'ending') ||
      event.type === 'lost' || (event.type === 'loadFailed' && isOf(before, event, 'load')) || event.type === 'refused',
    'one load at a time, each a run of its own': (before, _event, after, commands) => has(commands, 'load') === (inState(after, 'loading') && !inState(before, 'loading')) &&
      commands.every(({ type, params }) => type !== 'load' || params.run === running(after)['load']),
    'it is loaded when its own run says so': (before, event, after) => !inState(after, 'loaded') || inState(before, 'loaded') || (event.type === 'loaded' && isOf(before, event, 'load')),
    'no load is tried again before somebody got an answer, but once when the memory did not suffice': (before, event, after) =>
      !(inState(before, 'loading') && !inState(after, 'loading')) || inState(after, 'loaded', 'ending') || after.context.waiting.length === 0 ||
      (inState(after, 'retrying') && event.type === 'loadFailed' && event.memory && !before.context.retried),
    'when the memory did not suffice others make room, once': (before, event, after, commands) =>
      has(commands, 'reclaim') === (event.type === 'loadFailed' && event.memory && isOf(before, event, 'load') && !before.context.retried) &&
      (!has(commands, 'reclaim') || (find(commands, 'reclaim').bytes === bytes && (inState(after, 'retrying') || before.context.waiting.length === 0))),
    'a second try is remembered until it is over': (before, _event, after) => after.context.retried === (inState(after, 'retrying') || (inState(after, 'loading', 'unloading', 'returning', 'ending', 'stopped', 'unloaded', 'queued') && before.context.retried && !(inState(before, 'retrying') && inState(after, 'unloaded')))),
    'what is in use is never unloaded': (before, event, after, commands) => !has(commands, 'unload') || before.context.leases.length === 0 || event.type === 'stop' || (event.type === 'release' && after.context.leases.length === 0),
    'what nobody uses goes when it is asked to': (before, event, after) => !(inState(before, 'loaded') && before.context.leases.length === 0 && (event.type === 'evict' || event.type === 'drain')) || inState(after, 'unloading'),
    'who waits when it is to go is told, not left to load it again': (before, event, after) =>
      !(inState(before, 'loaded') && !inState(after, 'loaded') && (event.type === 'evict' || event.type === 'drain')) || after.context.waiting.length === 0,
    'what is in use is drained, when it is to be': (before, event, after) => !(inState(before, 'loaded') && before.context.leases.length > 0) ||
      (event.type === 'drain' ? inState(after, 'draining') : event.type !== 'evict' || before === after),
    'draining ends with the last lease': (_before, _event, after) => !inState(after, 'draining') || after.context.leases.length > 0,
    'the provider is told to unload on the way, and again when it does not answer': (before, event, after, commands) =>
      has(commands, 'unload') === ((inState(after, 'unloading', 'ending') && after.value !== before.value) || (inState(after, 'unloading') && isDue(before, event, 'unload'))) &&
      commands.every(({ type, params }) => type !== 'unload' || params.run === running(after)['unload']),
    'a load that took too long is undone before its bytes are freed': (before, event, after) => !isDue(before, event, 'load') || inState(after, 'unloading'),
    'after a failure it rests': (before, event, after) => !(inState(before, 'loading', 'loaded', 'draining') && event.type === 'lost') || inState(after, 'failed'),
    'after a load that took too long too': (before, _event, after) => !(inState(before, 'returning') && !inState(after, 'returning', 'stopped')) || (before.context.failing ? inState(after, 'failed') : inState(after, 'unloaded', 'queued')),
    'failing is what a load does': (before, event, after) => after.context.failing === (isDue(before, event, 'load') || (before.context.failing && !inState(after, 'failed'))),
    'failures are counted, and forgotten when it is loaded': (before, _event, after) => after.context.failures === (inState(after, 'loaded') ? 0
      : inState(after, 'failed') && !inState(before, 'failed') ? Math.min(2, before.context.failures + 1) : before.context.failures),
    'the rest doubles up to its bound': (_before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || params.id !== 'backoff' || params.ms === Math.min(3, 2 ** after.context.failures)),
    'what is said of an earlier run, ask or timer changes nothing': (before, event, after) =>
      !(('run' in event && event.run === stale) || ('ask' in event && event.ask === stale) || (event.type === 'timer' && event.nonce === stale)) || before === after,
    'each timer has its patience': (_before, _event, _after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || params.id === 'backoff' || params.ms === (params.id.startsWith('request') ? 10 : patience[params.id as 'load'])),
    'a timer that is started is a new one, and is asked for': (before, _event, after, commands) => Object.entries(running(after)).every(([id, nonce]) =>
      id === 'ask' || nonce === running(before)[id] || commands.some(({ type, params }) => type === 'startTimer' && params.id === id && params.nonce === nonce)) &&
      commands.every(({ type, params }) => type !== 'startTimer' || (params.nonce !== undefined && params.nonce !== running(before)[params.id])),
    'a timer that ended is cancelled': (before, event, after, commands) => Object.keys(running(before)).every((id) =>
      id === 'ask' || running(after)[id] !== undefined || isDue(before, event, id) || commands.some(({ type, params }) => type === 'cancelTimer' && params.id === id)),
    'pressure is heeded': (before, event, after) => event.type !== 'pressure' || before.status === 'done' || after.context.critical === event.critical,
    'a stop is heeded at once': (before, event, after) => event.type !== 'stop' || before.status === 'done' || inState(after, 'stopped', 'ending'),
    'what is or may be loaded is unloaded before the end': (before, event, after) => event.type !== 'stop' || !inState(before, 'loading', 'loaded', 'draining', 'unloading') || inState(after, 'ending'),
    'stopping is for good': (before, _event, after) => !inState(before, 'ending') || inState(after, 'ending', 'stopped'),
  } satisfies Record<string, StepTest>,

  reachable: {
    'loaded, and two use it': (state: Snapshot) => inState(state, 'loaded') && state.context.leases.length === 2,
    'loaded, and one waits for the memory': (state: Snapshot) => inState(state, 'loaded') && state.context.waiting.length === 1,
    'one drains while another waits': (state: Snapshot) => inState(state, 'draining') && state.context.waiting.length === 1,
    'loaded at the second try': (state: Snapshot) => inState(state, 'loading') && state.context.retried,
    'waited for while it goes': (state: Snapshot) => inState(state, 'returning') && state.context.waiting.length > 0,
    stopped: (state: Snapshot) => inState(state, 'stopped'),
  },

  leadsTo: {
    'a request leads to served or rejected': {
      from: (state: Snapshot): boolean => waitsFor(state, 'r'),
      to: (state: Snapshot): boolean => !waitsFor(state, 'r'),
      weak: deadlinesCome,
    },
    'draining leads to unloaded when the leases end': {
      from: (state: Snapshot): boolean => inState(state, 'draining'),
      to: (state: Snapshot): boolean => inState(state, 'unloaded', 'queued', 'failed', 'ending', 'stopped'),
      weak: [...leasesEnd, timersFire],
      strong: [providerUnloads],
    },
    'a load comes to an end': {
      from: (state: Snapshot): boolean => inState(state, 'loading', 'retrying'),
      to: (state: Snapshot): boolean => !inState(state, 'loading', 'retrying'),
      weak: [timersFire],
    },
    'what failed can be had again': {
      from: (state: Snapshot): boolean => inState(state, 'failed'),
      to: (state: Snapshot): boolean => inState(state, 'unloaded', 'queued', 'stopped'),
      weak: [timersFire],
    },
    'a stop leads to the end': {
      from: (state: Snapshot): boolean => inState(state, 'ending'),
      to: (state: Snapshot): boolean => inState(state, 'stopped'),
      weak: [timersFire],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}
