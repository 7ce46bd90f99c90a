import type { SnapshotFrom } from 'xstate'
import { supervisorMachine } from './supervisor.ts'
import type { ChildStatus, SupervisedChild, SupervisorEvent, SupervisorInput } from './supervisor.ts'

type Snapshot = SnapshotFrom<typeof supervisorMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: SupervisorEvent, after: Snapshot, commands: readonly Command[]) => boolean
type Strategy = SupervisorInput['strategy']

/** One child of each restart type. */
const children = [
  { id: 'a', restart: 'permanent' },
  { id: 'b', restart: 'transient' },
  { id: 'c', restart: 'temporary' },
] as const
const ids = children.map((child) => child.id)

const inputOf = (strategy: Strategy): SupervisorInput => ({
  strategy,
  children,
  maxRestarts: 2,
  windowMs: 2,
  backoff: { minMs: 10, maxMs: 20, resetAfterMs: 3 },
  endsWithChildren: strategy === 'one-for-one',
})

/** What goes down with the child at `index`, said again in the plainest way. */
const fellows: Record<Strategy, (index: number, other: number) => boolean> = {
  'one-for-one': (index, other) => other === index,
  'one-for-all': () => true,
  'rest-for-one': (index, other) => other >= index,
}

/** 0 is no child's incarnation once it has been started: it stands for every earlier one. */
const earlier = 0
const staleNonce = 0
/** Time since the failure before, and jitter: at once, within the window, when it has passed and there was quiet. */
type Chance = readonly [gap: number, jitter: number]
const atOnce: readonly Chance[] = [[0, 0], [0, 0.9]]
const anyTime: readonly Chance[] = [...atOnce, [1, 0.9], [3, 0.9]]

/** What children, their operator and the clock may do next, and signals that come too late. */
const eventsAt = (chances: readonly Chance[]) => ({ context }: Snapshot): SupervisorEvent[] => {
  const base = context.lastFailureAt ?? 0
  const ends = (id: string, incarnation: number, some: readonly Chance[]): SupervisorEvent[] =>
    some.flatMap(([gap, jitter]) => (['failed', 'exited'] as const).map((type): SupervisorEvent => ({ type, id, incarnation, time: base + gap, jitter })))
  const ofChild = ({ id, status, incarnation }: SupervisedChild): SupervisorEvent[] => {
    const late: SupervisorEvent[] = [{ type: 'started', id, incarnation: earlier }, { type: 'stopped', id, incarnation: earlier }, ...ends(id, earlier, atOnce)]
    if (status === 'down' || status === 'gone') return [...late, ...ends(id, incarnation, atOnce), { type: 'stopped', id, incarnation }, { type: 'remove', id }]
    return [
      ...late,
      ...ends(id, incarnation, chances),
      { type: 'remove', id },
      { type: 'started', id, incarnation },
      ...(status === 'clearing' || status === 'removing' ? [{ type: 'stopped' as const, id, incarnation }] : []),
    ]
  }
  return [
    { type: 'start' },
    { type: 'stop' },
    ...context.children.flatMap(ofChild),
    ...[context.nonces.running['backoff'] ?? staleNonce, staleNonce].map((nonce): SupervisorEvent => ({ type: 'timer', id: 'backoff', nonce })),
  ]
}

const childOf = (state: Snapshot, id: string): SupervisedChild => state.context.children.find((child) => child.id === id) as SupervisedChild
const is = (child: SupervisedChild, ...statuses: ChildStatus[]): boolean => statuses.includes(child.status)
const lives = (child: SupervisedChild): boolean => !is(child, 'down', 'gone')
const runs = (child: SupervisedChild): boolean => is(child, 'starting', 'up')
const count = (state: Snapshot, ...statuses: ChildStatus[]): number => state.context.children.filter((child) => is(child, ...statuses)).length
const ended = (state: Snapshot): boolean => state.matches('stopped') || state.matches('escalated')
const given = (commands: readonly Command[], type: string): Command[] => commands.filter((command) => command.type === type)
const signals = ['started', 'failed', 'exited', 'stopped']
const withinWindow = (state: Snapshot, time: number): number => state.context.restarts.filter((at) => time - at < state.context.spec.windowMs).length

/** The end of a child that was running and has to be restarted: what strategies, intensity and back-off are about. */
function failure(before: Snapshot, event: SupervisorEvent): { index: number; time: number; jitter: number } | undefined {
  if ((event.type !== 'failed' && event.type !== 'exited') || !before.matches('active')) return undefined
  const child = childOf(before, event.id)
  if (!runs(child) || child.incarnation !== event.incarnation) return undefined
  if (child.restart === 'temporary' || (child.restart === 'transient' && event.type === 'exited')) return undefined
  return { index: ids.indexOf(child.id as (typeof ids)[number]), time: event.time, jitter: event.jitter }
}

