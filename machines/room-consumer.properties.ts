import type { SnapshotFrom } from 'xstate'
import { roomConsumerMachine, type RoomConsumerEvent } from './room-consumer.ts'

type Snapshot = SnapshotFrom<typeof roomConsumerMachine>
type Command = { type: string; params?: any }
type Step = { before: Snapshot; event: RoomConsumerEvent; after: Snapshot; commands: readonly Command[] }

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = ({ commands }: Step, ...types: string[]): boolean => commands.some((command) => types.includes(command.type))
const isDue = ({ before, event }: Step, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const isOf = ({ before, event }: Step): boolean => 'attempt' in event && event.attempt === before.context.attempt
const attended = (state: Snapshot): boolean => state.matches({ committing: 'attended' })
const handled = (state: Snapshot): boolean => state.matches('handling') || attended(state)
/** A request is on its way to the log, and no answer has come yet. */
const waits = (state: Snapshot): boolean =>
  state.matches('attempting') || ((state.matches('acknowledging') || state.matches('committing') || state.matches('burying')) && running(state)['again'] === undefined)
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
    'no acknowledgement before its effect': (step: Step) =>
      !has(step, 'acknowledge') || (step.event.type === 'handled' && isOf(step) && step.before.matches('handling')) || (step.before.matches('acknowledging') && isDue(step, 'again')),
    'no effects but those the handler of this attempt asked for': (step: Step) =>
      !has(step, 'commit') || (step.event.type === 'commit' && isOf(step) && step.before.matches('handling')) || (step.before.matches('committing') && isDue(step, 'again')),
    'buried only when the attempts are used up': (step: Step) => !has(step, 'bury') || step.after.context.attempt >= step.after.context.maxAttempts,
    'poison does not block: no more attempts than allowed, each counted by the log first': (step: Step) =>
      step.commands.every((command) => command.type !== 'handle' ||
        (command.params.attempt === step.after.context.attempt && command.params.attempt <= step.after.context.maxAttempts && step.event.type === 'attempted')),
    'a failed attempt is tried again or buried, never dropped': (step: Step) =>
      !((step.event.type === 'failed' && isOf(step) && step.before.matches('handling')) || (step.event.type === 'refused' && !attended(step.before))) ||
      step.after.matches('backingOff') || step.after.matches('burying'),
    'what an earlier attempt says changes nothing': (step: Step) => !('attempt' in step.event) || step.event.type === 'attempted' || isOf(step) || step.before === step.after,
    'one request at a time': (step: Step) => !has(step, ...request) || !waits(step.before) || ['unknown', 'refused', 'attempted'].includes(step.event.type),
    'without an answer it asks the same again': (step: Step) =>
      step.event.type !== 'unknown' || step.before.matches('attempting') ||
      (JSON.stringify(step.before.value) === JSON.stringify(step.after.value) && step.commands.length === 1 && step.commands[0]!.params.id === 'again'),
    'it repeats when the pause is over': (step: Step) => !isDue(step, 'again') || has(step, ...request),
    'committed, buried and lost are the word of the log': (step: Step) =>
      step.before.status !== 'active' || step.after.status === 'active' ||
      (step.after.matches('committed') ? step.event.type === 'applied' && !step.before.matches('burying')
        : step.after.matches('buried') ? step.event.type === 'applied' && step.before.matches('burying')
          : step.after.matches('lost') ? step.event.type === 'stale' || step.event.type === 'overtaken'
            : step.event.type === 'release'),
    'a request on its way is not given up for a rumour': (step: Step) => step.event.type !== 'overtaken' || !(waits(step.before) || running(step.before)['again'] !== undefined) || step.before === step.after,
    'an entry that is gone is let go': (step: Step) =>
      step.event.type !== 'overtaken' || !(step.before.matches('handling') || step.before.matches('backingOff')) || step.after.matches('lost'),
    'a handler whose entry is gone is told': (step: Step) => !(handled(step.before) && (step.after.matches('lost') || step.after.matches('released'))) || has(step, 'abort'),
    'a refusal goes to the handler while there is one': (step: Step) => !(step.event.type === 'refused' && attended(step.before)) || (step.after.matches('handling') && !has(step, 'handle')),
    'the wait doubles up to its bound': (step: Step) => step.commands.every((command) =>
      command.type !== 'startTimer' || command.params.id !== 'retry' || command.params.ms === Math.min(2, 2 ** (step.after.context.attempt - 1))),
    'a timer that was replaced changes nothing': (step: Step) => step.event.type !== 'timer' || step.event.nonce !== staleNonce || step.before === step.after,
    'a timer that ended is cancelled': (step: Step) => Object.keys(running(step.before)).every((id) =>
      running(step.after)[id] !== undefined || isDue(step, id) || step.commands.some((command) => command.type === 'cancelTimer' && command.params.id === id)),
    'a release is heeded at once': (step: Step) => step.event.type !== 'release' || step.before.status !== 'active' || step.after.matches('released'),
  },

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
