import { tabulate, type Tabled } from './tabulate.ts'
import { trainerJobMachine, trainerPhases, type TrainerJobEvent, type TrainerOutcome, type TrainerPhase } from './trainer-job.ts'

type Machine = typeof trainerJobMachine
type Name = 'a' | 'b'
type Request = { type: 'claim' } | { type: 'save'; phase: TrainerPhase } | { type: 'conclude'; outcome: TrainerOutcome } | { type: 'yield' }

interface TrainerNode {
  machine: Tabled<Machine>
  /** On its way to the store, with the fence it was sent under. */
  ask: Request | null
  /** Work that is really under way on the node. */
  works: boolean
}

/** One job in the store, its lease, and two nodes that want it. */
export interface JobState {
  job: { end: TrainerOutcome | ''; attempt: number; phase: TrainerPhase; cancelled: boolean }
  lease: { holder: Name | ''; fence: number }
  a: TrainerNode | null
  b: TrainerNode | null
  published: number
  /** What the environment may still do. */
  crashes: number
  revocations: number
  cancels: number
}

export interface JobEvent {
  type: 'start' | 'serve' | 'loseRequest' | 'loseReply' | 'completed' | 'refused' | 'broken' | 'exited' | 'timer' | 'revoke' | 'lost' | 'stop' | 'crash' | 'cancel' | 'tellCancelled'
  by?: Name
  id?: string
}

const maxAttempts = 2
const names: readonly Name[] = ['a', 'b']

