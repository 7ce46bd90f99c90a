import type { SnapshotFrom } from 'xstate'
import { leaseMachine, type LeaseEvent } from './lease.ts'

type Snapshot = SnapshotFrom<typeof leaseMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: LeaseEvent, after: Snapshot, commands: readonly Command[]) => boolean

const holds = (state: Snapshot): boolean => state.matches('held')
const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const answers = (before: Snapshot, event: LeaseEvent): boolean => 'ask' in event && running(before)['ask'] === event.ask
const isDue = (before: Snapshot, event: LeaseEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)

/** 0 is never given out, so it stands for every nonce that was replaced. */
const stale = 0
const now = 100

/** What the store and the clock may do next: answer the request (well, late, under an old fence), answer an old one, fire. */
function events({ context }: Snapshot): LeaseEvent[] {
  const { ask, ...timers } = context.nonces.running
  const answersOf = (number: number): LeaseEvent[] => [
    // Held until 2 or 3 ms from now; exactly until now, which is too late.
    ...[context.fence + 1, ...(context.heldUntil > 0 ? [context.fence] : []), 0].flatMap((fence) =>
      [now + 2, now + 3, now].map((heldUntil): LeaseEvent => ({ type: 'granted', ask: number, fence, heldUntil, now }))),
    { type: 'denied', ask: number },
    { type: 'failed', ask: number },
  ]
  return [
    { type: 'start' },
    { type: 'stop' },
    { type: 'released' },
    ...answersOf(stale),
    ...(ask === undefined ? [] : answersOf(ask)),
    ...Object.entries(timers).flatMap(([id, nonce]) => [nonce, stale].map((number): LeaseEvent => ({ type: 'timer', id, nonce: number }))),
    { type: 'timer', id: 'renew', nonce: stale },
  ]
}

const timersFire = [(event: LeaseEvent) => event.type === 'timer' && event.nonce !== stale]
/** The store answers some request in time and grants it. */
const storeGrants = [(event: LeaseEvent) => event.type === 'granted' && event.ask !== stale && event.fence > 0 && event.now < event.heldUntil]

