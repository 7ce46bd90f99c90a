import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

/** In their order; each is resumed from where the last one that was saved ended. */
export const trainerPhases = ['prepare', 'train', 'evaluate', 'publish'] as const
export type TrainerPhase = (typeof trainerPhases)[number]

export interface TrainerJobInput {
  /** Claims of one job after which it is given up. */
  maxAttempts: number
  /** Patience with work that tells of no progress, with work that was told to end, and with a store that does not answer; ms. */
  silenceMs: number
  exitMs: number
  retryMs: number
  nonceWrap?: number
}

export type TrainerOutcome = 'published' | 'rejected' | 'failed' | 'cancelled'

export interface TrainerJobContext extends Omit<TrainerJobInput, 'nonceWrap'> {
  /** Of the claim; 0 before it. */
  fence: number
  attempt: number
  phase: TrainerPhase
  /** Failed, until it is something better. */
  outcome: TrainerOutcome
  /** The run `work` (of its timer), timers `exit` and `again`. */
  nonces: Nonces
}

export type TrainerJobEvent =
  | { type: 'start' }
  /** The job is this node's under this fence: which attempt that is (the store counts), from which phase it goes on, and whether it is still wanted. */
  | { type: 'claimed'; fence: number; attempt: number; phase: TrainerPhase; cancelled: boolean }
  /** It is another's, or at its end, or there was no answer. */
  | { type: 'unclaimed' }
  | { type: 'progress'; run: number }
  /** The phase is done. `accepted` counts after evaluate: whether what was trained is good enough to be published. */
  | { type: 'completed'; run: number; accepted: boolean }
  /** The work failed, and is over. */
  | { type: 'broken'; run: number }
  /** The work that was told to end is over. */
  | { type: 'exited' }
  /** The store did what was asked. */
  | { type: 'saved' }
  /** The store knows a higher fence. */
  | { type: 'stale' }
  /** No answer: it may or may not have been done. */
  | { type: 'unanswered' }
  /** The claim is gone, or no longer believed in. */
  | { type: 'lost' }
  | { type: 'cancel' }
  /** The node ends: another one may go on. */
  | { type: 'stop' }
  | TimerEvent

