import type { SnapshotFrom } from 'xstate'
import { leaseMachine, type LeaseEvent } from './lease.ts'

type Snapshot = SnapshotFrom<typeof leaseMachine>
type Command = { type: string; params?: any }
type Step = { before: Snapshot; event: LeaseEvent; after: Snapshot; commands: readonly Command[] }

const holds = (state: Snapshot): boolean => state.matches('held')
const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const answers = ({ before, event }: Step): boolean => 'ask' in event && running(before)['ask'] === event.ask
const isDue = ({ before, event }: Step, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const has = ({ commands }: Step, type: string): boolean => commands.some((command) => command.type === type)

/** 0 is never given out, so it stands for every nonce that was replaced. */
const stale = 0
const now = 100

/** What the store and the clock may do next: answer the request (well, late, under an old fence), answer an old one, fire. */
function events({ context }: Snapshot): LeaseEvent[] {
  const { ask, ...timers } = context.nonces.running
  const answersOf = (number: number): LeaseEvent[] => [
    // Held until 2 ms from now; exactly until now, which is too late.
    ...[context.fence + 1, ...(context.heldUntil > 0 ? [context.fence] : []), 0].flatMap((fence) =>
      [now + 2, now].map((heldUntil): LeaseEvent => ({ type: 'granted', ask: number, fence, heldUntil, now }))),
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
  input: { ttlMs: 9, retryMs: 2, nonceWrap: 3 },
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
    'holding begins and lasts only by an answer that came in time': (step: Step) =>
      step.after.context.heldUntil === 0 || step.after.context.heldUntil === step.before.context.heldUntil ||
      (step.event.type === 'granted' && answers(step) && step.event.now < step.event.heldUntil && step.after.context.heldUntil === step.event.heldUntil),
    'the belief ends at the deadline counted from the ask': (step: Step) => {
      const armed = step.commands.find((command) => command.type === 'startTimer' && command.params.id === 'expire')
      return armed === undefined || (step.event.type === 'granted' && armed.params.ms === step.event.heldUntil - step.event.now)
    },
    'a new deadline is armed with every grant that is believed': (step: Step) =>
      step.after.context.heldUntil === 0 || step.event.type !== 'granted' || !answers(step) ||
      step.commands.some((command) => command.type === 'startTimer' && command.params.id === 'expire'),
    'at the deadline it stops believing and says so': (step: Step) => !isDue(step, 'expire') || (!holds(step.after) && has(step, 'lost')),
    'fences strictly increase': (step: Step) => step.after.context.fence >= step.before.context.fence &&
      step.commands.every((command) => command.type !== 'gained' || (command.params.fence > step.before.context.fence && command.params.fence === step.after.context.fence)),
    'a stale fence is refused': (step: Step) =>
      !(step.event.type === 'granted' && !holds(step.before) && step.event.fence <= step.before.context.fence) || !holds(step.after),
    'a renewal under another fence is a loss': (step: Step) =>
      !(step.event.type === 'granted' && holds(step.before) && answers(step) && step.event.fence !== step.before.context.fence) || (!holds(step.after) && has(step, 'lost')),
    'a refused renewal is a loss': (step: Step) => !(step.event.type === 'denied' && holds(step.before) && answers(step)) || !holds(step.after),
    'gains and losses are told exactly when they happen': (step: Step) =>
      has(step, 'gained') === (!holds(step.before) && holds(step.after)) && has(step, 'lost') === (holds(step.before) && !holds(step.after)),
    'a grant that is not taken is given back': (step: Step) =>
      !(step.event.type === 'granted' && answers(step) && !holds(step.before) && !holds(step.after)) ||
      step.commands.some((command) => command.type === 'release' && command.params.fence === (step.event as { fence: number }).fence),
    'a grant that comes when it was given up is given back': (step: Step) =>
      !(step.event.type === 'granted' && step.before.matches('waiting')) || has(step, 'release'),
    'the answer to an earlier request decides nothing': (step: Step) =>
      !('ask' in step.event && !answers(step)) || (JSON.stringify(step.before.value) === JSON.stringify(step.after.value) && step.before.context === step.after.context),
    'a lease held at the stop is given back': (step: Step) => !(step.event.type === 'stop' && holds(step.before)) || has(step, 'release'),
    'one request at a time': (step: Step) => !(has(step, 'acquire') || has(step, 'renew')) || running(step.before)['ask'] === undefined,
    'it renews at a third of the ttl, sooner after a failure': (step: Step) => step.commands.every((command) =>
      command.type !== 'startTimer' || command.params.id !== 'renew' || command.params.ms === (step.event.type === 'failed' ? 2 : 3)),
    'a timer that was replaced changes nothing': (step: Step) =>
      step.event.type !== 'timer' || step.event.nonce !== stale || (step.before === step.after && step.commands.length === 0),
    'a timer that ended is cancelled': (step: Step) => Object.keys(running(step.before)).every((id) =>
      id === 'ask' || running(step.after)[id] !== undefined || step.commands.some((command) => command.type === 'cancelTimer' && command.params.id === id)),
  },

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
