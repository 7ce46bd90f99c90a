import type { SnapshotFrom } from 'xstate'
import { roomConsumerMachine, type RoomConsumerEvent } from './room-consumer.ts'

type Snapshot = SnapshotFrom<typeof roomConsumerMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: RoomConsumerEvent, after: Snapshot, commands: readonly Command[]) => boolean

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], ...types: string[]): boolean => commands.some((command) => types.includes(command.type))
const isDue = (before: Snapshot, event: RoomConsumerEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const isOf = (before: Snapshot, event: RoomConsumerEvent): boolean => 'attempt' in event && event.attempt === before.context.attempt
const attended = (state: Snapshot): boolean => state.matches({ committing: 'attended' })
const handled = (state: Snapshot): boolean => state.matches('handling') || attended(state)
/** A request is on its way to the log, and no answer has come yet. */
const waits = (state: Snapshot): boolean =>
  state.matches('attempting') || ((state.matches('acknowledging') || state.matches('committing') || state.matches('burying')) && running(state)['again'] === undefined)
const asked = { handling: 'handle', acknowledging: 'acknowledge', committing: 'commit', burying: 'bury', attempting: 'attempt' }
const request = ['acknowledge', 'commit', 'bury', 'attempt']

/** 0 is never given out, so it stands for every nonce that was replaced. */
const staleNonce = 0

/** What the log, the handler and the clock may do next, and what may arrive late. */
function events(state: Snapshot): RoomConsumerEvent[] {
  const { attempt } = state.context
  return [
    ...[attempt, attempt - 1].flatMap((number): RoomConsumerEvent[] => [{ type: 'handled', attempt: number }, { type: 'commit', attempt: number }, { type: 'failed', attempt: number }]),
    ...(waits(state) && !state.matches('attempting') ? [{ type: 'applied' as const }] : []),
    ...(waits(state) ? [{ type: 'stale' as const }, { type: 'unknown' as const }] : []),
    ...(waits(state) && state.matches('committing') ? [{ type: 'refused' as const }] : []),
    ...(state.matches('attempting') ? [{ type: 'attempted' as const, attempt: attempt + 1 }] : []),
    { type: 'overtaken' },
    { type: 'release' },
    ...Object.entries(running(state)).flatMap(([id, nonce]) => [nonce, staleNonce].map((number): RoomConsumerEvent => ({ type: 'timer', id, nonce: number }))),
    { type: 'timer', id: 'retry', nonce: staleNonce },
  ]
}

const timersFire = (event: RoomConsumerEvent): boolean => event.type === 'timer' && event.nonce !== staleNonce
const handlerEnds = (event: RoomConsumerEvent): boolean => event.type === 'handled' || event.type === 'failed'
const logAnswers = (event: RoomConsumerEvent): boolean => event.type === 'applied' || event.type === 'stale' || event.type === 'attempted'

export const roomConsumerProperties = {
  events,
  input: { attempt: 1, maxAttempts: 2, resumed: false, retry: { minMs: 1, maxMs: 2 }, nonceWrap: 3 },

  invariants: {
    'the next one waits exactly while effects of this one may still come': (state: Snapshot) =>
      state.hasTag('blocking') === (state.status === 'active' && !state.matches('acknowledging')),
    'a wait has a timer': (state: Snapshot) => !state.matches('backingOff') || running(state)['retry'] !== undefined,
    'nothing is left running at the end': (state: Snapshot) => state.status !== 'done' || Object.keys(running(state)).length === 0,
  },

  steps: {
    'no acknowledgement before its effect': (before, event, _after, commands) =>
      !has(commands, 'acknowledge') || (event.type === 'handled' && isOf(before, event) && before.matches('handling')) || (before.matches('acknowledging') && isDue(before, event, 'again')),
    'no effects but those the handler of this attempt asked for': (before, event, _after, commands) =>
      !has(commands, 'commit') || (event.type === 'commit' && isOf(before, event) && before.matches('handling')) || (before.matches('committing') && isDue(before, event, 'again')),
    'buried only when the attempts are used up': (_before, _event, after, commands) => !has(commands, 'bury') || after.context.attempt >= after.context.maxAttempts,
    'poison does not block: no more attempts than allowed, each counted by the log first': (_before, event, after, commands) =>
      commands.every((command) => command.type !== 'handle' ||
        (command.params.attempt === after.context.attempt && command.params.attempt <= after.context.maxAttempts && event.type === 'attempted')),
    'a failed attempt is tried again or buried, never dropped': (before, event, after) =>
      !((event.type === 'failed' && isOf(before, event) && before.matches('handling')) || (event.type === 'refused' && !attended(before))) ||
      after.matches('backingOff') || after.matches('burying'),
    'what an earlier attempt says changes nothing': (before, event, after) => !('attempt' in event) || event.type === 'attempted' || isOf(before, event) || before === after,
    'one request at a time': (before, event, _after, commands) => !has(commands, ...request) || !waits(before) || ['unknown', 'refused', 'attempted'].includes(event.type),
    'without an answer it asks the same again': (before, event, after, commands) =>
      event.type !== 'unknown' || before.matches('attempting') ||
      (JSON.stringify(before.value) === JSON.stringify(after.value) && commands.length === 1 && commands[0]!.params.id === 'again'),
    'it repeats when the pause is over': (before, event, _after, commands) => !isDue(before, event, 'again') || has(commands, ...request),
    'committed, buried and lost are the word of the log': (before, event, after) =>
      before.status !== 'active' || after.status === 'active' ||
      (after.matches('committed') ? event.type === 'applied' && !before.matches('burying')
        : after.matches('buried') ? event.type === 'applied' && before.matches('burying')
          : after.matches('lost') ? event.type === 'stale' || event.type === 'overtaken'
            : event.type === 'release'),
    'a request on its way is not given up for a rumour': (before, event, after) => event.type !== 'overtaken' || !(waits(before) || running(before)['again'] !== undefined) || before === after,
    'an entry that is gone is let go': (before, event, after) =>
      event.type !== 'overtaken' || !(before.matches('handling') || before.matches('backingOff')) || after.matches('lost'),
    'a handler whose entry is gone is told': (before, _event, after, commands) => !(handled(before) && (after.matches('lost') || after.matches('released'))) || has(commands, 'abort'),
    'a refusal goes to the handler while there is one': (before, event, after, commands) => !(event.type === 'refused' && attended(before)) || (after.matches('handling') && !has(commands, 'handle')),
    'the wait doubles up to its bound': (_before, _event, after, commands) => commands.every((command) =>
      command.type !== 'startTimer' || command.params.id !== 'retry' || command.params.ms === Math.min(2, 2 ** (after.context.attempt - 1))),
    'a timer that was replaced changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== staleNonce || before === after,
    'a timer that is started is a new one, and runs': (before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || (params.nonce === running(after)[params.id] && params.nonce !== running(before)[params.id])),
    'a wait for a timer was asked for': (before, _event, after, commands) => Object.entries(running(after)).every(([id, nonce]) => nonce === running(before)[id] ||
      commands.some(({ type, params }) => type === 'startTimer' && params.id === id && params.nonce === nonce)),
    'the log and the handler are asked on the way in': (before, _event, after, commands) => Object.entries(asked).every(([state, command]) =>
      before === after || !after.matches(state as 'handling') || before.matches(state as 'handling') || (state === 'handling' && before.matches('committing')) || has(commands, command)),
    'a timer that ended is cancelled': (before, event, after, commands) => Object.keys(running(before)).every((id) =>
      running(after)[id] !== undefined || isDue(before, event, id) || commands.some((command) => command.type === 'cancelTimer' && command.params.id === id)),
    'a release is heeded at once': (before, event, after) => event.type !== 'release' || before.status !== 'active' || after.matches('released'),
  } satisfies Record<string, StepTest>,

  reachable: {
    committed: (state: Snapshot) => state.matches('committed'),
    'committed at the last attempt': (state: Snapshot) => state.matches('committed') && state.context.attempt === 2,
    buried: (state: Snapshot) => state.matches('buried'),
    lost: (state: Snapshot) => state.matches('lost'),
    released: (state: Snapshot) => state.matches('released'),
    'effects whose handler is over': (state: Snapshot) => state.matches({ committing: 'orphaned' }),
  },

  leadsTo: {
    'a delivery comes to an end': {
      from: (state: Snapshot): boolean => state.status === 'active',
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [timersFire, handlerEnds],
      strong: [logAnswers],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}

/** As above, for an entry that an earlier life of the reader held. */
export const resumedConsumerProperties = { ...roomConsumerProperties, input: { ...roomConsumerProperties.input, resumed: true } }
