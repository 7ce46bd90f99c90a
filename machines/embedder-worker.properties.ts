import type { SnapshotFrom } from 'xstate'
import { embedderWorkerMachine, type EmbedderItem, type EmbedderWorkerEvent } from './embedder-worker.ts'

type Snapshot = SnapshotFrom<typeof embedderWorkerMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: EmbedderWorkerEvent, after: Snapshot, commands: readonly Command[]) => boolean

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const find = (commands: readonly Command[], type: string): any => commands.find((command) => command.type === type)?.params
const isDue = (before: Snapshot, event: EmbedderWorkerEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const isOfThread = (before: Snapshot, event: EmbedderWorkerEvent): boolean => 'thread' in event && event.thread === running(before)['thread']
const isOfRun = (before: Snapshot, event: EmbedderWorkerEvent): boolean => 'run' in event && event.run === running(before)['batch']
const hasThread = (state: Snapshot): boolean => running(state)['thread'] !== undefined
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** 0 is never given out, so it stands for every incarnation and every nonce that was replaced. */
const stale = 0
const maxAttempts = 2
/** A text that was never tried, with one that is at its last try. */
const batch: readonly EmbedderItem[] = [{ id: 'a', attempt: 1 }, { id: 'b', attempt: maxAttempts }]
const timers = ['start', 'batch', 'idle', 'backoff', 'exit']
const waits = { starting: 'start', busy: 'batch', ending: 'exit', recovering: 'backoff' }

/** Orders of the pool, what the thread may say, what an earlier one said late, timers that fire. */
function events(state: Snapshot): EmbedderWorkerEvent[] {
  const { thread, batch: run } = running(state)
  const said = (incarnation: number): EmbedderWorkerEvent[] => [{ type: 'ready', thread: incarnation }, { type: 'exited', thread: incarnation }]
  const told = (number: number): EmbedderWorkerEvent[] => [{ type: 'answered', run: number }, { type: 'failed', run: number }]
  return [
    { type: 'start' },
    { type: 'stop' },
    { type: 'release' },
    { type: 'work', items: batch },
    ...said(stale),
    ...told(stale),
    ...(thread === undefined ? [] : said(thread)),
    ...(run === undefined ? [] : told(run)),
    ...timers.flatMap((id) => [running(state)[id] ?? stale, stale].map((nonce): EmbedderWorkerEvent => ({ type: 'timer', id, nonce }))),
  ]
}

const timersFire = (event: EmbedderWorkerEvent): boolean => event.type === 'timer' && event.nonce !== stale
const modelLoads = (event: EmbedderWorkerEvent): boolean => event.type === 'ready' && event.thread !== stale
const batchIsComputed = (event: EmbedderWorkerEvent): boolean => event.type === 'answered' && event.run !== stale
const poolHasWork = (event: EmbedderWorkerEvent): boolean => event.type === 'work'

export const embedderWorkerProperties = {
  events,
  input: { maxAttempts, maxFailures: 1, startMs: 5, batchMs: 6, exitMs: 7, idleMs: 8 as number | null, backoff: { minMs: 2, maxMs: 3 }, nonceWrap: 4 },

  invariants: {
    'one thread at most, and none where none is needed': (state: Snapshot) =>
      hasThread(state) === (state.matches('starting') || state.matches('ready') || state.matches('busy') || state.matches('ending')),
    'nothing is left at the end': (state: Snapshot) => state.status !== 'done' || (Object.keys(running(state)).length === 0 && state.context.items.length === 0),
    'a wait has its timer, and no other runs': (state: Snapshot) => timers.every((id) => (running(state)[id] !== undefined) ===
      (id === 'idle' ? state.matches({ ready: 'idling' }) : Object.entries(waits).some(([name, timer]) => timer === id && state.matches(name as 'busy')))),
    'a batch is computed, or waits for a thread': (state: Snapshot) => state.context.items.length > 0 ? state.matches('busy') || state.matches('starting') : !state.matches('busy'),
    'work is taken exactly where there is none': (state: Snapshot) => state.hasTag('takesWork') === (state.matches('ready') || state.matches('released')),
    'failures are bounded': (state: Snapshot) => state.context.failures <= state.context.maxFailures || state.matches('ending') || state.status === 'done',
  },

  steps: {
    'a batch ends in an answer or is given back, once': (before, event, after, commands) => {
      const ends = before.context.items.length > 0 && after.context.items.length === 0
      const told = commands.filter(({ type, params }) => type === 'answer' || (type === 'giveBack' && params.again.length + params.failed.length > 0)).length
      return told === (ends || (event.type === 'work' && after.context.items === before.context.items) ? (before.status === 'done' ? 0 : 1) : 0)
    },
    'an answer is that of the batch in hand': (before, event, _after, commands) =>
      has(commands, 'answer') === (event.type === 'answered' && before.matches('busy') && isOfRun(before, event)) &&
      (!has(commands, 'answer') || same(find(commands, 'answer').items, before.context.items)),
    'nothing of a batch is lost or doubled when it is given back': (before, event, _after, commands) => {
      const given = find(commands, 'giveBack')
      const items = event.type === 'work' ? event.items : before.context.items
      return given === undefined || same([...given.again, ...given.failed].map(({ id }: EmbedderItem) => id), items.map(({ id }) => id))
    },
    'tries are counted and bounded': (before, event, _after, commands) => {
      const given = find(commands, 'giveBack')
      if (given === undefined) return true
      const items = event.type === 'work' ? event.items : before.context.items
      const tried = before.matches('busy') && event.type !== 'work' && event.type !== 'stop'
      return given.again.every((item: EmbedderItem) => item.attempt <= maxAttempts && item.attempt === (items.find(({ id }) => id === item.id) as EmbedderItem).attempt + (tried ? 1 : 0)) &&
        given.failed.every((item: EmbedderItem) => tried && item.attempt === maxAttempts)
    },
    'the reason is the true one': (before, event, _after, commands) => {
      const given = find(commands, 'giveBack')
      return given === undefined || given.reason === (
        event.type === 'work' ? 'refused' : event.type === 'stop' ? 'stopped' : before.matches('starting') ? 'not started'
          : event.type === 'failed' ? 'failed' : event.type === 'exited' ? 'crashed' : 'hung')
    },
    'work is taken where the state says so': (before, event, after) => event.type !== 'work' || before.hasTag('takesWork') === (after.context.items === event.items && before.context.items !== event.items),
    'one run at a time, with its texts, on the thread that is ready': (before, _event, after, commands) =>
      has(commands, 'run') === (after.matches('busy') && !before.matches('busy')) &&
      commands.every(({ type, params }) => type !== 'run' || (params.thread === running(before)['thread'] && params.run === running(after)['batch'] && same(params.items, after.context.items))),
    'a thread is spawned only when there is none': (before, _event, after, commands) =>
      has(commands, 'spawn') === (after.matches('starting') && !before.matches('starting')) && (!has(commands, 'spawn') || (!hasThread(before) || before.matches('ending'))) &&
      commands.every(({ type, params }) => type !== 'spawn' || params.thread === running(after)['thread']),
    'a thread that was not heard to end is told to': (before, event, after, commands) =>
      has(commands, 'terminate') === (after.matches('ending') && !before.matches('ending')) && (!has(commands, 'terminate') || find(commands, 'terminate').thread === running(before)['thread']) &&
      (!hasThread(before) || hasThread(after) || (event.type === 'exited' && isOfThread(before, event)) || (before.matches('ending') && isDue(before, event, 'exit'))),
    'a thread is left behind only after it was told to end and time is up': (before, event, _after, commands) =>
      has(commands, 'abandon') === (before.matches('ending') && isDue(before, event, 'exit')) && (!has(commands, 'abandon') || find(commands, 'abandon').thread === running(before)['thread']),
    'a thread that ended is no more': (before, event, after) => !isOfThread(before, event) || event.type !== 'exited' || running(after)['thread'] !== running(before)['thread'],
    'what an earlier thread or run says changes nothing': (before, event, after) =>
      !(('thread' in event && event.thread === stale) || ('run' in event && event.run === stale) || (event.type === 'timer' && event.nonce === stale)) || before === after,
    'an answer of another state changes nothing': (before, event, after) => !(event.type === 'ready' && !before.matches('starting')) || before === after,
    'only an answer clears the failures': (before, event, after) => after.context.failures === (event.type === 'answered' && isOfRun(before, event) ? 0
      : before.context.failures + (isOfThread(before, event) && event.type === 'exited' && !before.matches('ending') || isDue(before, event, 'start') || isDue(before, event, 'batch') ? 1 : 0)),
    'after too many failures it gives up, and only then': (before, _event, after) => before.status === 'done' ||
      (after.matches('givenUp') ? after.context.failures > after.context.maxFailures : !(after.matches('recovering') && after.context.failures > after.context.maxFailures)),
    'the wait doubles up to its bound': (_before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || params.id !== 'backoff' || params.ms === Math.min(3, 2 ** after.context.failures)),
    'each timer has its patience': (_before, _event, _after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || params.id === 'backoff' || params.ms === { start: 5, batch: 6, exit: 7, idle: 8 }[params.id as 'start']),
    'a timer that is started is a new one, and is asked for': (before, _event, after, commands) => timers.every((id) => {
      const nonce = running(after)[id]
      return nonce === running(before)[id] || nonce === undefined || commands.some(({ type, params }) => type === 'startTimer' && params.id === id && params.nonce === nonce)
    }),
    'a timer that ended is cancelled': (before, event, after, commands) => timers.every((id) =>
      running(before)[id] === undefined || running(after)[id] !== undefined || isDue(before, event, id) || commands.some(({ type, params }) => type === 'cancelTimer' && params.id === id)),
    'a stop is heeded at once': (before, event, after) => event.type !== 'stop' || before.status === 'done' || after.matches('stopped') || after.matches({ ending: 'stopping' }),
    'stopping is for good': (before, _event, after) => !before.matches({ ending: 'stopping' }) || after.matches({ ending: 'stopping' }) || after.matches('stopped'),
    'the thread is let go when it idles or on request, and then only on request comes back': (before, event, after) =>
      (!(before.matches('ready') && event.type === 'release') && !(isDue(before, event, 'idle')) || after.matches({ ending: 'releasing' })) &&
      (!before.matches('released') || event.type === 'work' || event.type === 'start' || event.type === 'stop' || before === after),
  } satisfies Record<string, StepTest>,

  reachable: {
    'a batch that waits for the thread to come back': (state: Snapshot) => state.matches('starting') && state.context.items.length > 0,
    'given up': (state: Snapshot) => state.matches('givenUp'),
    released: (state: Snapshot) => state.matches('released'),
    stopped: (state: Snapshot) => state.matches('stopped'),
  },

  leadsTo: {
    'a batch leads to answered or given back': {
      from: (state: Snapshot): boolean => state.context.items.length > 0,
      to: (state: Snapshot): boolean => state.context.items.length === 0,
      weak: [timersFire],
    },
    'a stop leads to the end': {
      from: (state: Snapshot): boolean => state.matches({ ending: 'stopping' }),
      to: (state: Snapshot): boolean => state.matches('stopped'),
      weak: [timersFire],
    },
    'a thread that is lost is replaced, or the worker given up': {
      from: (state: Snapshot): boolean => state.matches('recovering') || state.matches({ ending: 'restarting' }),
      to: (state: Snapshot): boolean => state.matches('starting') || state.status === 'done' || state.matches({ ending: 'stopping' }),
      weak: [timersFire],
    },
    'a worker that was started takes work again, is given up, or stopped': {
      from: (state: Snapshot): boolean => !state.matches('idle'),
      to: (state: Snapshot): boolean => state.hasTag('takesWork') || state.status === 'done',
      weak: [timersFire],
      strong: [modelLoads, batchIsComputed, poolHasWork],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}

/** As above, with a thread that is kept however long it idles. */
export const keptWorkerProperties = { ...embedderWorkerProperties, input: { ...embedderWorkerProperties.input, idleMs: null },
  invariants: { ...embedderWorkerProperties.invariants, 'it does not idle': (state: Snapshot) => !state.matches({ ready: 'idling' }) } }