/** Holds for every child before and after the step. */
const each = (before: Snapshot, after: Snapshot, test: (was: SupervisedChild, now: SupervisedChild, index: number) => boolean): boolean =>
  ids.every((id, index) => test(childOf(before, id), childOf(after, id), index))

const answer = (type: string, id: string) => (event: SupervisorEvent) => event.type === type && 'incarnation' in event && event.id === id && event.incarnation !== earlier
const timerFires = (event: SupervisorEvent): boolean => event.type === 'timer' && event.nonce !== staleNonce
/** A child that is asked to stop ends, and the timer fires. */
const answers = [...ids.map((id) => answer('stopped', id)), timerFires]

/** Times only count relative to the last failure, which all events are given relative to; incarnations only as present or earlier. */
const key = ({ value, context }: Snapshot) => ({
  value,
  children: context.children.map((child) => [child.status, Math.min(child.incarnation, 1)]),
  restarts: context.restarts.map((at) => Math.max(at - (context.lastFailureAt ?? 0), -3)),
  failed: context.lastFailureAt !== null,
  attempt: Math.min(context.attempt, 2),
  delayMs: context.delayMs,
  armed: context.nonces.running['backoff'] !== undefined,
  culprit: context.culprit?.id,
})

function propertiesOf(strategy: Strategy) {
  return {
    events: eventsAt(anyTime),
    input: inputOf(strategy),
    key,

    invariants: {
      'no orphan after the end': (state: Snapshot) => !ended(state) || count(state, 'gone') === ids.length,
      'a back-off timer runs exactly while it waits': (state: Snapshot) => (state.context.nonces.running['backoff'] !== undefined) === state.matches({ active: 'waiting' }),
      'it waits only for something to start': (state: Snapshot) => !state.matches({ active: 'waiting' }) || count(state, 'down') > 0,
      'a group that ends with its children does': (state: Snapshot) => !state.context.spec.endsWithChildren || !state.matches({ active: 'running' }) || count(state, 'gone') < ids.length,
      'running means that nothing is left to do': (state: Snapshot) => !state.matches({ active: 'running' }) || count(state, 'down', 'starting', 'doomed', 'clearing') === 0,
      'one child starts at a time': (state: Snapshot) => count(state, 'starting') <= 1,
      'siblings are taken down one at a time': (state: Snapshot) => count(state, 'clearing') <= 1,
      'never more than N restarts in the window': (state: Snapshot) => withinWindow(state, state.context.lastFailureAt ?? 0) <= state.context.spec.maxRestarts,
      'an escalation has a culprit': (state: Snapshot) => (state.matches('escalated') || state.matches({ ending: 'escalating' })) === (state.context.culprit !== null),
      'a temporary child is started once': (state: Snapshot) => childOf(state, 'c').incarnation <= 1,
    },

    steps: {
      'signals of an earlier incarnation are ignored': (before, event, after, commands) => {
        if (!signals.includes(event.type) || !('incarnation' in event)) return true
        const child = childOf(before, event.id)
        return (lives(child) && child.incarnation === event.incarnation) || (before === after && commands.length === 0)
      },
      'a failure takes down its fellows and nobody else': (before, event, after) => {
        const failed = failure(before, event)
        if (failed === undefined || !after.matches('active')) return true
        return each(before, after, (was, now, index) =>
          !runs(was) || (fellows[strategy](failed.index, index) ? now.incarnation > was.incarnation || is(now, 'down', 'doomed', 'clearing') : now.status === was.status))
      },
      'an end that is reported is an end': (before, event, after) => {
        if (!('incarnation' in event) || event.type === 'started' || before.matches('idle') || ended(before)) return true
        const child = childOf(before, event.id)
        if (!lives(child) || child.incarnation !== event.incarnation || (event.type === 'stopped' && !is(child, 'clearing', 'removing'))) return true
        return !lives(childOf(after, child.id)) || childOf(after, child.id).incarnation > child.incarnation
      },
      'nobody goes down without a reason': (before, event, after) =>
        failure(before, event) !== undefined || !after.matches('active') ||
        each(before, after, (was, now) => !runs(was) || runs(now) || ('id' in event && event.id === was.id)),
      'the N+1st failure in the window escalates, no other does': (before, event, after) => {
        const failed = failure(before, event)
        const escalates = !before.matches('ending') && (after.matches({ ending: 'escalating' }) || after.matches('escalated'))
        return escalates === (failed !== undefined && withinWindow(before, failed.time) >= 2)
      },
      'the escalation is told once, when all are gone, with the one that failed': (before, _event, after, commands) => {
        const told = given(commands, 'escalate')
        if (before.matches('escalated') || !after.matches('escalated')) return told.length === 0
        const culprit = after.context.culprit
        return told.length === 1 && told[0]?.params.id === culprit?.id && told[0]?.params.incarnation === culprit?.incarnation
      },
      'the culprit is the child that failed': (before, event, after) =>
        before.context.culprit !== null || after.context.culprit === null ||
        ('incarnation' in event && after.context.culprit.id === event.id && after.context.culprit.incarnation === event.incarnation),
      'children start in order': (_before, _event, after, commands) => given(commands, 'startChild').every(({ params }) =>
        after.context.children.slice(0, ids.indexOf(params.id)).every((child) => child.status !== 'down')),
      'a start is a new incarnation, asked for once': (before, _event, after, commands) => each(before, after, (was, now) => {
        const starts = given(commands, 'startChild').filter(({ params }) => params.id === now.id)
        return now.incarnation - was.incarnation === starts.length && starts.every(({ params }) => params.incarnation === now.incarnation)
      }),
      'started after the start, and only then': (before, event, after) => each(before, after, (was, now) =>
        was.status === now.status || now.status !== 'up' || (was.status === 'starting' && event.type === 'started')),
      'a start that is reported is a start': (before, event, after) =>
        event.type !== 'started' || !before.matches('active') || !is(childOf(before, event.id), 'starting') ||
        event.incarnation === earlier || childOf(after, event.id).status === 'up',
      'the first start and those after a back-off begin at once': (before, event, after, commands) =>
        !(event.type === 'start' && before.matches('idle')) && !(timerFires(event) && before.matches({ active: 'waiting' })) ||
        given(commands, 'startChild').length === 1 || count(after, 'starting') === 1,
      'siblings go down last first': (_before, event, after, commands) =>
        event.type === 'remove' || given(commands, 'stopChild').every(({ params }) =>
          after.context.children.slice(ids.indexOf(params.id) + 1).every((child) => (after.matches('ending') ? is(child, 'gone') : !is(child, 'doomed', 'clearing')))),
      'a child is asked to stop once': (before, _event, after, commands) => given(commands, 'stopChild').every(({ params }) =>
        is(childOf(before, params.id), 'starting', 'up', 'doomed') && is(childOf(after, params.id), 'clearing', 'removing') &&
        params.incarnation === childOf(before, params.id).incarnation),
      'a child that has to go is asked': (before, _event, after, commands) => each(before, after, (was, now) =>
        !is(now, 'clearing', 'removing') || is(was, 'clearing', 'removing') || given(commands, 'stopChild').some(({ params }) => params.id === now.id)),
      'gone is for ever, and told once': (before, _event, after, commands) => each(before, after, (was, now) =>
        (was.status !== 'gone' || now.status === 'gone') &&
        given(commands, 'retireChild').filter(({ params }) => params.id === now.id && params.incarnation === was.incarnation).length ===
          (was.status !== 'gone' && now.status === 'gone' ? 1 : 0)),
      'nobody is gone who should come back': (before, event, after) => {
        if (!before.matches('active') || !after.matches('active')) return true
        return each(before, after, (was, now) => {
          if (was.status === 'gone' || now.status !== 'gone') return true
          const itself = 'id' in event && event.id === was.id
          if (!itself) return false
          return event.type === 'remove' || was.status === 'removing' || was.restart === 'temporary' || (was.restart === 'transient' && event.type === 'exited' && runs(was))
        })
      },
      'who may go, goes': (before, event, after) => {
        if (!before.matches('active') || !('incarnation' in event) || event.incarnation === earlier || !['failed', 'exited', 'stopped'].includes(event.type)) return true
        const child = childOf(before, event.id)
        const goes = child.status === 'removing' || (lives(child) && event.type !== 'stopped' && (child.restart === 'temporary' || (child.restart === 'transient' && event.type === 'exited' && runs(child))))
        return !goes || childOf(after, child.id).status === 'gone'
      },
      'a removed child does not come back': (before, event, after) =>
        event.type !== 'remove' || !before.matches('active') || is(childOf(after, event.id), 'removing', 'gone'),
      'removing one leaves the others alone': (before, event, after) =>
        event.type !== 'remove' || each(before, after, (was, now) => was.id === (event as { id: string }).id || was.status === now.status || was.status === 'down' || was.status === 'doomed'),
      'every restart is counted': (before, event, after) => {
        const failed = failure(before, event)
        if (failed === undefined || !after.matches('active')) return before.context.restarts === after.context.restarts
        return after.context.restarts.at(-1) === failed.time && withinWindow(after, failed.time) === withinWindow(before, failed.time) + 1 && after.context.lastFailureAt === failed.time
      },
      'the back-off doubles, is capped, and starts over after quiet': (before, event, after) => {
        const failed = failure(before, event)
        if (failed === undefined || !after.matches('active')) return true
        const { lastFailureAt, attempt } = before.context
        const quiet = lastFailureAt === null || failed.time - lastFailureAt >= 3
        const expected = quiet ? 0 : Math.min(attempt + 1, 30)
        return after.context.attempt === expected && after.context.delayMs === Math.floor(failed.jitter * (expected === 0 ? 10 : 20))
      },
      'what is restarted waits out its back-off': (before, _event, after, commands) => {
        const waits = !before.matches({ active: 'waiting' }) && after.matches({ active: 'waiting' })
        const again = before.matches({ active: 'waiting' }) && after.matches({ active: 'waiting' }) && before.context.nonces.last !== after.context.nonces.last
        const armed = given(commands, 'startTimer')
        if (!waits && !again) return armed.length === 0
        return armed.length === 1 && armed[0]?.params.id === 'backoff' && armed[0]?.params.ms === after.context.delayMs && armed[0]?.params.ms > 0 &&
          armed[0]?.params.nonce === after.context.nonces.running['backoff']
      },
      'no restart before its time': (before, event, after, commands) =>
        given(commands, 'startChild').length === 0 || !before.matches({ active: 'waiting' }) || timerFires(event) || after.context.delayMs === 0,
      'a timer that is not waited for is cancelled': (before, _event, after, commands) =>
        !before.matches({ active: 'waiting' }) || (before.context.nonces.last === after.context.nonces.last && after.matches({ active: 'waiting' })) ||
        given(commands, 'cancelTimer').some(({ params }) => params.id === 'backoff'),
      'a stale timer changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== staleNonce || before === after,
      'a stop is heeded': (_before, event, after) => event.type !== 'stop' || after.matches('ending') || ended(after),
      'nothing is started while it ends': (before, event, _after, commands) => !(before.matches('ending') || event.type === 'stop') || given(commands, 'startChild').length === 0,
    } satisfies Record<string, StepTest>,

    reachable: {
      running: (state: Snapshot) => state.matches({ active: 'running' }) && count(state, 'up') === ids.length,
      'running again after a restart': (state: Snapshot) => state.matches({ active: 'running' }) && childOf(state, 'a').incarnation > 1,
      'waiting to restart': (state: Snapshot) => state.matches({ active: 'waiting' }),
      'running with one removed': (state: Snapshot) => state.matches({ active: 'running' }) && count(state, 'gone') === 1,
      stopped: (state: Snapshot) => state.matches('stopped'),
      escalated: (state: Snapshot) => state.matches('escalated'),
      ...(strategy === 'one-for-one' ? {} : { 'taking a sibling down': (state: Snapshot) => count(state, 'clearing') === 1 }),
    },

    leadsTo: {
      'a stop leads to stopped, an escalation to escalated': {
        from: (state: Snapshot) => state.matches('ending'),
        to: (state: Snapshot) => ended(state),
        weak: answers,
      },
      'a removed child is gone': {
        from: (state: Snapshot) => count(state, 'removing') > 0,
        to: (state: Snapshot) => count(state, 'removing') === 0,
        weak: answers,
      },
    },
  }
}

/**
 * Children that fail for ever, but too slowly to escalate, may keep those behind them from being started. So failures come in a
 * burst here: either they end or the intensity is exceeded.
 */
function livenessOf(strategy: Strategy) {
  return {
    events: eventsAt(atOnce),
    input: inputOf(strategy),
    key,
    leadsTo: Object.fromEntries(ids.map((id) => [`a crash of ${id} leads to restarted, escalated or stopped`, {
      from: (state: Snapshot) => !state.matches('idle') && is(childOf(state, id), 'down', 'doomed', 'clearing'),
      to: (state: Snapshot) => is(childOf(state, id), 'starting', 'up', 'gone') || ended(state),
      weak: [...answers, ...ids.map((each) => answer('started', each))],
    }])),
  }
}

/** Closed models with one child of each restart type, for each strategy. */
export const supervisorProperties = {
  'one-for-one': propertiesOf('one-for-one'),
  'one-for-all': propertiesOf('one-for-all'),
  'rest-for-one': propertiesOf('rest-for-one'),
  'one-for-one, a burst of failures': livenessOf('one-for-one'),
  'one-for-all, a burst of failures': livenessOf('one-for-all'),
  'rest-for-one, a burst of failures': livenessOf('rest-for-one'),
}