export const leaseProperties = {
  events,
  input: { ttlMs: 9, retryMs: 2, nonceWrap: 4 },
  /** Fences and deadlines are only ever compared with those of an answer, which is chosen relative to them. */
  key: ({ value, context }: Snapshot) => ({ value, nonces: context.nonces, believes: context.heldUntil > 0 }),

  invariants: {
    'believes exactly while it is held': (state: Snapshot) => (state.context.heldUntil > 0) === holds(state),
    'the end of the belief is always armed': (state: Snapshot) => !holds(state) || running(state)['expire'] !== undefined,
    'a wait has a timer': (state: Snapshot) =>
      (!state.matches('waiting') || running(state)['retry'] !== undefined) &&
      (!(state.matches('asking') || state.matches('withdrawing') || state.matches('releasing')) || running(state)['patience'] !== undefined),
    'nothing is left running at the end': (state: Snapshot) => state.status !== 'done' || Object.keys(running(state)).length === 0,
  },

  steps: {
    'holding begins and lasts only by an answer that came in time': (before, event, after) =>
      after.context.heldUntil === 0 || after.context.heldUntil === before.context.heldUntil ||
      (event.type === 'granted' && answers(before, event) && event.now < event.heldUntil && after.context.heldUntil === event.heldUntil),
    'the belief ends at the deadline counted from the ask': (_before, event, _after, commands) => {
      const armed = commands.find((command) => command.type === 'startTimer' && command.params.id === 'expire')
      return armed === undefined || (event.type === 'granted' && armed.params.ms === event.heldUntil - event.now)
    },
    'a new deadline is armed with every grant that is believed': (before, event, after, commands) =>
      after.context.heldUntil === 0 || event.type !== 'granted' || !answers(before, event) ||
      commands.some((command) => command.type === 'startTimer' && command.params.id === 'expire'),
    'at the deadline it stops believing and says so': (before, event, after, commands) => !isDue(before, event, 'expire') || (!holds(after) && has(commands, 'lost')),
    'fences strictly increase': (before, _event, after, commands) => after.context.fence >= before.context.fence &&
      commands.every((command) => command.type !== 'gained' || (command.params.fence > before.context.fence && command.params.fence === after.context.fence)),
    'a stale fence is refused': (before, event, after) =>
      !(event.type === 'granted' && !holds(before) && event.fence <= before.context.fence) || !holds(after),
    'a renewal under another fence is a loss': (before, event, after, commands) =>
      !(event.type === 'granted' && holds(before) && answers(before, event) && event.fence !== before.context.fence) || (!holds(after) && has(commands, 'lost')),
    'a refused renewal is a loss': (before, event, after) => !(event.type === 'denied' && holds(before) && answers(before, event)) || !holds(after),
    'gains and losses are told exactly when they happen': (before, _event, after, commands) =>
      has(commands, 'gained') === (!holds(before) && holds(after)) && has(commands, 'lost') === (holds(before) && !holds(after)),
    'a grant that is not taken is given back': (before, event, after, commands) =>
      !(event.type === 'granted' && answers(before, event) && !holds(before) && !holds(after)) ||
      commands.some((command) => command.type === 'release' && command.params.fence === (event as { fence: number }).fence),
    'a grant that comes when it was given up is given back': (before, event, _after, commands) =>
      !(event.type === 'granted' && before.matches('waiting')) || has(commands, 'release'),
    'the answer to an earlier request decides nothing': (before, event, after) =>
      !('ask' in event && !answers(before, event)) || (JSON.stringify(before.value) === JSON.stringify(after.value) && before.context === after.context),
    'a lease held at the stop is given back': (before, event, _after, commands) => !(event.type === 'stop' && holds(before)) || has(commands, 'release'),
    'one request at a time': (before, _event, _after, commands) => !(has(commands, 'acquire') || has(commands, 'renew')) || running(before)['ask'] === undefined,
    'it renews at a third of the ttl, sooner after a failure': (_before, event, _after, commands) => commands.every((command) =>
      command.type !== 'startTimer' || command.params.id !== 'renew' || command.params.ms === (event.type === 'failed' ? 2 : 3)),
    'a timer that was replaced changes nothing': (before, event, after, commands) =>
      event.type !== 'timer' || event.nonce !== stale || (before === after && commands.length === 0),
    'a timer that is started is a new one, and runs': (before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || (params.nonce === running(after)[params.id] && params.nonce !== running(before)[params.id])),
    'what it waits for was asked for': (before, _event, after, commands) => Object.entries(running(after)).every(([id, nonce]) => nonce === running(before)[id] ||
      commands.some(({ type, params }) => (id === 'ask' ? (type === 'acquire' || type === 'renew') && params.ask === nonce : type === 'startTimer' && params.id === id && params.nonce === nonce))),
    'a renewal moves the deadline, and is told': (before, event, after, commands) =>
      !(event.type === 'granted' && answers(before, event) && holds(before) && holds(after)) ||
      (after.context.heldUntil === event.heldUntil && commands.some(({ type, params }) => type === 'extended' && params.heldUntil === event.heldUntil)),
    'a timer that ended is cancelled': (before, _event, after, commands) => Object.keys(running(before)).every((id) =>
      id === 'ask' || running(after)[id] !== undefined || commands.some((command) => command.type === 'cancelTimer' && command.params.id === id)),
  } satisfies Record<string, StepTest>,

  reachable: {
    held: holds,
    'held again after a loss': (state: Snapshot) => holds(state) && state.context.fence > 1,
    'stopped with a request on its way': (state: Snapshot) => state.matches('withdrawing'),
    stopped: (state: Snapshot) => state.matches('stopped'),
  },

  leadsTo: {
    'a healthy period leads to a holder': {
      from: (state: Snapshot) => state.matches('asking') || state.matches('waiting'),
      to: (state: Snapshot) => holds(state) || state.matches('withdrawing') || state.matches('stopped'),
      weak: timersFire,
      strong: storeGrants,
    },
    'a stop leads to stopped, whatever the store does': {
      from: (state: Snapshot) => state.matches('withdrawing') || state.matches('releasing'),
      to: (state: Snapshot) => state.matches('stopped'),
      weak: timersFire,
    },
  },

  mayStop: (state: Snapshot) => state.matches('stopped') || state.matches('idle'),
}
