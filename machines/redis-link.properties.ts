import type { SnapshotFrom } from 'xstate'
import { redisLinkMachine, type RedisLinkEvent } from './redis-link.ts'

type Snapshot = SnapshotFrom<typeof redisLinkMachine>
type Command = { type: string; params?: any }
type Step = { before: Snapshot; event: RedisLinkEvent; after: Snapshot; commands: readonly Command[] }

const decisions = ['forward', 'keep', 'hold', 'refuse']
const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = ({ commands }: Step, type: string): boolean => commands.some((command) => command.type === type)
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
    'every write is decided, once': (step: Step) =>
      !isWrite(step.event) || step.before.status === 'done' || step.commands.filter((command) => decisions.includes(command.type)).length === 1,
    'nothing else is decided': (step: Step) => isWrite(step.event) || !step.commands.some((command) => decisions.includes(command.type)),
    'a write goes past the journal only when connected': (step: Step) => !has(step, 'forward') || step.before.matches('connected'),
    'when connected nothing is kept, held or refused': (step: Step) => !step.before.matches('connected') || !(has(step, 'keep') || has(step, 'hold') || has(step, 'refuse')),
    'what is accepted is counted': (step: Step) => has(step, 'keep') === (isWrite(step.event) && step.after.context.items === step.before.context.items + 1),
    'no acknowledged write is lost': (step: Step) => step.after.context.items >= step.before.context.items ||
      ((step.event.type === 'drained' || step.event.type === 'unkept') && step.after.context.items === step.before.context.items - step.event.items),
    'items change by writes, adoption and confirmation alone': (step: Step) =>
      step.after.context.items === step.before.context.items || ['write', 'adopted', 'drained', 'unkept'].includes(step.event.type),
    'confirmation counts in every state': (step: Step) =>
      step.event.type !== 'drained' || step.before.status === 'done' || step.after.context.items === step.before.context.items - step.event.items,
    'what could not be kept counts no more': (step: Step) =>
      step.event.type !== 'unkept' || step.before.status === 'done' || step.after.context.items === step.before.context.items - 1,
    'failures are counted': (step: Step) => !step.after.matches({ degraded: 'waiting' }) || step.before.matches({ degraded: 'waiting' }) ||
      step.after.context.failures === Math.min(step.before.context.failures + 1, 30),
    'adoption counts in every state': (step: Step) => step.event.type !== 'adopted' || step.after.context.items === step.before.context.items + step.event.items,
    'the journal is bounded in bytes': (step: Step) => !has(step, 'keep') || step.after.context.bytes <= limitBytes,
    'the journal is bounded in age': (step: Step) => !has(step, 'keep') || !isWrite(step.event) || step.event.now - step.after.context.oldestAt <= maxAgeMs,
    'it refuses only what does not fit': (step: Step) => !has(step, 'refuse') || !isWrite(step.event) ||
      (step.before.matches({ syncing: 'settling' })
        ? step.before.context.held === 1
        : step.before.context.bytes + step.event.bytes > limitBytes || step.event.now - step.before.context.oldestAt > maxAgeMs),
    'ready only after the present run found nothing more': (step: Step) => step.before.matches('connected') || !step.after.matches('connected') ||
      (step.event.type === 'swept' && step.event.run === running(step.before)['drain'] && step.before.context.items === 0),
    'a run that found the journal overtaken is followed by another': (step: Step) =>
      !(step.event.type === 'swept' && step.event.run === running(step.before)['drain'] && step.before.context.items > 0) || has(step, 'drain'),
    'one run at a time': (step: Step) => step.commands.filter((command) => command.type === 'drain').length <= 1 &&
      (!has(step, 'drain') || step.commands.every((command) => command.type !== 'drain' || command.params.run === running(step.after)['drain'])),
    'a sync begins with a run': (step: Step) => step.before.matches('syncing') || !step.after.matches('syncing') || has(step, 'drain'),
    'a probe is sent with every try': (step: Step) => !(step.after.matches({ degraded: 'probing' }) && step.before !== step.after && !step.before.matches({ degraded: 'probing' })) || has(step, 'probe'),
    'a stale report or timer changes nothing': (step: Step) =>
      !((step.event.type === 'swept' && step.event.run === stale) || (step.event.type === 'timer' && step.event.nonce === stale)) ||
      (step.before === step.after && step.commands.length === 0),
    'the reconnect timer is cancelled when it is not wanted': (step: Step) => running(step.before)['reconnect'] === undefined || running(step.after)['reconnect'] !== undefined ||
      step.commands.some((command) => command.type === 'cancelTimer' && command.params.id === 'reconnect'),
    'every change of state is told': (step: Step) => (['connected', 'degraded', 'syncing'] as const).every((name) =>
      !(step.after.matches(name) && !step.before.matches(name)) || step.commands.some((command) => command.type === 'changed' && command.params.state === name)),
    'the wait for a probe grows with failures and starts afresh when connected': (step: Step) =>
      step.after.matches('connected') ? step.after.context.failures === 0 : step.commands.every((command) => command.type !== 'startTimer' ||
        command.params.ms === (step.after.matches({ degraded: 'waiting' }) ? Math.min(4, 2 ** step.after.context.failures) : 4)),
    'down ends the connection at once': (step: Step) => step.event.type !== 'down' || step.before.status === 'done' || !(step.after.matches('connected') || step.after.matches('syncing')),
  },

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
