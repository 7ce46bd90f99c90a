import type { SnapshotFrom } from 'xstate'
import { supervisorMachine } from './supervisor.ts'
import type { ChildStatus, SupervisedChild, SupervisorEvent, SupervisorInput } from './supervisor.ts'

type Snapshot = SnapshotFrom<typeof supervisorMachine>
type Command = { type: string; params?: any }
type Step = { before: Snapshot; event: SupervisorEvent; after: Snapshot; commands: readonly Command[] }
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
const given = (step: Step, type: string): Command[] => step.commands.filter((command) => command.type === type)
const signals = ['started', 'failed', 'exited', 'stopped']
const withinWindow = (state: Snapshot, time: number): number => state.context.restarts.filter((at) => time - at < state.context.spec.windowMs).length

/** The end of a child that was running and has to be restarted: what strategies, intensity and back-off are about. */
function failure(step: Step): { index: number; time: number; jitter: number } | undefined {
  const { before, event } = step
  if ((event.type !== 'failed' && event.type !== 'exited') || !before.matches('active')) return undefined
  const child = childOf(before, event.id)
  if (!runs(child) || child.incarnation !== event.incarnation) return undefined
  if (child.restart === 'temporary' || (child.restart === 'transient' && event.type === 'exited')) return undefined
  return { index: ids.indexOf(child.id as (typeof ids)[number]), time: event.time, jitter: event.jitter }
}

