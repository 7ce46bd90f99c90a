import type { SnapshotFrom } from 'xstate'
import { syncConflictMachine, type SyncConflictEvent } from './sync-conflict.ts'

type Snapshot = SnapshotFrom<typeof syncConflictMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: SyncConflictEvent, after: Snapshot, commands: readonly Command[]) => boolean

const again = (state: Snapshot): number | undefined => state.context.nonces.running['again']
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const isDue = (before: Snapshot, event: SyncConflictEvent): boolean => event.type === 'timer' && event.nonce === again(before)
const stages = ['overwriting', 'keepingBoth', 'forgetting', 'showing'] as const
const requests = { overwriting: 'overwrite', keepingBoth: 'keepBeside', forgetting: 'forget', showing: 'showTheirs' }
const asks = (state: Snapshot): boolean => stages.some((stage) => state.matches({ [stage]: 'asking' } as { forgetting: 'asking' }))
const pauses = (state: Snapshot): boolean => stages.some((stage) => state.matches({ [stage]: 'pausing' } as { forgetting: 'pausing' }))

/** 0 is never given out, so it stands for every nonce that was replaced. */
const stale = 0

/** What a person may choose, and what may come of the request that is on its way. */
function events(state: Snapshot): SyncConflictEvent[] {
  const answers: SyncConflictEvent[] = state.matches({ overwriting: 'asking' }) ? [{ type: 'written' }, { type: 'moved' }, { type: 'refused' }]
    : state.matches({ keepingBoth: 'asking' }) ? [{ type: 'written' }, { type: 'refused' }]
      : asks(state) ? [{ type: 'noted' }, { type: 'amended' }] : []
  return [
    { type: 'choose', choice: 'ours' }, { type: 'choose', choice: 'theirs' }, { type: 'choose', choice: 'both' },
    { type: 'cancel' },
    ...answers,
    ...(asks(state) ? [{ type: 'failed' as const }] : []),
    ...[again(state) ?? stale, stale].map((nonce): SyncConflictEvent => ({ type: 'timer', id: 'again', nonce })),
  ]
}

const timersFire = (event: SyncConflictEvent): boolean => event.type === 'timer' && event.nonce !== stale
const requestEnds = (event: SyncConflictEvent): boolean => ['written', 'moved', 'noted', 'amended', 'refused', 'failed'].includes(event.type)

export const syncConflictProperties = {
  events,
  input: { expect: 7, chain: 11, maxAttempts: 3, retryMs: 5, nonceWrap: 3 },

  invariants: {
    'a wait has a timer, and nothing else does': (state: Snapshot) => (again(state) !== undefined) === pauses(state),
    'attempts are bounded': (state: Snapshot) => state.context.failures < state.context.maxAttempts,
  },

  steps: {
    'settled only when the choice is durable and the conflict forgotten': (before, event, after) =>
      before.matches('resolved') || !after.matches('resolved') || (event.type === 'noted' && before.matches('forgetting')),
    'forgotten only when what was chosen is durable, or nothing had to be written': (before, event, _after, commands) => !has(commands, 'forget') || before.matches('forgetting') ||
      event.type === 'written' || (event.type === 'choose' && event.choice === 'theirs'),
    'ours is written over the version that was shown, and nothing else is': (before, event, after, commands) => commands.every(({ type, params }) =>
      type !== 'overwrite' || (params.expect === after.context.expect && ((event.type === 'choose' && event.choice === 'ours') || (before.matches('overwriting') && isDue(before, event))))),
    'ours is kept beside theirs when both were chosen': (before, event, _after, commands) =>
      !has(commands, 'keepBeside') || (event.type === 'choose' && event.choice === 'both') || (before.matches('keepingBoth') && isDue(before, event)),
    'what is forgotten or changed is the conflict that was shown': (_before, _event, after, commands) =>
      commands.every(({ type, params }) => (type !== 'forget' && type !== 'showTheirs') || params.chain === after.context.chain),
    'a side that moved reopens the conflict': (before, event, after) => !((event.type === 'moved' || event.type === 'amended') && asks(before)) || after.matches('showing') || after.matches('moved'),
    'a choice is heeded': (before, event, after) => event.type !== 'choose' || !before.matches('open') ||
      after.matches(event.choice === 'ours' ? 'overwriting' : event.choice === 'both' ? 'keepingBoth' : 'forgetting'),
    'a choice that was made stands': (before, event, after) => event.type !== 'choose' || before.matches('open') || before === after,
    'one request at a time, and each state has its own': (before, _event, after, commands) => stages.every((stage) =>
      has(commands, requests[stage]) === (after.matches({ [stage]: 'asking' } as { forgetting: 'asking' }) && before !== after)),
    'a request without an answer is repeated, or given up at the last': (before, event, after) => event.type !== 'failed' || !asks(before) ||
      (before.context.failures + 1 < before.context.maxAttempts ? pauses(after) && after.context.failures === before.context.failures + 1 : after.matches('failed')),
    'it repeats when the pause is over': (before, event, after, commands) => !isDue(before, event) || (asks(after) && commands.some(({ type }) => Object.values(requests).includes(type))),
    'the pause doubles': (_before, _event, after, commands) => commands.every(({ type, params }) => type !== 'startTimer' || params.ms === 5 * 2 ** (after.context.failures - 1)),
    'a timer that is started is a new one, and runs': (before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || (params.nonce === again(after) && params.nonce !== again(before))) && (again(after) === again(before) || again(after) === undefined || has(commands, 'startTimer')),
    'a timer that ended is cancelled': (before, _event, after, commands) => again(before) === undefined || again(after) !== undefined || has(commands, 'cancelTimer'),
    'a timer that was replaced changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== stale || before === after,
    'a cancellation is heeded at once': (before, event, after) => event.type !== 'cancel' || before.status === 'done' || after.matches('cancelled'),
    'the end is the end': (before, _event, after, commands) => before.status !== 'done' || (before === after && commands.length === 0),
  } satisfies Record<string, StepTest>,

  reachable: {
    resolved: (state: Snapshot) => state.matches('resolved'),
    moved: (state: Snapshot) => state.matches('moved'),
    failed: (state: Snapshot) => state.matches('failed'),
    cancelled: (state: Snapshot) => state.matches('cancelled'),
    'resolved at the last attempt': (state: Snapshot) => state.matches('resolved') && state.context.failures === 2,
  },

  leadsTo: {
    'a choice leads to an end': {
      from: (state: Snapshot): boolean => !state.matches('open'),
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [timersFire, requestEnds],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}
