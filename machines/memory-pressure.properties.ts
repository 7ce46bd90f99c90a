import type { SnapshotFrom } from 'xstate'
import { memoryPressureMachine, pressureLevels, type MemoryPressureEvent, type PressureLevel } from './memory-pressure.ts'

type Snapshot = SnapshotFrom<typeof memoryPressureMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: MemoryPressureEvent, after: Snapshot, commands: readonly Command[]) => boolean

const again = (state: Snapshot): number | undefined => state.context.nonces.running['again']
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const find = (commands: readonly Command[], type: string): any => commands.find((command) => command.type === type)?.params
const taken = ({ context }: Snapshot): number => context.reserved.reduce((sum, { bytes }) => sum + bytes, 0)
const isDue = (before: Snapshot, event: MemoryPressureEvent): boolean => event.type === 'timer' && event.nonce === again(before)
const rank = (level: PressureLevel): number => pressureLevels.indexOf(level)
const isShort = ({ context }: Snapshot): boolean => context.queue.length > 0 || rank(context.level) >= rank('high')
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
const knows = ({ context }: Snapshot, model: string): boolean => [...context.reserved, ...context.queue].some((one) => one.model === model)

/** 0 is never given out, so it stands for every nonce that was replaced. */
const stale = 0
const budget = 4
const sizes = { small: 1, middle: 2, other: 2, large: 3, 'too large': 5 }
const levels = { elevated: 0.5, high: 0.7, critical: 0.9, margin: 0.1 }
/** Below, within the margin of, and at each threshold. */
const shares = [0.3, 0.45, 0.5, 0.65, 0.7, 0.85, 0.9]

/** A model reserves once at a time; what it frees may be of a reservation that it had before. */
function events(state: Snapshot): MemoryPressureEvent[] {
  const models = Object.entries(sizes)
  return [
    ...models.filter(([model]) => !knows(state, model)).map(([model, bytes]): MemoryPressureEvent => ({ type: 'reserve', model, bytes, ask: 1 })),
    ...models.flatMap(([model]): MemoryPressureEvent[] => [{ type: 'free', model, ask: 1 }, { type: 'free', model, ask: stale }]),
    ...shares.map((used): MemoryPressureEvent => ({ type: 'sample', used })),
    { type: 'short', bytes: 7 },
    ...[again(state) ?? stale, stale].map((nonce): MemoryPressureEvent => ({ type: 'timer', id: 'again', nonce })),
  ]
}

const timersFire = (event: MemoryPressureEvent): boolean => event.type === 'timer' && event.nonce !== stale
const memoryIsFree = (event: MemoryPressureEvent): boolean => event.type === 'sample' && event.used === 0.3
const othersGo = ['small', 'middle', 'other'].map((model) => Object.defineProperty((event: MemoryPressureEvent): boolean => event.type === 'free' && event.model === model && event.ask === 1, 'name', { value: `${model}Goes` }))

