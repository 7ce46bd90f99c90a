import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface SyncConflictInput {
  /** Version of the shared record that is shown with the conflict; 0: there was none. */
  expect: number
  /** Which state of our side is shown with it: a later write of it has another. */
  chain: number
  /** Requests without an answer after which the settlement is given up; the conflict stays open. */
  maxAttempts: number
  /** Wait before a request is repeated, ms, doubled each time. */
  retryMs: number
  nonceWrap?: number
}

export interface SyncConflictContext extends Omit<SyncConflictInput, 'nonceWrap'> {
  /** Requests that got no answer. */
  failures: number
  /** Timer `again`. */
  nonces: Nonces
}

export type SyncConflictEvent =
  | { type: 'choose'; choice: 'ours' | 'theirs' | 'both' }
  /** Our version is in the shared store, or was found there. */
  | { type: 'written' }
  /** The shared record is not the one that was shown. */
  | { type: 'moved' }
  /** The conflict is forgotten (by us or by another), or shows what it should. */
  | { type: 'noted' }
  /** Our side is not the one that was shown: a later write joined it. */
  | { type: 'amended' }
  /** It will never be taken. */
  | { type: 'refused' }
  /** No answer: it may or may not have been done. */
  | { type: 'failed' }
  | { type: 'cancel' }
  | TimerEvent

export interface SyncConflictCommands {
  /** Our version over the shared record, if that is still the one expected. Answered by written, moved, refused, failed. */
  overwrite: { expect: number }
  /** Our version beside the shared record. Answered by written, refused, failed. */
  keepBeside: undefined
  /** Forget the conflict, if our side is still that of the chain. Answered by noted, amended, failed. */
  forget: { chain: number }
  /** Show the shared version that was found with the conflict, if our side is still that of the chain. Answered as forget. */
  showTheirs: { chain: number }
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Scope = { context: SyncConflictContext }

/**
 * The settlement of one conflict between two sides that changed apart. Both versions stay in the conflict until the choice is durable;
 * when either side has moved meanwhile the conflict stays open and shows the new one. Every step may be repeated without effect, so
 * that a process that dies in the middle leaves a conflict that can be settled again.
 */
const settlement = setup({
  types: { context: {} as SyncConflictContext, events: {} as SyncConflictEvent, input: {} as SyncConflictInput },
  actions: {
    overwrite: (_, _params: SyncConflictCommands['overwrite']) => {},
    keepBeside: () => {},
    forget: (_, _params: SyncConflictCommands['forget']) => {},
    showTheirs: (_, _params: SyncConflictCommands['showTheirs']) => {},
    startTimer: (_, _params: SyncConflictCommands['startTimer']) => {},
    cancelTimer: (_, _params: SyncConflictCommands['cancelTimer']) => {},
  },
  guards: {
    chose: ({ event }, params: { choice: string }) => event.type === 'choose' && event.choice === params.choice,
    isLast: ({ context }) => context.failures + 1 >= context.maxAttempts,
    due: ({ context, event }) => event.type === 'timer' && isRunning(context.nonces, event.id, event.nonce),
  },
})

const failed = settlement.assign(({ context }) => ({ failures: context.failures + 1 }))
const pause = [
  settlement.assign(({ context }) => ({ nonces: begin(context.nonces, 'again') })),
  {
    type: 'startTimer' as const,
    params: ({ context }: Scope) => ({ id: 'again', ms: context.retryMs * 2 ** (context.failures - 1), nonce: context.nonces.running['again'] as number }),
  },
] as const
const noPause = [settlement.assign(({ context }) => ({ nonces: end(context.nonces, 'again') })), { type: 'cancelTimer' as const, params: { id: 'again' } }] as const
const chosen = (choice: string) => ({ type: 'chose' as const, params: { choice } })
const ofChain = ({ context }: Scope) => ({ chain: context.chain })
const cancel = { cancel: '#sync-conflict.cancelled' } as const
const unanswered = {
  failed: [{ guard: 'isLast', target: '#sync-conflict.failed' }, { target: 'pausing', actions: failed }],
} as const
const pausing = {
  entry: pause,
  exit: noPause,
  on: { timer: { guard: 'due', target: 'asking' } },
} as const

export const syncConflictMachine = settlement.createMachine({
  id: 'sync-conflict',
  context: ({ input: { nonceWrap, ...given } }) => ({ ...given, failures: 0, nonces: noNonces(nonceWrap) }),
  initial: 'open',
  states: {
    open: {
      on: {
        choose: [
          { guard: chosen('ours'), target: 'overwriting' },
          { guard: chosen('both'), target: 'keepingBoth' },
          // Nothing is to be written: theirs is what everybody sees already.
          { target: 'forgetting' },
        ],
        ...cancel,
      },
    },

    overwriting: {
      initial: 'asking',
      on: cancel,
      states: {
        asking: {
          entry: { type: 'overwrite', params: ({ context }) => ({ expect: context.expect }) },
          on: { written: '#sync-conflict.forgetting', moved: '#sync-conflict.showing', refused: '#sync-conflict.failed', ...unanswered },
        },
        pausing,
      },
    },

    keepingBoth: {
      initial: 'asking',
      on: cancel,
      states: {
        asking: {
          entry: 'keepBeside',
          on: { written: '#sync-conflict.forgetting', refused: '#sync-conflict.failed', ...unanswered },
        },
        pausing,
      },
    },

    forgetting: {
      initial: 'asking',
      on: cancel,
      states: {
        asking: {
          entry: { type: 'forget', params: ofChain },
          on: { noted: '#sync-conflict.resolved', amended: '#sync-conflict.moved', ...unanswered },
        },
        pausing,
      },
    },

    showing: {
      initial: 'asking',
      on: cancel,
      states: {
        asking: {
          entry: { type: 'showTheirs', params: ofChain },
          // Amended: whoever amended it has just looked at theirs.
          on: { noted: '#sync-conflict.moved', amended: '#sync-conflict.moved', ...unanswered },
        },
        pausing,
      },
    },

    resolved: { type: 'final' },
    /** Either side is not what was shown. The conflict is open, and shows what is. */
    moved: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
  },
})