/** Two nodes, a store that compares fences, requests and replies that get lost, leases that end unheard of, nodes that die. */
export function trainingSystem(machine: Machine = trainerJobMachine) {
  const table = tabulate(machine)

  function enter(node: TrainerNode, { state, commands }: ReturnType<typeof table.take>): TrainerNode | null {
    let { ask, works } = node
    for (const { type, params } of commands) {
      if (type === 'work') works = true
      else if (['claim', 'save', 'conclude', 'yield'].includes(type)) ask = { type, ...(params?.phase !== undefined && { phase: params.phase }), ...(params?.outcome !== undefined && { outcome: params.outcome }) } as Request
    }
    // A node whose attempt is over is free to claim again.
    return state.done ? null : { machine: state, ask, works }
  }

  function start(): TrainerNode {
    const queued = table.initial({ maxAttempts, silenceMs: 1, exitMs: 1, retryMs: 1, nonceWrap: 1 }).state
    return enter({ machine: queued, ask: null, works: false }, table.take(queued, { type: 'start' })) as TrainerNode
  }

  /** One atomic step of the store. */
  function carryOut(state: JobState, by: Name, node: TrainerNode): { state: JobState; reply: TrainerJobEvent } {
    const { job, lease } = state
    const ask = node.ask as Request
    if (ask.type === 'claim') {
      if (job.end !== '' || (lease.holder !== '' && lease.holder !== by)) return { state, reply: { type: 'unclaimed' } }
      const attempt = Math.min(job.attempt + 1, maxAttempts + 1)
      const fence = lease.fence + 1
      return { state: { ...state, job: { ...job, attempt }, lease: { holder: by, fence } }, reply: { type: 'claimed', fence, attempt, phase: job.phase, cancelled: job.cancelled } }
    }
    if (lease.holder !== by || node.machine.context.fence !== lease.fence) return { state, reply: { type: 'stale' } }
    switch (ask.type) {
      case 'save':
        return { state: { ...state, job: { ...job, phase: ask.phase } }, reply: { type: 'saved' } }
      case 'conclude':
        return {
          state: { ...state, job: { ...job, end: ask.outcome }, lease: { ...lease, holder: '' }, published: state.published + (ask.outcome === 'published' ? 1 : 0) },
          reply: { type: 'saved' },
        }
      case 'yield':
        return { state: { ...state, lease: { ...lease, holder: '' } }, reply: { type: 'saved' } }
    }
  }

  return {
    name: 'two nodes and one training job',
    init: {
      job: { end: '', attempt: 0, phase: 'evaluate', cancelled: false }, lease: { holder: '', fence: 0 }, a: null, b: null, published: 0, crashes: 1, revocations: 1, cancels: 1,
    } as JobState,
    key({ job, lease, a, b, published, crashes, revocations, cancels }: JobState): string {
      // Fences are only compared with the last one.
      const of = (node: TrainerNode | null): unknown => {
        if (node === null) return null
        const { value, context: { fence, attempt, phase, outcome, nonces } } = node.machine
        return [value, fence === lease.fence, attempt, phase, outcome, Object.keys(nonces.running), node.ask, node.works]
      }
      return JSON.stringify([job, lease.holder, of(a), of(b), published, crashes, revocations, cancels])
    },
    events(state: JobState): JobEvent[] {
      const { job, lease } = state
      return [
        ...(state.cancels > 0 && job.end === '' ? [{ type: 'cancel' as const }] : []),
        ...(state.revocations > 0 && lease.holder !== '' ? [{ type: 'revoke' as const }] : []),
        // A node that died lets its lease run out.
        ...(lease.holder !== '' && state[lease.holder] === null ? [{ type: 'revoke' as const, by: lease.holder }] : []),
        ...names.flatMap((by): JobEvent[] => {
          const node = state[by]
          if (node === null) return job.end === '' && (lease.holder === '' || lease.holder === by) ? [{ type: 'start', by }] : []
          const { value, context } = node.machine
          const isHeld = typeof value === 'object'
          return [
            // What comes of a claim is told apart, so that fairness can be owed to one that would be granted.
            ...(node.ask === null ? [] : [{ type: 'serve', by, id: node.ask.type === 'claim' && job.end === '' && (lease.holder === '' || lease.holder === by) ? 'granted' : '' } as const, { type: 'loseRequest', by } as const, { type: 'loseReply', by } as const]),
            ...(isHeld && (value as { held: unknown }).held === 'working' ? [{ type: 'completed', by } as const, { type: 'refused', by } as const, { type: 'broken', by } as const] : []),
            ...(isHeld && typeof (value as { held: unknown }).held === 'object' ? [{ type: 'exited', by } as const] : []),
            ...Object.keys(context.nonces.running).map((id): JobEvent => ({ type: 'timer', by, id })),
            ...(isHeld && (lease.holder !== by || lease.fence !== context.fence) ? [{ type: 'lost', by } as const] : []),
            ...(isHeld && job.cancelled ? [{ type: 'tellCancelled', by } as const] : []),
            ...(state.crashes > 0 ? [{ type: 'stop', by } as const, { type: 'crash', by } as const] : []),
          ]
        }),
      ]
    },
    next(state: JobState, event: JobEvent): JobState {
      const { type, by = 'a', id = '' } = event
      const node = state[by] as TrainerNode
      const to = (told: TrainerJobEvent, after: JobState = state, changes: Partial<TrainerNode> = {}): JobState => ({ ...after, [by]: enter({ ...node, ...changes }, table.take(node.machine, told)) })
      const nonce = (timer: string): number => node.machine.context.nonces.running[timer] as number
      switch (type) {
        case 'start': return { ...state, [by]: start() }
        case 'serve': {
          const { state: after, reply } = carryOut(state, by, node)
          return to(reply, after, { ask: null })
        }
        case 'loseReply': return to(node.ask?.type === 'claim' ? { type: 'unclaimed' } : { type: 'unanswered' }, carryOut(state, by, node).state, { ask: null })
        case 'loseRequest': return to(node.ask?.type === 'claim' ? { type: 'unclaimed' } : { type: 'unanswered' }, state, { ask: null })
        case 'completed': return to({ type: 'completed', run: nonce('work'), accepted: true }, state, { works: false })
        case 'refused': return to({ type: 'completed', run: nonce('work'), accepted: false }, state, { works: false })
        case 'broken': return to({ type: 'broken', run: nonce('work') }, state, { works: false })
        case 'exited': return to({ type: 'exited' }, state, { works: false })
        case 'timer': return to({ type: 'timer', id, nonce: nonce(id) })
        case 'lost': return to({ type: 'lost' }, state, { ask: null })
        case 'stop': return to({ type: 'stop' }, { ...state, crashes: state.crashes - 1 })
        case 'tellCancelled': return to({ type: 'cancel' })
        case 'crash': return { ...state, crashes: state.crashes - 1, [by]: null }
        case 'revoke': return { ...state, lease: { ...state.lease, holder: '' }, revocations: state.revocations - (event.by === undefined ? 1 : 0) }
        case 'cancel': return { ...state, cancels: 0, job: { ...state.job, cancelled: true } }
      }
    },
  }
}