/** Holds for every child before and after the step. */
const each = (step: Step, test: (before: SupervisedChild, after: SupervisedChild, index: number) => boolean): boolean =>
  ids.every((id, index) => test(childOf(step.before, id), childOf(step.after, id), index))

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
      'signals of an earlier incarnation are ignored': (step: Step) => {
        const { event, before } = step
        if (!signals.includes(event.type) || !('incarnation' in event)) return true
        const child = childOf(before, event.id)
        return (lives(child) && child.incarnation === event.incarnation) || (step.before === step.after && step.commands.length === 0)
      },
      'a failure takes down its fellows and nobody else': (step: Step) => {
        const failed = failure(step)
        if (failed === undefined || !step.after.matches('active')) return true
        return each(step, (before, after, index) =>
          !runs(before) || (fellows[strategy](failed.index, index) ? after.incarnation > before.incarnation || is(after, 'down', 'doomed', 'clearing') : after.status === before.status))
      },
      'nobody goes down without a reason': (step: Step) =>
        failure(step) !== undefined || !step.after.matches('active') ||
        each(step, (before, after) => !runs(before) || runs(after) || ('id' in step.event && step.event.id === before.id)),
      'the N+1st failure in the window escalates, no other does': (step: Step) => {
        const failed = failure(step)
        const escalates = !step.before.matches('ending') && (step.after.matches({ ending: 'escalating' }) || step.after.matches('escalated'))
        return escalates === (failed !== undefined && withinWindow(step.before, failed.time) >= 2)
      },
      'the escalation is told once, when all are gone, with the one that failed': (step: Step) => {
        const told = given(step, 'escalate')
        if (step.before.matches('escalated') || !step.after.matches('escalated')) return told.length === 0
        const culprit = step.after.context.culprit
        return told.length === 1 && told[0]?.params.id === culprit?.id && told[0]?.params.incarnation === culprit?.incarnation
      },
      'the culprit is the child that failed': (step: Step) =>
        step.before.context.culprit !== null || step.after.context.culprit === null ||
        ('incarnation' in step.event && step.after.context.culprit.id === step.event.id && step.after.context.culprit.incarnation === step.event.incarnation),
      'children start in order': (step: Step) => given(step, 'startChild').every(({ params }) =>
        step.after.context.children.slice(0, ids.indexOf(params.id)).every((child) => child.status !== 'down')),
      'a start is a new incarnation, asked for once': (step: Step) => each(step, (before, after) => {
        const starts = given(step, 'startChild').filter(({ params }) => params.id === after.id)
        return after.incarnation - before.incarnation === starts.length && starts.every(({ params }) => params.incarnation === after.incarnation)
      }),
      'started after the start, and only then': (step: Step) => each(step, (before, after) =>
        before.status === after.status || after.status !== 'up' || (before.status === 'starting' && step.event.type === 'started')),
      'a start that is reported is a start': (step: Step) =>
        step.event.type !== 'started' || !step.before.matches('active') || !is(childOf(step.before, step.event.id), 'starting') ||
        step.event.incarnation === earlier || childOf(step.after, step.event.id).status === 'up',
      'the first start and those after a back-off begin at once': (step: Step) =>
        !(step.event.type === 'start' && step.before.matches('idle')) && !(timerFires(step.event) && step.before.matches({ active: 'waiting' })) ||
        given(step, 'startChild').length === 1 || count(step.after, 'starting') === 1,
      'siblings go down last first': (step: Step) =>
        step.event.type === 'remove' || given(step, 'stopChild').every(({ params }) =>
          step.after.context.children.slice(ids.indexOf(params.id) + 1).every((child) => (step.after.matches('ending') ? is(child, 'gone') : !is(child, 'doomed', 'clearing')))),
      'a child is asked to stop once': (step: Step) => given(step, 'stopChild').every(({ params }) =>
        is(childOf(step.before, params.id), 'starting', 'up', 'doomed') && is(childOf(step.after, params.id), 'clearing', 'removing') &&
        params.incarnation === childOf(step.before, params.id).incarnation),
      'a child that has to go is asked': (step: Step) => each(step, (before, after) =>
        !is(after, 'clearing', 'removing') || is(before, 'clearing', 'removing') || given(step, 'stopChild').some(({ params }) => params.id === after.id)),
      'gone is for ever, and told once': (step: Step) => each(step, (before, after) =>
        (before.status !== 'gone' || after.status === 'gone') &&
        given(step, 'retireChild').filter(({ params }) => params.id === after.id && params.incarnation === before.incarnation).length ===
          (before.status !== 'gone' && after.status === 'gone' ? 1 : 0)),
      'nobody is gone who should come back': (step: Step) => {
        const { event } = step
        if (!step.before.matches('active') || !step.after.matches('active')) return true
        return each(step, (before, after) => {
          if (before.status === 'gone' || after.status !== 'gone') return true
          const itself = 'id' in event && event.id === before.id
          if (!itself) return false
          return event.type === 'remove' || before.status === 'removing' || before.restart === 'temporary' || (before.restart === 'transient' && event.type === 'exited' && runs(before))
        })
      },
      'who may go, goes': (step: Step) => {
        const { event, before } = step
        if (!before.matches('active') || !('incarnation' in event) || event.incarnation === earlier || !['failed', 'exited', 'stopped'].includes(event.type)) return true
        const child = childOf(before, event.id)
        const goes = child.status === 'removing' || (lives(child) && event.type !== 'stopped' && (child.restart === 'temporary' || (child.restart === 'transient' && event.type === 'exited' && runs(child))))
        return !goes || childOf(step.after, child.id).status === 'gone'
      },
      'a removed child does not come back': (step: Step) =>
        step.event.type !== 'remove' || !step.before.matches('active') || is(childOf(step.after, step.event.id), 'removing', 'gone'),
      'removing one leaves the others alone': (step: Step) =>
        step.event.type !== 'remove' || each(step, (before, after) => before.id === (step.event as { id: string }).id || before.status === after.status || before.status === 'down' || before.status === 'doomed'),
      'every restart is counted': (step: Step) => {
        const failed = failure(step)
        if (failed === undefined || !step.after.matches('active')) return step.before.context.restarts === step.after.context.restarts
        return step.after.context.restarts.at(-1) === failed.time && withinWindow(step.after, failed.time) === withinWindow(step.before, failed.time) + 1 && step.after.context.lastFailureAt === failed.time
      },
      'the back-off doubles, is capped, and starts over after quiet': (step: Step) => {
        const failed = failure(step)
        if (failed === undefined || !step.after.matches('active')) return true
        const { lastFailureAt, attempt } = step.before.context
        const quiet = lastFailureAt === null || failed.time - lastFailureAt >= 3
        const expected = quiet ? 0 : Math.min(attempt + 1, 30)
        return step.after.context.attempt === expected && step.after.context.delayMs === Math.floor(failed.jitter * (expected === 0 ? 10 : 20))
      },
      'what is restarted waits out its back-off': (step: Step) => {
        const waits = !step.before.matches({ active: 'waiting' }) && step.after.matches({ active: 'waiting' })
        const again = step.before.matches({ active: 'waiting' }) && step.after.matches({ active: 'waiting' }) && step.before.context.nonces.last !== step.after.context.nonces.last
        const armed = given(step, 'startTimer')
        if (!waits && !again) return armed.length === 0
        return armed.length === 1 && armed[0]?.params.id === 'backoff' && armed[0]?.params.ms === step.after.context.delayMs && armed[0]?.params.ms > 0 &&
          armed[0]?.params.nonce === step.after.context.nonces.running['backoff']
      },
      'no restart before its time': (step: Step) =>
        given(step, 'startChild').length === 0 || !step.before.matches({ active: 'waiting' }) || timerFires(step.event) || step.after.context.delayMs === 0,
      'a timer that is not waited for is cancelled': (step: Step) =>
        !step.before.matches({ active: 'waiting' }) || (step.before.context.nonces.last === step.after.context.nonces.last && step.after.matches({ active: 'waiting' })) ||
        given(step, 'cancelTimer').some(({ params }) => params.id === 'backoff'),
      'a stale timer changes nothing': (step: Step) => step.event.type !== 'timer' || step.event.nonce !== staleNonce || step.before === step.after,
      'a stop is heeded': (step: Step) => step.event.type !== 'stop' || step.after.matches('ending') || ended(step.after),
      'nothing is started while it ends': (step: Step) => !(step.before.matches('ending') || step.event.type === 'stop') || given(step, 'startChild').length === 0,
    },

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