export const memoryPressureProperties = {
  events,
  input: { budget, levels, againMs: 5, patience: 2, nonceWrap: 3 },
  /** Nonces are only ever compared with those of an answer. */
  key: ({ value, context: { reserved, queue, looks, level, nonces } }: Snapshot) => ({
    value, level, looks, queue: queue.map(({ model }) => model), reserved: reserved.map(({ model }) => model).sort(), looking: nonces.running['again'] !== undefined,
  }),

  invariants: {
    'what is reserved is within the budget': (state: Snapshot) => taken(state) <= budget,
    'the level is the one of the state': (state: Snapshot) => state.matches({ level: state.context.level }),
    'nobody is there twice': ({ context }: Snapshot) => new Set([...context.reserved, ...context.queue].map(({ model }) => model)).size === context.reserved.length + context.queue.length,
    'nobody waits who fits, unless it is critical': (state: Snapshot) =>
      state.context.queue.length === 0 || state.context.level === 'critical' || taken(state) + state.context.queue[0]!.bytes > budget,
    'what will never fit does not wait': ({ context }: Snapshot) => context.queue.every(({ bytes }) => bytes <= budget),
    'while there is a need it looks again and again': (state: Snapshot) => (again(state) !== undefined) === isShort(state) && state.matches({ room: isShort(state) ? 'short' : 'enough' }),
  },

  steps: {
    'nothing is granted while it is critical': (_before, _event, after, commands) => !has(commands, 'reserved') || after.context.level !== 'critical',
    'whoever is told has a reservation, and the other way round': (before, _event, after, commands) => {
      const told = commands.filter(({ type }) => type === 'reserved').map(({ params }) => params.model as string)
      const fresh = after.context.reserved.filter((one) => !before.context.reserved.includes(one))
      return same(told, fresh.map(({ model }) => model)) && commands.every(({ type, params }) => type !== 'reserved' || fresh.some(({ model, ask }) => model === params.model && ask === params.ask))
    },
    'what will never fit is refused at once, and nothing else': (_before, event, _after, commands) => has(commands, 'refused') === (event.type === 'reserve' && event.bytes > budget) &&
      (!has(commands, 'refused') || (event.type === 'reserve' && same(find(commands, 'refused'), { model: event.model, ask: event.ask }))),
    'who asks is granted, queued or refused': (before, event, after) => event.type !== 'reserve' || event.bytes > budget ||
      (before.context.level !== 'critical' && before.context.queue.length === 0 && taken(before) + event.bytes <= budget
        ? after.context.reserved.at(-1)?.model === event.model : after.context.queue.at(-1)?.model === event.model),
    'nobody overtakes': (before, _event, after) => {
      const left = before.context.queue.filter((one) => after.context.queue.includes(one))
      return same(left, after.context.queue.slice(0, left.length)) && after.context.reserved.every((one) => !before.context.queue.includes(one) || left.every((other) => before.context.queue.indexOf(other) > before.context.queue.indexOf(one)))
    },
    'what is freed is free, and nothing else': (before, event, after) => {
      const gone = [...before.context.reserved, ...before.context.queue].filter((one) => ![...after.context.reserved, ...after.context.queue].includes(one))
      return same(gone.map(({ model }) => model), event.type === 'free' && event.ask !== stale && knows(before, event.model) ? [event.model] : [])
    },
    'levels are told when they change, and only then': (before, _event, after, commands) =>
      same(commands.filter(({ type }) => type === 'pressure').map(({ params }) => params.level), before.context.level === after.context.level ? [] : [after.context.level]),
    'a level is reached at its share and left below it by the margin': (before, event, after) => event.type !== 'sample' ? after.context.level === before.context.level
      : (['elevated', 'high', 'critical'] as const).every((level) =>
        event.used >= levels[level] ? rank(after.context.level) >= rank(level)
          : event.used < levels[level] - levels.margin ? rank(after.context.level) < rank(level)
            : rank(before.context.level) >= rank(level) || rank(after.context.level) < rank(level)),
    'a level is not left for a share within its margin': (before, event, after) => event.type !== 'sample' || before.context.level === 'normal' ||
      event.used < levels[before.context.level] - levels.margin || rank(after.context.level) >= rank(before.context.level),
    'room is looked for when the need begins and each time the timer fires': (before, event, after, commands) =>
      has(commands, 'makeRoom') === ((isShort(after) && !isShort(before)) || isDue(before, event) || event.type === 'short'),
    'as much as is wanting': (_before, event, after, commands) => !has(commands, 'makeRoom') || event.type === 'free' || event.type === 'sample' ||
      find(commands, 'makeRoom').bytes === (event.type === 'short' ? event.bytes : after.context.queue.length === 0 ? 0 : Math.max(0, taken(after) + after.context.queue[0]!.bytes - budget)),
    'models in use are drained only for one that waited so long': (_before, _event, after, commands) => !has(commands, 'makeRoom') ||
      (find(commands, 'makeRoom').drain === (after.context.queue.length > 0 && after.context.looks >= 2 && _event.type !== 'short') && find(commands, 'makeRoom').level === after.context.level),
    'every look counts, for the first in the queue': (before, event, after) => after.context.looks ===
      (after.context.queue.length === 0 || after.context.queue[0] !== before.context.queue[0] ? 0 : isDue(before, event) ? Math.min(2, before.context.looks + 1) : before.context.looks),
    'a timer that is started is a new one': (before, _event, after, commands) => commands.every(({ type, params }) =>
      type !== 'startTimer' || (params.ms === 5 && params.nonce === again(after) && params.nonce !== again(before))) && (again(after) === again(before) || again(after) === undefined || has(commands, 'startTimer')),
    'a timer that ended is cancelled': (before, _event, after, commands) => again(before) === undefined || again(after) !== undefined || has(commands, 'cancelTimer'),
    'a timer that was replaced changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== stale || before === after,
  } satisfies Record<string, StepTest>,

  reachable: {
    'full, with two that wait': (state: Snapshot) => taken(state) === budget && state.context.queue.length === 2,
    'critical with room': (state: Snapshot) => state.context.level === 'critical' && state.context.queue.length === 1 && taken(state) === 0,
    'patience at its end': (state: Snapshot) => state.context.looks === 2,
  },

  leadsTo: {
    'who waits comes first some time, and is served': {
      from: (state: Snapshot): boolean => state.context.queue.some(({ model }) => model === 'large'),
      to: (state: Snapshot): boolean => !state.context.queue.some(({ model }) => model === 'large'),
      strong: [memoryIsFree, ...othersGo],
    },
    'each look in vain leads to the next, until models in use are drained': {
      from: ({ context }: Snapshot): boolean => context.queue[0]?.model === 'large' && context.looks === 1,
      to: ({ context }: Snapshot): boolean => context.queue[0]?.model !== 'large' || context.looks === 2,
      weak: [timersFire],
    },
  },

  mayStop: () => true,
}
