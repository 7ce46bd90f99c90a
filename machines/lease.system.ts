import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { leaseMachine, type LeaseContext, type LeaseEvent } from './lease.ts'

type Snapshot = SnapshotFrom<typeof leaseMachine>
type Name = 'a' | 'b'

/** What a contender has sent and not been answered: on its way there, or the answer on its way back. */
interface Request {
  kind: 'acquire' | 'renew'
  ask: number
  fence: number
  sentAt: number
  /** Set when the server has decided: the fence granted, or 0. */
  answer?: number
}

interface Contender {
  value: Snapshot['value']
  context: LeaseContext
  request: Request | null
  /** When its timers are due, by id. */
  due: Record<string, number>
}

/** Two contenders, a server, and one time for all; clocks that drift are the margin's business. */
export interface LeaseSystemState {
  now: number
  server: { holder: Name | ''; fence: number; until: number }
  a: Contender
  b: Contender
}

export interface LeaseSystemEvent {
  type: 'tick' | 'decide' | 'lose' | 'answer' | 'timer'
  by?: Name
  id?: string
}

const ttlMs = 2
const names: readonly Name[] = ['a', 'b']

type Taken = readonly [Snapshot, readonly { type: string; params?: any }[]]

function enter(name: Name, contender: Contender, now: number, [snapshot, commands]: Taken, server: LeaseSystemState['server']): { contender: Contender; server: LeaseSystemState['server'] } {
  let { request, due } = contender
  let decided = server
  for (const { type, params } of commands) {
    switch (type) {
      case 'acquire':
      case 'renew':
        request = { kind: type, ask: params.ask, fence: params.fence ?? 0, sentAt: now }
        break
      case 'release':
        if (decided.holder === name && decided.fence === params.fence) decided = { ...decided, holder: '' }
        break
      case 'startTimer':
        due = { ...due, [params.id]: now + params.ms }
        break
      case 'cancelTimer':
        due = Object.fromEntries(Object.entries(due).filter(([id]) => id !== params.id))
    }
  }
  return { contender: { value: snapshot.value, context: snapshot.context, request, due }, server: decided }
}

