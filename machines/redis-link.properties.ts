import type { SnapshotFrom } from 'xstate'
import { redisLinkMachine, type RedisLinkEvent } from './redis-link.ts'

type Snapshot = SnapshotFrom<typeof redisLinkMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: RedisLinkEvent, after: Snapshot, commands: readonly Command[]) => boolean

const decisions = ['forward', 'keep', 'hold', 'refuse']
const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const isWrite = (event: RedisLinkEvent): event is Extract<RedisLinkEvent, { type: 'write' }> => event.type === 'write'

const limitBytes = 3
const maxAgeMs = 1
const stale = 0

/** Items of one or two bytes, so that the number of items and their bytes are told apart. */
function events(state: Snapshot): RedisLinkEvent[] {
  const { items, bytes } = state.context
  const removals = [1, items].flatMap((taken) => [1, 2].map((size) => ({ items: taken, bytes: taken === items ? bytes : size, oldestAt: taken === items ? 0 : 1 })))
    .filter((out) => out.items > 0 && out.items <= items && bytes - out.bytes >= items - out.items && bytes - out.bytes <= 2 * (items - out.items))
  const { drain, ...timers } = running(state)
  return [
    { type: 'start' },
    { type: 'stop' },
    { type: 'up' },
    // An outage heals: the link fails three times at most before it is connected again.
    ...(state.context.failures < 3 ? [{ type: 'down' } as const] : []),
    ...[1, 2].flatMap((size) => [1, 9].map((now): RedisLinkEvent => ({ type: 'write', bytes: size, now }))),
    ...removals.map((out): RedisLinkEvent => ({ type: 'drained', ...out })),
    ...removals.filter((out) => out.items === 1).map((out): RedisLinkEvent => ({ type: 'unkept', items: 1, bytes: out.bytes })),
    // Not without end: nodes that leave a journal behind are few.
    ...(state.matches({ syncing: 'draining' }) && items === 0 ? [{ type: 'adopted', items: 2, bytes: 3, oldestAt: 1 } as const] : []),
    { type: 'swept', run: stale },
    // `left` marks, for the fairness below, a report that was overtaken by a write.
    ...(drain === undefined ? [] : [{ type: 'swept', run: drain, ...(items === 0 ? {} : { left: true }) } as const]),
    ...Object.entries(timers).map(([id, nonce]): RedisLinkEvent => ({ type: 'timer', id, nonce })),
    { type: 'timer', id: 'reconnect', nonce: stale },
  ]
}

const timersFire = [(event: RedisLinkEvent) => event.type === 'timer' && event.nonce !== stale]
/** The store answers, takes what is sent, and at some time the last of it. */
const healed = ['up' as const, 'drained' as const, (event: RedisLinkEvent) => event.type === 'swept' && event.run !== stale && !('left' in event)]

