import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

/** A text that waits for its vector, and which try this is: 1 is the first. */
export interface EmbedderItem {
  id: string
  attempt: number
}

export interface EmbedderWorkerInput {
  /** Tries of one text before it is given up. */
  maxAttempts: number
  /** Threads lost in a row, without one answered batch between them, after which the worker is given up. */
  maxFailures: number
  /** Patience with a thread that loads its model, with one that computes a batch, and with one that was told to end; ms. */
  startMs: number
  batchMs: number
  exitMs: number
  /** Quiet time after which the thread is let go, ms; null keeps it. */
  idleMs: number | null
  /** Wait before a thread is replaced, ms, doubled from the first bound to the second. */
  backoff: { minMs: number; maxMs: number }
  nonceWrap?: number
}

export interface EmbedderWorkerContext extends Omit<EmbedderWorkerInput, 'nonceWrap'> {
  /** What is computed, or waits for the thread to be ready. */
  items: readonly EmbedderItem[]
  failures: number
  /** The thread, by its incarnation `thread`; timers `start`, `batch`, `idle`, `backoff`, `exit`. The run of a batch has the nonce of its timer. */
  nonces: Nonces
}

export type EmbedderWorkerEvent =
  | { type: 'start' }
  /** A batch, never empty. Taken at once in states tagged `takesWork`, else given back. */
  | { type: 'work'; items: readonly EmbedderItem[] }
  /** The thread has its model and waits for batches. */
  | { type: 'ready'; thread: number }
  | { type: 'answered'; run: number }
  /** The batch could not be computed; the thread is well. */
  | { type: 'failed'; run: number }
  /** The thread is gone, whether it died or was told to end. */
  | { type: 'exited'; thread: number }
  /** Let the thread go until there is work again. */
  | { type: 'release' }
  /** For good. What is computed is given back: whoever wants it finished waits before stopping. */
  | { type: 'stop' }
  | TimerEvent

export type GiveBackReason = 'refused' | 'failed' | 'crashed' | 'hung' | 'not started' | 'stopped'