/** `machine` is another one when it is to be seen that the properties notice; `countFromReply` is a mistake, to be found. */
export function leaseSystem(machine: typeof leaseMachine = leaseMachine, { countFromReply = false } = {}) {
  const taken = new Map<string, Taken>()

  /** The machine's own transition, taken once for all times of day. */
  function step({ value, context }: Contender, now: number, event: LeaseEvent): Taken {
    const key = JSON.stringify([value, context.fence, context.nonces, event.type === 'granted' ? { ...event, heldUntil: event.heldUntil - now } : event])
    let result = taken.get(key)
    if (result === undefined) {
      const atZero = event.type === 'granted' ? { ...event, heldUntil: event.heldUntil - now, now: 0 } : event
      result = transition(machine, machine.resolveState({ value, context: { ...context, heldUntil: 0 } }), atZero) as unknown as Taken
      taken.set(key, result)
    }
    const [snapshot, commands] = result
    const holds = snapshot.matches('held')
    const heldUntil = !holds ? 0 : event.type === 'granted' ? event.heldUntil : context.heldUntil
    return [{ ...snapshot, context: { ...snapshot.context, heldUntil } } as Snapshot, commands]
  }

  function feed(state: LeaseSystemState, name: Name, contender: Contender, event: LeaseEvent): LeaseSystemState {
    const entered = enter(name, contender, state.now, step(contender, state.now, event), state.server)
    return { ...state, server: entered.server, [name]: entered.contender }
  }

  function start(): LeaseSystemState {
    const [snapshot] = initialTransition(machine, { ttlMs, retryMs: 1, nonceWrap: 3 })
    const idle: Contender = { value: snapshot.value, context: snapshot.context, request: null, due: {} }
    return names.reduce((state, name) => feed(state, name, state[name], { type: 'start' }), { now: 0, server: { holder: '', fence: 0, until: 0 }, a: idle, b: idle } as LeaseSystemState)
  }

  function decide(state: LeaseSystemState, name: Name, request: Request): LeaseSystemState {
    const { server, now } = state
    const held = server.holder !== '' && now < server.until
    if (request.kind === 'acquire') {
      if (held && server.holder !== name) return { ...state, [name]: { ...state[name], request: { ...request, answer: 0 } } }
      const fence = server.fence + 1
      return { ...state, server: { holder: name, fence, until: now + ttlMs }, [name]: { ...state[name], request: { ...request, answer: fence } } }
    }
    const good = held && server.holder === name && server.fence === request.fence
    return { ...state, server: good ? { ...server, until: now + ttlMs } : server, [name]: { ...state[name], request: { ...request, answer: good ? request.fence : 0 } } }
  }

  return {
    name: 'two contenders for a lease',
    init: () => [start()],
    key: relative,
    events(state: LeaseSystemState): LeaseSystemEvent[] {
      return [
        { type: 'tick' },
        ...names.flatMap((by): LeaseSystemEvent[] => {
          const { request, due } = state[by]
          return [
            ...(request === null ? [] : request.answer === undefined ? [{ type: 'decide', by } as const, { type: 'lose', by } as const] : [{ type: 'answer', by } as const, { type: 'lose', by } as const]),
            // A timer fires at its time or later: the event loop may be held up.
            ...Object.entries(due).filter(([, at]) => at <= state.now).map(([id]): LeaseSystemEvent => ({ type: 'timer', by, id })),
          ]
        }),
      ]
    },
    next(state: LeaseSystemState, event: LeaseSystemEvent): LeaseSystemState | undefined {
      if (event.type === 'tick') return { ...state, now: state.now + 1 }
      const name = event.by as Name
      const contender = state[name]
      const { request } = contender
      switch (event.type) {
        case 'decide':
          return decide(state, name, request as Request)
        case 'lose':
          return feed(state, name, { ...contender, request: null }, { type: 'failed', ask: (request as Request).ask })
        case 'answer': {
          const { ask, answer, sentAt } = request as Request
          const heldUntil = (countFromReply ? state.now : sentAt) + ttlMs
          return feed(state, name, { ...contender, request: null }, answer === 0 ? { type: 'denied', ask } : { type: 'granted', ask, fence: answer as number, heldUntil, now: state.now })
        }
        default: {
          const id = event.id as string
          return feed(state, name, contender, { type: 'timer', id, nonce: contender.context.nonces.running[id] as number })
        }
      }
    },
  }
}

/** Times count from now and fences from the server's: what is over, or older, is so however long ago. */
function relative({ now, server, ...contenders }: LeaseSystemState): unknown {
  const left = (at: number): number => Math.max(0, at - now)
  const isLatest = (fence: number): boolean => fence === server.fence
  return [server.holder, left(server.until), ...names.map((name) => {
    const { value, context, request, due } = contenders[name]
    return [
      value, isLatest(context.fence), left(context.heldUntil), Object.entries(due).map(([id, at]) => [id, left(at)]).sort(),
      request && [request.kind, request.ask === context.nonces.running['ask'], isLatest(request.fence), left(request.sentAt + ttlMs), request.answer === 0 ? 0 : request.answer !== undefined && (isLatest(request.answer) ? 2 : 1)],
    ]
  })]
}

/** As `isHeld` does: the deadline counts, whether or not the timer has been heard of. */
const believes = (state: LeaseSystemState, name: Name): boolean => state[name].context.heldUntil > state.now

export const leaseSystemProperties = {
  invariants: {
    'one at most believes that it holds': (state: LeaseSystemState) => !(believes(state, 'a') && believes(state, 'b')),
    'who believes that it holds has the highest fence given': (state: LeaseSystemState) => names.every((name) => !believes(state, name) || state[name].context.fence === state.server.fence),
  },
  steps: {
    'the fence of the server strictly increases with every grant': (before: LeaseSystemState, _event: LeaseSystemEvent, after: LeaseSystemState) =>
      after.server.fence > before.server.fence || (after.server.fence === before.server.fence && (after.server.holder === before.server.holder || after.server.holder === '')),
  },
  reachable: {
    'b holds after a did': (state: LeaseSystemState) => state.a.context.fence > 0 && believes(state, 'b'),
    'a believes no more, and the server does not know yet': (state: LeaseSystemState) => !believes(state, 'a') && state.server.holder === 'a' && state.now < state.server.until,
  },
}
