import { assign, setup } from 'xstate'
import { oneForAll } from './strategies/one-for-all.ts'
import { oneForOne } from './strategies/one-for-one.ts'
import { restForOne } from './strategies/rest-for-one.ts'
import { begin, end, isRunning, noNonces } from './timers.ts'
import type { Nonces, TimerEvent } from './timers.ts'

export interface SupervisorInput {
  strategy: keyof typeof strategies
  /** In start order. */
  children: readonly { id: string; restart: 'permanent' | 'transient' | 'temporary' }[]
  maxRestarts: number
  windowMs: number
  backoff: { minMs: number; maxMs: number; resetAfterMs: number }
  /** Whether the group ends when none of its children is left. */
  endsWithChildren: boolean
}

/**
 * `down` waits to be started (again); `doomed` runs but goes down with a failed sibling; `clearing` was asked to stop
 * and will be started again; `removing` was asked to stop for good; `gone` never comes back.
 */
export type ChildStatus = 'down' | 'starting' | 'up' | 'doomed' | 'clearing' | 'removing' | 'gone'

export interface SupervisedChild {
  id: string
  restart: 'permanent' | 'transient' | 'temporary'
  status: ChildStatus
  /** 0 before the first start. */
  incarnation: number
}

export interface SupervisorContext {
  spec: SupervisorInput
  children: SupervisedChild[]
  /** Times of the restarts within the window, oldest first. */
  restarts: number[]
  /** Failures in a row, for the back-off. */
  attempt: number
  lastFailureAt: number | null
  delayMs: number
  /** Of the timer `backoff`. */
  nonces: Nonces
  /** The failure that is being escalated. */
  culprit: { id: string; incarnation: number } | null
}

export interface Signal {
  id: string
  incarnation: number
}

export type SupervisorEvent =
  | { type: 'start' }
  | ({ type: 'started' } & Signal)
  /** It failed, while starting or later. `time` in ms, never going back; `jitter` in [0, 1). */
  | ({ type: 'failed'; time: number; jitter: number } & Signal)
  /** It ended by itself, without a failure. */
  | ({ type: 'exited'; time: number; jitter: number } & Signal)
  /** Answer to `stopChild`. */
  | ({ type: 'stopped' } & Signal)
  /** Stop one child for good. */
  | { type: 'remove'; id: string }
  | TimerEvent
  | { type: 'stop' }

export const strategies = { 'one-for-one': oneForOne, 'one-for-all': oneForAll, 'rest-for-one': restForOne }

const backoff = 'backoff'

/** No back-off bound grows beyond this many doublings. */
const mostDoublings = 30

const running: readonly ChildStatus[] = ['starting', 'up']
const leaving: readonly ChildStatus[] = ['doomed', 'clearing', 'removing']

type Args = { context: SupervisorContext; event: SupervisorEvent }

const has = (context: SupervisorContext, status: ChildStatus): boolean => context.children.some((child) => child.status === status)
const firstDown = (context: SupervisorContext): SupervisedChild | undefined => context.children.find((child) => child.status === 'down')
const lastDoomed = (context: SupervisorContext): SupervisedChild | undefined => context.children.findLast((child) => child.status === 'doomed')
const lastLeft = (context: SupervisorContext): SupervisedChild | undefined => context.children.findLast((child) => child.status !== 'gone')

/** The child that this event is about, if it is about its present incarnation. */
function subject({ context, event }: Args): SupervisedChild | undefined {
  if (event.type === 'remove') return context.children.find((child) => child.id === event.id)
  if (!('incarnation' in event)) return undefined
  return context.children.find((child) => child.id === event.id && child.incarnation === event.incarnation)
}

function subjectIs(args: Args, statuses: readonly ChildStatus[]): boolean {
  const child = subject(args)
  return child !== undefined && statuses.includes(child.status)
}

function set(context: SupervisorContext, child: SupervisedChild | undefined, change: Partial<SupervisedChild>): Pick<SupervisorContext, 'children'> {
  return { children: context.children.map((each) => (each === child ? { ...each, ...change } : each)) }
}

const signal = (child: SupervisedChild | undefined): Signal => ({ id: child?.id ?? '', incarnation: child?.incarnation ?? 0 })
const timeOf = (event: SupervisorEvent): number => ('time' in event ? event.time : 0)
const recent = (context: SupervisorContext, time: number): number[] => context.restarts.filter((at) => time - at < context.spec.windowMs)

/** A failed child and those that its strategy takes down with it. */
function doom({ context, event }: Args): Pick<SupervisorContext, 'children'> {
  const failed = subject({ context, event })
  const position = failed === undefined ? -1 : context.children.indexOf(failed)
  const [from, to] = strategies[context.spec.strategy](position, context.children.length)
  return {
    children: context.children.map((child, index) => {
      if (index === position) return { ...child, status: 'down' }
      return index >= from && index < to && running.includes(child.status) ? { ...child, status: 'doomed' } : child
    }),
  }
}