const both = (state: JobState): (TrainerNode | null)[] => [state.a, state.b]
const named = (name: string, by: Name, ...types: JobEvent['type'][]) =>
  Object.defineProperty((event: JobEvent): boolean => event.by === by && types.includes(event.type), 'name', { value: name })
const holder = (state: JobState): TrainerNode | null => (state.lease.holder === '' ? null : state[state.lease.holder])

export const trainingProperties = {
  invariants: {
    'published once at most, and never what was cancelled or rejected': (state: JobState) => state.published <= 1 && (state.published === 0 || state.job.end === 'published'),
    'attempts are bounded': (state: JobState) => both(state).every((node) => node === null || !node.works || node.machine.context.attempt <= maxAttempts),
    'of two that work one at most has the fence': (state: JobState) => both(state).filter((node) => node?.works && node === holder(state) && node.machine.context.fence === state.lease.fence).length <= 1,
    'a job at its end is nobody\'s': (state: JobState) => state.job.end === '' || state.lease.holder === '',
  },
  steps: {
    'the end of a job is the end': (before: JobState, _event: JobEvent, after: JobState) => before.job.end === '' || before.job.end === after.job.end,
    'phases do not go back': (before: JobState, _event: JobEvent, after: JobState) => trainerPhases.indexOf(after.job.phase) >= trainerPhases.indexOf(before.job.phase),
    'only the holder changes the job': (before: JobState, event: JobEvent, after: JobState) => (before.job.end === after.job.end && before.job.phase === after.job.phase) || before.lease.holder === event.by,
    'a node whose attempt is over works no more, unless it died': (before: JobState, event: JobEvent, after: JobState) => names.every((name) => before[name] === null || after[name] !== null || event.type === 'crash' || !before[name]!.works ||
      event.type === 'completed' || event.type === 'refused' || event.type === 'broken' || event.type === 'exited'),
  },
  reachable: {
    published: (state: JobState) => state.job.end === 'published',
    rejected: (state: JobState) => state.job.end === 'rejected',
    failed: (state: JobState) => state.job.end === 'failed',
    cancelled: (state: JobState) => state.job.end === 'cancelled',
    'both believe that they have it': (state: JobState) => both(state).every((node) => node?.works),
    'b goes on where a was': (state: JobState) => state.job.phase === 'publish' && state.b !== null && state.b.works && state.lease.fence > 1,
  },
  leadsTo: {
    'a job leads to its end': {
      from: (state: JobState): boolean => state.job.end === '',
      to: (state: JobState): boolean => state.job.end !== '',
      weak: [
        ...names.flatMap((name) => [named(`timersOf ${name}`, name, 'timer'), named(`workOf ${name}`, name, 'completed', 'refused', 'broken', 'exited')]),
        function somebodyClaims(event: JobEvent) { return event.type === 'start' },
        function leaseOfTheDeadRunsOut(event: JobEvent) { return event.type === 'revoke' && event.by !== undefined },
      ],
      strong: [function aClaimIsGranted(event: JobEvent) { return event.type === 'serve' && event.id === 'granted' }, ...names.flatMap((name) => [named(`store for ${name}`, name, 'serve'), named(`loss told to ${name}`, name, 'lost')])],
    },
  },
  mayStop: (state: JobState) => state.job.end !== '' && state.a === null && state.b === null,
}