export interface TrainerJobCommands {
  /** Take the lease of the job and count the attempt, in that order. Answered by claimed or unclaimed. */
  claim: undefined
  /** Answered by progress..., completed or broken. */
  work: { phase: TrainerPhase; run: number; attempt: number }
  /** Answered by exited. */
  abort: undefined
  /** It did not end when it was told to. Answered by exited. */
  kill: undefined
  /** These are made durable if the fence still is the highest. Answered by saved, stale or unanswered. */
  save: { phase: TrainerPhase; fence: number }
  conclude: { outcome: TrainerOutcome; fence: number }
  /** Give the claim back. Answered by saved, stale or unanswered. */
  yield: { fence: number }
  /** Whatever of the attempt is left on this node goes. */
  cleanup: undefined
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Of<T extends TrainerJobEvent['type']> = Extract<TrainerJobEvent, { type: T }>
type Scope = { context: TrainerJobContext }

/**
 * One attempt at a training job on one node, from the claim to its end. The lease of the job is held by a lease machine, which says `lost`; all that is
 * made durable carries its fence, so that of two nodes that both believe they have the job one works in vain.
 */
const job = setup({
  types: { context: {} as TrainerJobContext, events: {} as TrainerJobEvent, input: {} as TrainerJobInput },
  actions: {
    claim: () => {},
    work: (_, _params: TrainerJobCommands['work']) => {},
    abort: () => {},
    kill: () => {},
    save: (_, _params: TrainerJobCommands['save']) => {},
    conclude: (_, _params: TrainerJobCommands['conclude']) => {},
    yield: (_, _params: TrainerJobCommands['yield']) => {},
    cleanup: () => {},
    startTimer: (_, _params: TrainerJobCommands['startTimer']) => {},
    cancelTimer: (_, _params: TrainerJobCommands['cancelTimer']) => {},
  },
  guards: {
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
    ofRun: ({ context, event }) => 'run' in event && isRunning(context.nonces, 'work', event.run),
    unwanted: ({ event }) => event.type === 'claimed' && event.cancelled,
    tooOften: ({ context, event }) => event.type === 'claimed' && event.attempt > context.maxAttempts,
    isLast: ({ context }) => context.attempt >= context.maxAttempts,
    brokenAtLast: ({ context, event }) => event.type === 'broken' && isRunning(context.nonces, 'work', event.run) && context.attempt >= context.maxAttempts,
    rejected: ({ context, event }) => event.type === 'completed' && isRunning(context.nonces, 'work', event.run) && context.phase === 'evaluate' && !event.accepted,
    completedLast: ({ context, event }) => event.type === 'completed' && isRunning(context.nonces, 'work', event.run) && context.phase === 'publish',
    isDone: ({ context }) => context.outcome === 'published' || context.outcome === 'rejected',
    isFailed: ({ context }) => context.outcome === 'failed',
  },
})

const nonceOf = (context: TrainerJobContext, id: string): number => context.nonces.running[id] as number
const timed = (id: string, ms: (context: TrainerJobContext) => number) => [
  job.assign(({ context }) => ({ nonces: begin(context.nonces, id) })),
  { type: 'startTimer' as const, params: ({ context }: Scope) => ({ id, ms: ms(context), nonce: nonceOf(context, id) }) },
] as const
const ended = (id: string) => job.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
const untimed = (id: string) => [ended(id), { type: 'cancelTimer' as const, params: { id } }] as const
const whenDue = (id: string) => ({ type: 'due' as const, params: { id } })
const own = job.assign(({ event }) => ({ fence: (event as Of<'claimed'>).fence, attempt: (event as Of<'claimed'>).attempt, phase: (event as Of<'claimed'>).phase }))
const next = job.assign(({ context }) => ({ phase: trainerPhases[trainerPhases.indexOf(context.phase) + 1] as TrainerPhase }))
const toEnd = (outcome: TrainerOutcome) => job.assign({ outcome })

/** Asks the store until it answers, or the claim is gone. */
const asking = <Request extends { type: 'save' | 'conclude' | 'yield'; params: unknown }>(request: Request) => ({
  entry: request,
  exit: untimed('again'),
  on: {
    unanswered: { actions: timed('again', (context) => context.retryMs) },
    timer: { guard: whenDue('again'), actions: [ended('again'), request] },
  },
})
const save = asking({ type: 'save' as const, params: ({ context }: Scope) => ({ phase: context.phase, fence: context.fence }) })
const conclude = asking({ type: 'conclude' as const, params: ({ context }: Scope) => ({ outcome: context.outcome, fence: context.fence }) })
const yielding = asking({ type: 'yield' as const, params: ({ context }: Scope) => ({ fence: context.fence }) })

export const trainerJobMachine = job.createMachine({
  id: 'trainer-job',
  context: ({ input: { nonceWrap, ...settings } }) => ({ ...settings, fence: 0, attempt: 0, phase: 'prepare' as const, outcome: 'failed' as const, nonces: noNonces(nonceWrap) }),
  initial: 'queued',
  states: {
    queued: { on: { start: 'claiming', stop: 'elsewhere' } },

    claiming: {
      entry: 'claim',
      on: {
        claimed: [
          { guard: 'unwanted', target: 'held.concluding', actions: [own, toEnd('cancelled')] },
          // Its last attempt never came back to tell: the node died of it, or was stopped.
          { guard: 'tooOften', target: 'held.concluding', actions: own },
          { target: 'held', actions: own },
        ],
        unclaimed: 'elsewhere',
        stop: 'withdrawing',
      },
    },

    /** Stopped while the claim was on its way: it may still be granted. */
    withdrawing: {
      on: { claimed: { target: 'held.yielding', actions: own }, unclaimed: 'elsewhere' },
    },

    /** The job is this node's. */
    held: {
      initial: 'working',
      exit: 'cleanup',
      states: {
        working: {
          entry: [
            ...timed('work', (context) => context.silenceMs),
            { type: 'work', params: ({ context }) => ({ phase: context.phase, run: nonceOf(context, 'work'), attempt: context.attempt }) },
          ],
          exit: untimed('work'),
          on: {
            // The run keeps its number, so that its timer only starts anew.
            progress: { guard: 'ofRun', actions: { type: 'startTimer', params: ({ context }) => ({ id: 'work', ms: context.silenceMs, nonce: nonceOf(context, 'work') }) } },
            completed: [
              { guard: 'rejected', target: 'concluding', actions: toEnd('rejected') },
              { guard: 'completedLast', target: 'concluding', actions: toEnd('published') },
              { guard: 'ofRun', target: 'saving', actions: next },
            ],
            broken: [{ guard: 'brokenAtLast', target: 'concluding' }, { guard: 'ofRun', target: 'yielding' }],
            timer: { guard: whenDue('work'), target: 'aborting.silent' },
            cancel: 'aborting.unwanted',
            lost: 'aborting.lost',
            stop: 'aborting.stopped',
          },
        },

        /** What the phase has come to is kept: another node goes on from there. */
        saving: {
          ...save,
          on: { ...save.on, saved: 'working', stale: '#trainer-job.lost', lost: '#trainer-job.lost', cancel: { target: 'concluding', actions: toEnd('cancelled') }, stop: 'yielding' },
        },

        /** The work was told to end; nothing else happens before it has. */
        aborting: {
          entry: ['abort', ...timed('exit', (context) => context.exitMs)],
          exit: untimed('exit'),
          initial: 'silent',
          on: { timer: { guard: whenDue('exit'), actions: [...timed('exit', (context) => context.exitMs), 'kill'] } },
          states: {
            silent: {
              on: {
                exited: [{ guard: 'isLast', target: '#trainer-job.held.concluding' }, { target: '#trainer-job.held.yielding' }],
                cancel: 'unwanted', lost: 'lost', stop: 'stopped',
              },
            },
            unwanted: { on: { exited: { target: '#trainer-job.held.concluding', actions: toEnd('cancelled') }, lost: 'lost' } },
            stopped: { on: { exited: '#trainer-job.held.yielding', lost: 'lost' } },
            lost: { on: { exited: '#trainer-job.lost' } },
          },
        },

        concluding: {
          ...conclude,
          on: {
            ...conclude.on,
            saved: [{ guard: 'isDone', target: '#trainer-job.done' }, { guard: 'isFailed', target: '#trainer-job.failed' }, { target: '#trainer-job.cancelled' }],
            stale: '#trainer-job.lost', lost: '#trainer-job.lost', stop: '#trainer-job.released',
          },
        },

        /** Another attempt, on this node or another, may begin. */
        yielding: {
          ...yielding,
          on: { ...yielding.on, saved: '#trainer-job.released', stale: '#trainer-job.lost', lost: '#trainer-job.lost', stop: '#trainer-job.released', cancel: { target: 'concluding', actions: toEnd('cancelled') } },
        },
      },
    },

    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    /** Not the end of the job: it waits to be claimed again. */
    released: { type: 'final' },
    lost: { type: 'final' },
    elsewhere: { type: 'final' },
  },
})