function countFailure({ context, event }: Args): Pick<SupervisorContext, 'restarts' | 'attempt' | 'lastFailureAt' | 'delayMs'> {
  const time = timeOf(event)
  const { minMs, maxMs, resetAfterMs } = context.spec.backoff
  const quiet = context.lastFailureAt === null || time - context.lastFailureAt >= resetAfterMs
  const attempt = quiet ? 0 : Math.min(context.attempt + 1, mostDoublings)
  const jitter = 'jitter' in event ? event.jitter : 0
  return {
    restarts: [...recent(context, time), time],
    attempt,
    lastFailureAt: time,
    delayMs: Math.floor(jitter * Math.min(maxMs, minMs * 2 ** attempt)),
  }
}

const supervisor = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
  },
  actions: {
    // Commands.
    startChild: (_args, _params: Signal) => {},
    stopChild: (_args, _params: Signal) => {},
    /** The child will not come back. */
    retireChild: (_args, _params: Signal) => {},
    startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {},
    cancelTimer: (_args, _params: { id: string }) => {},
    /** All children are gone; the group has failed because of this one. */
    escalate: (_args, _params: Signal) => {},
    // Changes.
    markStarting: assign(({ context }) => {
      const child = firstDown(context)
      return set(context, child, { status: 'starting', incarnation: (child?.incarnation ?? 0) + 1 })
    }),
    markUp: assign((args) => set(args.context, subject(args), { status: 'up' })),
    markClearing: assign(({ context }) => set(context, lastDoomed(context), { status: 'clearing' })),
    markRemoving: assign((args) => set(args.context, subject(args), { status: 'removing' })),
    markLastRemoving: assign(({ context }) => set(context, lastLeft(context), { status: 'removing' })),
    markGone: assign((args) => set(args.context, subject(args), { status: 'gone' })),
    markLastGone: assign(({ context }) => set(context, lastLeft(context), { status: 'gone' })),
    markDown: assign((args) => set(args.context, subject(args), { status: 'down' })),
    doom: assign(doom),
    countFailure: assign(countFailure),
    blame: assign((args) => ({ culprit: signal(subject(args)) })),
    beginBackoff: assign(({ context }) => ({ nonces: begin(context.nonces, backoff) })),
    endBackoff: assign(({ context }) => ({ nonces: end(context.nonces, backoff) })),
  },
  guards: {
    subjectStarts: (args) => subjectIs(args, ['starting']),
    subjectRuns: (args) => subjectIs(args, running),
    subjectWaits: (args) => subjectIs(args, ['down']),
    subjectIsDoomed: (args) => subjectIs(args, ['doomed']),
    subjectIsClearing: (args) => subjectIs(args, ['clearing']),
    subjectLeaves: (args) => subjectIs(args, leaving),
    /** It was taken down with a sibling, or asked to, and may be started again. */
    subjectReturns: (args) => subjectIs(args, ['doomed', 'clearing']) && subject(args)?.restart !== 'temporary',
    subjectLeft: (args) => subjectIs(args, [...running, ...leaving]),
    subjectIsTemporary: (args) => subjectIs(args, running) && subject(args)?.restart === 'temporary',
    subjectMayExit: (args) => subjectIs(args, running) && subject(args)?.restart !== 'permanent',
    tooManyRestarts: (args) => subjectIs(args, running) && recent(args.context, timeOf(args.event)).length >= args.context.spec.maxRestarts,
    oneIsClearing: ({ context }) => has(context, 'clearing'),
    oneIsDoomed: ({ context }) => has(context, 'doomed'),
    oneIsStarting: ({ context }) => has(context, 'starting'),
    oneIsDown: ({ context }) => has(context, 'down'),
    noneIsDown: ({ context }) => !has(context, 'down'),
    mustWait: ({ context }) => context.delayMs > 0 && has(context, 'down'),
    timerIsCurrent: ({ context, event }) => event.type === 'timer' && isRunning(context.nonces, event.id, event.nonce),
    endsNow: ({ context }) => context.spec.endsWithChildren && lastLeft(context) === undefined,
    lastIsDown: ({ context }) => lastLeft(context)?.status === 'down',
    lastRuns: ({ context }) => {
      const status = lastLeft(context)?.status
      return status !== undefined && (running.includes(status) || status === 'doomed')
    },
    allGone: ({ context }) => lastLeft(context) === undefined,
  },
})

