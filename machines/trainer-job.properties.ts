import type { SnapshotFrom } from 'xstate'
import { trainerJobMachine, trainerPhases, type TrainerJobEvent } from './trainer-job.ts'

type Snapshot = SnapshotFrom<typeof trainerJobMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: TrainerJobEvent, after: Snapshot, commands: readonly Command[]) => boolean

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const find = (commands: readonly Command[], type: string): any => commands.find((command) => command.type === type)?.params
const isDue = (before: Snapshot, event: TrainerJobEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const isOfRun = (before: Snapshot, event: TrainerJobEvent): boolean => 'run' in event && event.run === running(before)['work']
const working = (state: Snapshot): boolean => state.matches({ held: 'working' })
const saving = (state: Snapshot): boolean => state.matches({ held: 'saving' })
const aborting = (state: Snapshot): boolean => state.matches({ held: 'aborting' })
const concluding = (state: Snapshot): boolean => state.matches({ held: 'concluding' })
const yielding = (state: Snapshot): boolean => state.matches({ held: 'yielding' })
const requests = [['save', saving], ['conclude', concluding], ['yield', yielding]] as const
const asks = (state: Snapshot): boolean => (saving(state) || concluding(state) || yielding(state)) && running(state)['again'] === undefined
const phaseOf = (state: Snapshot): number => trainerPhases.indexOf(state.context.phase)
const timers = ['work', 'exit', 'again']

/** 0 is never given out, so it stands for every run and every nonce that was replaced. */
const stale = 0
const fence = 5
const maxAttempts = 2

/** What the store, the work and the people may do next, and what may arrive late. */
function events(state: Snapshot): TrainerJobEvent[] {
  const { work } = running(state)
  return [
    { type: 'start' }, { type: 'stop' }, { type: 'cancel' }, { type: 'lost' },
    ...(state.matches('claiming') || state.matches('withdrawing') ? [
      ...[1, maxAttempts, maxAttempts + 1].flatMap((attempt) => (['prepare', 'evaluate', 'publish'] as const).map((phase): TrainerJobEvent => ({ type: 'claimed', fence, attempt, phase, cancelled: false }))),
      { type: 'claimed' as const, fence, attempt: 1, phase: 'prepare' as const, cancelled: true },
      { type: 'unclaimed' as const },
    ] : []),
    ...(work === undefined ? [stale] : [work, stale]).flatMap((run): TrainerJobEvent[] => [
      { type: 'progress', run }, { type: 'completed', run, accepted: true }, { type: 'completed', run, accepted: false }, { type: 'broken', run },
    ]),
    ...(aborting(state) ? [{ type: 'exited' as const }] : []),
    ...(asks(state) ? [{ type: 'saved' as const }, { type: 'stale' as const }, { type: 'unanswered' as const }] : []),
    ...timers.flatMap((id) => [running(state)[id] ?? stale, stale].map((nonce): TrainerJobEvent => ({ type: 'timer', id, nonce }))),
  ]
}

const timersFire = (event: TrainerJobEvent): boolean => event.type === 'timer' && event.nonce !== stale
const storeAnswers = (event: TrainerJobEvent): boolean => event.type === 'saved' || event.type === 'stale'
const claimIsAnswered = (event: TrainerJobEvent): boolean => event.type === 'claimed' || event.type === 'unclaimed'
const workEnds = (event: TrainerJobEvent): boolean => event.type === 'exited' || ((event.type === 'completed' || event.type === 'broken') && event.run !== stale)

export const trainerJobProperties = {
  events,
  input: { maxAttempts, silenceMs: 5, exitMs: 6, retryMs: 7, nonceWrap: 3 },

  invariants: {
    'a wait has its timer, and no other runs': (state: Snapshot) => (running(state)['work'] !== undefined) === working(state) && (running(state)['exit'] !== undefined) === aborting(state) &&
      (running(state)['again'] === undefined || saving(state) || concluding(state) || yielding(state)),
    'whoever holds it has its fence': (state: Snapshot) => !state.matches('held') || state.context.fence === fence,
    'nothing is left running at the end': (state: Snapshot) => state.status !== 'done' || Object.keys(running(state)).length === 0,
    'no more attempts than allowed': (state: Snapshot) => !working(state) || state.context.attempt <= maxAttempts,
  },

  steps: {
    'one attempt is active: work begins only when none runs': (before, _event, after, commands) => has(commands, 'work') === (working(after) && !working(before)) && (!has(commands, 'work') || !aborting(before)) &&
      commands.every(({ type, params }) => type !== 'work' || (params.phase === after.context.phase && params.run === running(after)['work'] && params.attempt === after.context.attempt)),
    'work that was begun ends by itself or is told to end': (before, event, after, commands) => !working(before) || working(after) ||
      ((event.type === 'completed' || event.type === 'broken') && isOfRun(before, event) ? !has(commands, 'abort') : has(commands, 'abort') && aborting(after)),
    'and nothing happens before it has': (before, event, after) => !aborting(before) || aborting(after) || event.type === 'exited',
    'who does not end is killed, again and again': (before, event, _after, commands) => has(commands, 'kill') === isDue(before, event, 'exit'),
    'only the work in hand is heard': (before, event, after, commands) => !('run' in event) || isOfRun(before, event) || (before === after && commands.length === 0),
    'progress gives it time': (before, event, after, commands) => event.type !== 'progress' || before === after || (has(commands, 'startTimer') && running(after)['work'] === running(before)['work']),
    'and every sign of it does': (before, event, _after, commands) => event.type !== 'progress' || !isOfRun(before, event) || find(commands, 'startTimer')?.nonce === event.run,
    'a claim is asked for once': (before, _event, after, commands) => has(commands, 'claim') === (after.matches('claiming') && !before.matches('claiming')),
    'a phase begins when the one before is saved, or where the claim says': (before, event, after) => working(before) || !working(after) ||
      (event.type === 'claimed' ? event.phase === after.context.phase : saving(before) && event.type === 'saved' && after.context.phase === before.context.phase),
    'phases are done in order': (before, event, after) => phaseOf(after) === (event.type === 'claimed' ? trainerPhases.indexOf(event.phase)
      : phaseOf(before) + (working(before) && saving(after) ? 1 : 0)),
    'what was not accepted is never published': (before, event, after) => !(working(before) && before.context.phase === 'evaluate' && event.type === 'completed' && !event.accepted && isOfRun(before, event)) ||
      (concluding(after) && after.context.outcome === 'rejected'),
    'what is made durable carries the fence, and is what there is': (_before, _event, after, commands) => commands.every(({ type, params }) =>
      type === 'save' ? params.fence === fence && params.phase === after.context.phase : type === 'conclude' ? params.fence === fence && params.outcome === after.context.outcome : type !== 'yield' || params.fence === fence),
    'the store is asked on the way in, and again when it did not answer': (before, event, after, commands) => requests.every(([command, inside]) =>
      has(commands, command) === (inside(after) && (!inside(before) || isDue(before, event, 'again')))),
    'the outcome is the true one': (before, event, after) => !(concluding(after) && !concluding(before)) || after.context.outcome === (
      event.type === 'cancel' || (event.type === 'claimed' && event.cancelled) || before.matches({ held: { aborting: 'unwanted' } }) ? 'cancelled'
        : event.type !== 'completed' ? 'failed' : event.accepted || before.context.phase === 'publish' ? 'published' : 'rejected'),
    'and stays what it is': (before, event, after) => after.context.outcome === before.context.outcome || (concluding(after) && !concluding(before) && event.type !== 'saved'),
    'published only after the last phase': (before, _event, after) => !(concluding(after) && !concluding(before) && after.context.outcome === 'published') || before.context.phase === 'publish',
    'given up only when the attempts are used up': (before, _event, after) => !(concluding(after) && !concluding(before) && after.context.outcome === 'failed') || after.context.attempt >= maxAttempts,
    'at the last attempt it is not left to another': (before, event, after) => !yielding(after) || yielding(before) || event.type === 'stop' || before.matches({ held: { aborting: 'stopped' } }) || before.matches('withdrawing') ||
      after.context.attempt < maxAttempts,
    'an end is the word of the store': (before, event, after) => before.status === 'done' || !(after.matches('done') || after.matches('failed') || after.matches('cancelled')) || (concluding(before) && event.type === 'saved' &&
      after.matches(({ published: 'done', rejected: 'done', failed: 'failed', cancelled: 'cancelled' } as const)[before.context.outcome])),
    'a stale fence ends it here': (before, event, after) => event.type !== 'stale' || !asks(before) || after.matches('lost'),
    'a claim that is lost ends it here': (before, event, after) => event.type !== 'lost' || !before.matches('held') || after.matches('lost') || after.matches({ held: { aborting: 'lost' } }),
    'for good': (before, _event, after) => !before.matches({ held: { aborting: 'lost' } }) || after.matches({ held: { aborting: 'lost' } }) || after.matches('lost'),
    'cancelling ends it': (before, event, after) => event.type !== 'cancel' || !(working(before) || saving(before) || yielding(before) || before.matches({ held: { aborting: 'silent' } })) ||
      after.matches({ held: { aborting: 'unwanted' } }) || (concluding(after) && after.context.outcome === 'cancelled'),
    'a stop is heeded': (before, event, after) => event.type !== 'stop' || before.status === 'done' || before.matches({ held: 'aborting' }) || before.matches('withdrawing') || after.status === 'done' ||
      after.matches('withdrawing') || yielding(after) || after.matches({ held: { aborting: 'stopped' } }),
    'who stops while silent yields': (before, event, after) => event.type !== 'stop' || !before.matches({ held: { aborting: 'silent' } }) || after.matches({ held: { aborting: 'stopped' } }),
    'whatever is left on the node goes with the claim, and only then': (before, _event, after, commands) => has(commands, 'cleanup') === (before.matches('held') && !after.matches('held')),
    'each timer has its patience': (_before, _event, _after, commands) => commands.every(({ type, params }) => type !== 'startTimer' || params.ms === { work: 5, exit: 6, again: 7 }[params.id as 'work']),
    'a timer that is started is a new one, and is asked for': (before, event, after, commands) => timers.every((id) => {
      const nonce = running(after)[id]
      return nonce === undefined || nonce === running(before)[id] || commands.some(({ type, params }) => type === 'startTimer' && params.id === id && params.nonce === nonce)
    }) && commands.every(({ type, params }) => type !== 'startTimer' || event.type === 'progress' || (params.nonce !== undefined && params.nonce !== running(before)[params.id])),
    'a timer that ended is cancelled': (before, event, after, commands) => timers.every((id) =>
      running(before)[id] === undefined || running(after)[id] !== undefined || isDue(before, event, id) || commands.some(({ type, params }) => type === 'cancelTimer' && params.id === id)),
    'a timer that was replaced changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== stale || before === after,
  } satisfies Record<string, StepTest>,

  reachable: Object.fromEntries((['done', 'failed', 'cancelled', 'released', 'lost', 'elsewhere'] as const).map((name) => [name, (state: Snapshot) => state.matches(name)])),

  leadsTo: {
    'a claim comes to an end': {
      from: (state: Snapshot): boolean => !state.matches('queued'),
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [timersFire, claimIsAnswered, workEnds],
      strong: [storeAnswers],
    },
    'cancelling leads to the end': {
      from: (state: Snapshot): boolean => state.matches({ held: { aborting: 'unwanted' } }),
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [timersFire, workEnds],
      strong: [storeAnswers],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}