export interface EmbedderWorkerCommands {
  /** Answered by ready or exited. */
  spawn: { thread: number }
  /** Answered by answered, failed or exited. */
  run: { thread: number; run: number; items: readonly EmbedderItem[] }
  /** Answered by exited. */
  terminate: { thread: number }
  /** It was told to end and did not in time (it may be inside native code): nothing is heard of it again. */
  abandon: { thread: number }
  /** The answer that just came is the vectors of these. */
  answer: { items: readonly EmbedderItem[] }
  /** No vectors for these: `again` belong back in the queue with the attempt they have now, `failed` were tried often enough. Either may be empty. */
  giveBack: { again: readonly EmbedderItem[]; failed: readonly EmbedderItem[]; reason: GiveBackReason }
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Of<T extends EmbedderWorkerEvent['type']> = Extract<EmbedderWorkerEvent, { type: T }>
type Scope = { context: EmbedderWorkerContext; event: EmbedderWorkerEvent }

/**
 * One worker of an embedder pool: a thread with a model, one batch at a time. A thread that dies, hangs or does not start is
 * replaced, its batch given back; one that idles is let go and comes back with the next batch.
 */
const worker = setup({
  types: { context: {} as EmbedderWorkerContext, events: {} as EmbedderWorkerEvent, input: {} as EmbedderWorkerInput, tags: {} as 'takesWork' },
  actions: {
    spawn: (_, _params: EmbedderWorkerCommands['spawn']) => {},
    run: (_, _params: EmbedderWorkerCommands['run']) => {},
    terminate: (_, _params: EmbedderWorkerCommands['terminate']) => {},
    abandon: (_, _params: EmbedderWorkerCommands['abandon']) => {},
    answer: (_, _params: EmbedderWorkerCommands['answer']) => {},
    giveBack: (_, _params: EmbedderWorkerCommands['giveBack']) => {},
    startTimer: (_, _params: EmbedderWorkerCommands['startTimer']) => {},
    cancelTimer: (_, _params: EmbedderWorkerCommands['cancelTimer']) => {},
  },
  guards: {
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
    ofThread: ({ context, event }) => 'thread' in event && isRunning(context.nonces, 'thread', event.thread),
    readyWithWork: ({ context, event }) => event.type === 'ready' && isRunning(context.nonces, 'thread', event.thread) && context.items.length > 0,
    ofRun: ({ context, event }) => 'run' in event && isRunning(context.nonces, 'batch', event.run),
    idles: ({ context }) => context.idleMs !== null,
    tooOften: ({ context }) => context.failures > context.maxFailures,
  },
})

const begun = (id: string) => worker.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const ended = (id: string) => worker.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
const nonceOf = (context: EmbedderWorkerContext, id: string): number => context.nonces.running[id] as number
const timed = (id: string, ms: (context: EmbedderWorkerContext) => number) => [
  begun(id),
  { type: 'startTimer' as const, params: ({ context }: Scope) => ({ id, ms: ms(context), nonce: nonceOf(context, id) }) },
] as const
const untimed = (id: string) => [ended(id), { type: 'cancelTimer' as const, params: { id } }] as const
const whenDue = (id: string) => ({ type: 'due' as const, params: { id } })

const take = worker.assign(({ event }) => ({ items: (event as Of<'work'>).items }))
const drop = worker.assign({ items: [] })
const lose = worker.assign(({ context }) => ({ failures: context.failures + 1 }))
const threadOf = ({ context }: Scope) => ({ thread: nonceOf(context, 'thread') })
const gone = ended('thread')
const leaveBehind = [{ type: 'abandon' as const, params: threadOf }, gone] as const

/** Every text of the batch was tried once more. */
const giveBack = (reason: GiveBackReason) => [
  {
    type: 'giveBack' as const,
    params: ({ context: { items, maxAttempts } }: Scope) => ({
      again: items.filter(({ attempt }) => attempt < maxAttempts).map(({ id, attempt }) => ({ id, attempt: attempt + 1 })),
      failed: items.filter(({ attempt }) => attempt >= maxAttempts),
      reason,
    }),
  },
  drop,
] as const
/** The batch is not to blame: nothing of it is counted. */
const giveBackUntried = (reason: GiveBackReason) => [{ type: 'giveBack' as const, params: ({ context }: Scope) => ({ again: context.items, failed: [], reason }) }, drop] as const
const refuse = { work: { actions: { type: 'giveBack', params: ({ event }: Scope) => ({ again: (event as Of<'work'>).items, failed: [], reason: 'refused' as const }) } } } as const

export const embedderWorkerMachine = worker.createMachine({
  id: 'embedder-worker',
  context: ({ input: { nonceWrap, ...settings } }) => ({ ...settings, items: [], failures: 0, nonces: noNonces(nonceWrap) }),
  initial: 'idle',
  states: {
    idle: { on: { start: 'starting', stop: 'stopped', ...refuse } },

    starting: {
      entry: [begun('thread'), { type: 'spawn', params: threadOf }, ...timed('start', (context) => context.startMs)],
      exit: untimed('start'),
      on: {
        ready: [{ guard: 'readyWithWork', target: 'busy' }, { guard: 'ofThread', target: 'ready' }],
        exited: { guard: 'ofThread', target: 'recovering', actions: [gone, lose, ...giveBackUntried('not started')] },
        timer: { guard: whenDue('start'), target: 'ending.restarting', actions: [lose, ...giveBackUntried('not started')] },
        stop: { target: 'ending.stopping', actions: giveBackUntried('stopped') },
        ...refuse,
      },
    },

    ready: {
      tags: 'takesWork',
      initial: 'kept',
      on: {
        work: { target: 'busy', actions: take },
        exited: { guard: 'ofThread', target: 'recovering', actions: [gone, lose] },
        release: 'ending.releasing',
        stop: 'ending.stopping',
      },
      states: {
        kept: { always: { guard: 'idles', target: 'idling' } },
        idling: {
          entry: timed('idle', (context) => context.idleMs ?? 0),
          exit: untimed('idle'),
          on: { timer: { guard: whenDue('idle'), target: '#embedder-worker.ending.releasing' } },
        },
      },
    },

    busy: {
      entry: [
        ...timed('batch', (context) => context.batchMs),
        { type: 'run', params: ({ context }) => ({ thread: nonceOf(context, 'thread'), run: nonceOf(context, 'batch'), items: context.items }) },
      ],
      exit: untimed('batch'),
      on: {
        answered: { guard: 'ofRun', target: 'ready', actions: [{ type: 'answer', params: ({ context }) => ({ items: context.items }) }, drop, worker.assign({ failures: 0 })] },
        failed: { guard: 'ofRun', target: 'ready', actions: giveBack('failed') },
        exited: { guard: 'ofThread', target: 'recovering', actions: [gone, lose, ...giveBack('crashed')] },
        timer: { guard: whenDue('batch'), target: 'ending.restarting', actions: [lose, ...giveBack('hung')] },
        stop: { target: 'ending.stopping', actions: giveBackUntried('stopped') },
        ...refuse,
      },
    },

    /** The thread was told to end. One inside native code may not hear it: then it is left behind. */
    ending: {
      entry: [{ type: 'terminate', params: threadOf }, ...timed('exit', (context) => context.exitMs)],
      exit: untimed('exit'),
      initial: 'stopping',
      on: refuse,
      states: {
        restarting: {
          on: {
            exited: { guard: 'ofThread', target: '#embedder-worker.recovering', actions: gone },
            timer: { guard: whenDue('exit'), target: '#embedder-worker.recovering', actions: leaveBehind },
            stop: 'stopping',
          },
        },
        releasing: {
          on: {
            exited: { guard: 'ofThread', target: '#embedder-worker.released', actions: gone },
            timer: { guard: whenDue('exit'), target: '#embedder-worker.released', actions: leaveBehind },
            stop: 'stopping',
          },
        },
        stopping: {
          on: {
            exited: { guard: 'ofThread', target: '#embedder-worker.stopped', actions: gone },
            timer: { guard: whenDue('exit'), target: '#embedder-worker.stopped', actions: leaveBehind },
          },
        },
      },
    },

    /** No thread, and a wait before there is another. */
    recovering: {
      entry: timed('backoff', ({ backoff, failures }) => Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.min(failures - 1, 30))),
      exit: untimed('backoff'),
      always: { guard: 'tooOften', target: 'givenUp' },
      on: {
        timer: { guard: whenDue('backoff'), target: 'starting' },
        stop: 'stopped',
        ...refuse,
      },
    },

    /** No thread until there is work. */
    released: {
      tags: 'takesWork',
      on: {
        work: { target: 'starting', actions: take },
        start: 'starting',
        stop: 'stopped',
      },
    },

    givenUp: { type: 'final' },
    stopped: { type: 'final' },
  },
})