export const redisLinkProperties = {
  events,
  input: { limitBytes, maxAgeMs, backoff: { minMs: 1, maxMs: 4 }, settleBelow: 1, maxHeld: 1, nonceWrap: 3 },
  /** The back-off is at its longest after two failures, and what may happen is the same from three. */
  key: ({ value, status, context }: Snapshot) => ({ value, status, context: { ...context, failures: Math.min(context.failures, 3) } }),

  invariants: {
    'ready only when everything was sent': (state: Snapshot) => !state.matches('connected') || (state.context.items === 0 && state.context.bytes === 0),
    'bytes and age are those of the items': (state: Snapshot) =>
      (state.context.items === 0) === (state.context.bytes === 0) && (state.context.items === 0) === (state.context.oldestAt === 0) && state.context.bytes >= state.context.items,
    'one reconnect timer while degraded, none otherwise': (state: Snapshot) => state.matches('degraded') === (running(state)['reconnect'] !== undefined),
    'it is being sent exactly while syncing': (state: Snapshot) => state.matches('syncing') === (running(state)['drain'] !== undefined),
    'writes are held back only at the end of a sync': (state: Snapshot) => state.context.held === 0 || state.matches({ syncing: 'settling' }),
    'held writes are bounded': (state: Snapshot) => state.context.held <= 1,
  },

  steps: {
    'every write is decided, once': (before, event, _after, commands) =>
      !isWrite(event) || before.status === 'done' || commands.filter((command) => decisions.includes(command.type)).length === 1,
    'nothing else is decided': (_before, event, _after, commands) => isWrite(event) || !commands.some((command) => decisions.includes(command.type)),
    'a write goes past the journal only when connected': (before, _event, _after, commands) => !has(commands, 'forward') || before.matches('connected'),
    'when connected nothing is kept, held or refused': (before, _event, _after, commands) => !before.matches('connected') || !(has(commands, 'keep') || has(commands, 'hold') || has(commands, 'refuse')),
    'what is accepted is counted': (before, event, after, commands) => has(commands, 'keep') === (isWrite(event) && after.context.items === before.context.items + 1),
    'no acknowledged write is lost': (before, event, after) => after.context.items >= before.context.items ||
      ((event.type === 'drained' || event.type === 'unkept') && after.context.items === before.context.items - event.items),
    'items change by writes, adoption and confirmation alone': (before, event, after) =>
      after.context.items === before.context.items || ['write', 'adopted', 'drained', 'unkept'].includes(event.type),
    'confirmation counts in every state': (before, event, after) =>
      event.type !== 'drained' || before.status === 'done' || after.context.items === before.context.items - event.items,
    'what could not be kept counts no more': (before, event, after) =>
      event.type !== 'unkept' || before.status === 'done' || after.context.items === before.context.items - 1,
    'failures are counted': (before, _event, after) => !after.matches({ degraded: 'waiting' }) || before.matches({ degraded: 'waiting' }) ||
      after.context.failures === Math.min(before.context.failures + 1, 30),
    'adoption counts in every state': (before, event, after) => event.type !== 'adopted' || after.context.items === before.context.items + event.items,
    'the journal is bounded in bytes': (_before, _event, after, commands) => !has(commands, 'keep') || after.context.bytes <= limitBytes,
    'the journal is bounded in age': (_before, event, after, commands) => !has(commands, 'keep') || !isWrite(event) || event.now - after.context.oldestAt <= maxAgeMs,
    'it refuses only what does not fit': (before, event, _after, commands) => !has(commands, 'refuse') || !isWrite(event) ||
      (before.matches({ syncing: 'settling' })
        ? before.context.held === 1
        : before.context.bytes + event.bytes > limitBytes || event.now - before.context.oldestAt > maxAgeMs),
    'ready only after the present run found nothing more': (before, event, after) => before.matches('connected') || !after.matches('connected') ||
      (event.type === 'swept' && event.run === running(before)['drain'] && before.context.items === 0),
    'a run that found the journal overtaken is followed by another': (before, event, _after, commands) =>
      !(event.type === 'swept' && event.run === running(before)['drain'] && before.context.items > 0) || has(commands, 'drain'),
    'one run at a time': (_before, _event, after, commands) => commands.filter((command) => command.type === 'drain').length <= 1 &&
      (!has(commands, 'drain') || commands.every((command) => command.type !== 'drain' || command.params.run === running(after)['drain'])),
    'a sync begins with a run': (before, _event, after, commands) => before.matches('syncing') || !after.matches('syncing') || has(commands, 'drain'),
    'a probe is sent with every try': (before, _event, after, commands) => !(after.matches({ degraded: 'probing' }) && before !== after && !before.matches({ degraded: 'probing' })) || has(commands, 'probe'),
    'a stale report or timer changes nothing': (before, event, after, commands) =>
      !((event.type === 'swept' && event.run === stale) || (event.type === 'timer' && event.nonce === stale)) ||
      (before === after && commands.length === 0),
    'the reconnect timer is cancelled when it is not wanted': (before, _event, after, commands) => running(before)['reconnect'] === undefined || running(after)['reconnect'] !== undefined ||
      commands.some((command) => command.type === 'cancelTimer' && command.params.id === 'reconnect'),
    'a timer that is started is a new one, and runs': (before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || (params.nonce === running(after)[params.id] && params.nonce !== running(before)[params.id])),
    'what it waits for was asked for': (before, _event, after, commands) => Object.entries(running(after)).every(([id, nonce]) => nonce === running(before)[id] ||
      commands.some(({ type, params }) => (id === 'drain' ? type === 'drain' && params.run === nonce : type === 'startTimer' && params.id === id && params.nonce === nonce))),
    'every run is a new one': (before, _event, _after, commands) => commands.every(({ type, params }) => type !== 'drain' || params.run !== running(before)['drain']),
    'who carries out anew gets a run of its own': (before, event, _after, commands) => !(event.type === 'start' && before.matches('syncing')) || has(commands, 'drain'),
    'every change of state is told': (before, _event, after, commands) => (['connected', 'degraded', 'syncing'] as const).every((name) =>
      !(after.matches(name) && !before.matches(name)) || commands.some((command) => command.type === 'changed' && command.params.state === name)),
    'the wait for a probe grows with failures and starts afresh when connected': (_before, _event, after, commands) =>
      after.matches('connected') ? after.context.failures === 0 : commands.every((command) => command.type !== 'startTimer' ||
        command.params.ms === (after.matches({ degraded: 'waiting' }) ? Math.min(4, 2 ** after.context.failures) : 4)),
    'down ends the connection at once': (before, event, after) => event.type !== 'down' || before.status === 'done' || !(after.matches('connected') || after.matches('syncing')),
  } satisfies Record<string, StepTest>,

  reachable: {
    connected: (state: Snapshot) => state.matches('connected'),
    'settling with a write held': (state: Snapshot) => state.context.held > 0,
    'a full journal': (state: Snapshot) => state.context.bytes >= limitBytes,
    'degraded again in the middle of a sync': (state: Snapshot) => state.matches('degraded') && state.context.items > 0 && state.context.failures > 0,
  },

  leadsTo: {
    'an outage that heals leads to connected': {
      from: (state: Snapshot) => state.matches('degraded') || state.matches('syncing'),
      to: (state: Snapshot) => state.matches('connected') || state.matches('stopped'),
      weak: timersFire,
      strong: healed,
    },
    'while it does not heal it tries again and again': {
      from: (state: Snapshot) => state.matches({ degraded: 'waiting' }),
      to: (state: Snapshot) => state.matches({ degraded: 'probing' }) || state.matches('syncing') || state.matches('stopped'),
      weak: timersFire,
    },
  },

  mayStop: (state: Snapshot) => state.matches('stopped'),
}