const ofSubject = (args: Args): Signal => signal(subject(args))
const retireSubject = [{ type: 'retireChild' as const, params: ofSubject }, 'markGone' as const]
const stopSubject = [{ type: 'stopChild' as const, params: ofSubject }, 'markRemoving' as const]

/**
 * Supervises one group of children: starts them in order, restarts what fails as the strategy says, waits between
 * restarts, gives up when it happens too often, stops them in reverse. The kernel carries its commands out and reports back.
 */
export const supervisorMachine = supervisor.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    spec: input,
    children: input.children.map((child) => ({ ...child, status: 'down', incarnation: 0 })),
    restarts: [],
    attempt: 0,
    lastFailureAt: null,
    delayMs: 0,
    nonces: noNonces(),
    culprit: null,
  }),
  initial: 'idle',
  states: {
    idle: { on: { start: 'active', stop: 'ending' } },
    active: {
      initial: 'starting',
      on: {
        started: { guard: 'subjectStarts', actions: 'markUp' },
        stopped: [
          { guard: 'subjectReturns', actions: 'markDown' },
          { guard: 'subjectLeaves', actions: retireSubject },
        ],
        exited: [
          { guard: 'subjectReturns', actions: 'markDown' },
          { guard: 'subjectLeaves', actions: retireSubject },
          { guard: 'subjectMayExit', actions: retireSubject },
          { guard: 'tooManyRestarts', target: 'ending.escalating', actions: ['blame', ...retireSubject] },
          { guard: 'subjectRuns', target: '.clearing', actions: ['countFailure', 'doom'] },
        ],
        failed: [
          { guard: 'subjectReturns', actions: 'markDown' },
          { guard: 'subjectLeaves', actions: retireSubject },
          { guard: 'subjectIsTemporary', actions: retireSubject },
          { guard: 'tooManyRestarts', target: 'ending.escalating', actions: ['blame', ...retireSubject] },
          { guard: 'subjectRuns', target: '.clearing', actions: ['countFailure', 'doom'] },
        ],
        remove: [
          { guard: 'subjectWaits', actions: retireSubject },
          { guard: 'subjectRuns', actions: stopSubject },
          { guard: 'subjectIsDoomed', actions: stopSubject },
          // It was asked already, and now does not come back.
          { guard: 'subjectIsClearing', actions: 'markRemoving' },
        ],
        stop: 'ending',
      },
      states: {
        /** Takes down, last first and one at a time, what goes down with a failed child. */
        clearing: {
          always: [
            { guard: 'oneIsClearing' },
            { guard: 'oneIsDoomed', actions: [{ type: 'stopChild', params: ({ context }) => signal(lastDoomed(context)) }, 'markClearing'] },
            { guard: 'mustWait', target: 'waiting' },
            { target: 'starting' },
          ],
        },
        waiting: {
          entry: ['beginBackoff', { type: 'startTimer', params: ({ context }) => ({ id: backoff, ms: context.delayMs, nonce: context.nonces.last }) }],
          exit: ['endBackoff', { type: 'cancelTimer', params: { id: backoff } }],
          always: { guard: 'noneIsDown', target: 'starting' },
          on: { timer: { guard: 'timerIsCurrent', target: 'starting' } },
        },
        /** Starts, first first and one at a time, whatever is down. */
        starting: {
          always: [
            { guard: 'oneIsStarting' },
            {
              guard: 'oneIsDown',
              actions: [
                { type: 'startChild', params: ({ context }) => ({ id: firstDown(context)?.id ?? '', incarnation: (firstDown(context)?.incarnation ?? 0) + 1 }) },
                'markStarting',
              ],
            },
            { target: 'running' },
          ],
        },
        running: { always: { guard: 'endsNow', target: '#supervisor.stopped' } },
      },
    },
    /** Stops what is left, last first and one at a time. */
    ending: {
      initial: 'stopping',
      on: {
        stopped: { guard: 'subjectLeft', actions: retireSubject },
        exited: { guard: 'subjectLeft', actions: retireSubject },
        failed: { guard: 'subjectLeft', actions: retireSubject },
      },
      always: [
        { guard: 'lastIsDown', actions: [{ type: 'retireChild', params: ({ context }) => signal(lastLeft(context)) }, 'markLastGone'] },
        { guard: 'lastRuns', actions: [{ type: 'stopChild', params: ({ context }) => signal(lastLeft(context)) }, 'markLastRemoving'] },
      ],
      states: {
        stopping: { always: { guard: 'allGone', target: '#supervisor.stopped' } },
        escalating: {
          always: {
            guard: 'allGone',
            target: '#supervisor.escalated',
            actions: { type: 'escalate', params: ({ context }) => context.culprit ?? { id: '', incarnation: 0 } },
          },
        },
      },
    },
    stopped: { type: 'final' },
    escalated: { type: 'final' },
  },
})
