import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { roomConsumerMachine, type RoomConsumerEvent } from './room-consumer.ts'

type Snapshot = SnapshotFrom<typeof roomConsumerMachine>
type Name = 'a' | 'b'
type Ask = 'acknowledge' | 'commit' | 'bury' | 'attempt'

/** A consumer with the entry in hand: the machine's state, its handler, and the request that is on its way. */
interface Holder {
  value: Snapshot['value']
  context: Snapshot['context']
  /** The attempt whose handler runs, 0 for none. */
  handler: number
  ask: Ask | ''
}

/** One entry in the log, and two consumers of its group. */
export interface GroupState {
  owner: Name | ''
  attempt: number
  /** Handlers that came to their end: effects outside the store. */
  handled: boolean
  /** How often the effects of a commit were applied. */
  effects: number
  acknowledged: boolean
  dead: boolean
  /** What the environment may still do. */
  crashes: number
  raids: number
  a: Holder | null
  b: Holder | null
}

export interface GroupEvent {
  type: 'take' | 'resume' | 'takeOver' | 'crash' | 'handled' | 'commit' | 'failed' | 'serve' | 'loseRequest' | 'loseReply' | 'refuse' | 'timer'
  by: Name
}

const maxAttempts = 2
const consumer = { maxAttempts, retry: { minMs: 1, maxMs: 1 }, nonceWrap: 2 }
const other = (name: Name): Name => (name === 'a' ? 'b' : 'a')
const settled = (state: GroupState): boolean => state.acknowledged || state.dead

function enter(holder: Holder, [snapshot, commands]: readonly [Snapshot, readonly { type: string; params?: unknown }[]]): Holder | null {
  if (snapshot.status === 'done') return null
  let { handler, ask } = holder
  for (const { type, params } of commands) {
    if (type === 'handle') handler = (params as { attempt: number }).attempt
    else if (type === 'abort') handler = 0
    else if (type !== 'startTimer' && type !== 'cancelTimer') ask = type as Ask
  }
  return { value: snapshot.value, context: snapshot.context, handler, ask }
}

/** What the log does with a request: one atomic step. */
function carryOut(state: GroupState, by: Name, ask: Ask): { state: GroupState; reply: RoomConsumerEvent } {
  if (state.owner !== by || settled(state)) return { state, reply: { type: 'stale' } }
  switch (ask) {
    case 'acknowledge':
      return { state: { ...state, acknowledged: true, owner: '' }, reply: { type: 'applied' } }
    case 'commit':
      return { state: { ...state, acknowledged: true, owner: '', effects: state.effects + 1 }, reply: { type: 'applied' } }
    case 'bury':
      return { state: { ...state, dead: true, owner: '' }, reply: { type: 'applied' } }
    case 'attempt': {
      // Counted no further than matters, so that there is an end of states.
      const attempt = Math.min(state.attempt + 1, maxAttempts + 1)
      return { state: { ...state, attempt }, reply: { type: 'attempted', attempt } }
    }
  }
}

function events(state: GroupState): GroupEvent[] {
  const all: GroupEvent[] = []
  for (const by of ['a', 'b'] as const) {
    const holder = state[by]
    const may = (type: GroupEvent['type'], when: boolean): void => {
      if (when) all.push({ type, by })
    }
    may('take', state.owner === '' && !settled(state) && holder === null)
    may('resume', state.owner === by && holder === null)
    may('takeOver', state.owner === other(by) && holder === null && (state.raids > 0 || state[other(by)] === null))
    may('crash', holder !== null && state.crashes > 0)
    if (!holder) continue
    may('handled', holder.handler !== 0)
    may('commit', holder.handler !== 0 && holder.value === 'handling')
    may('failed', holder.handler !== 0)
    for (const type of ['serve', 'loseRequest', 'loseReply'] as const) may(type, holder.ask !== '')
    may('refuse', holder.ask === 'commit')
    may('timer', Object.keys(holder.context.nonces.running).length > 0)
  }
  return all
}

/**
 * The machine in its surroundings: an entry of a work group, two consumers that each run the machine, a log that decides per
 * entry and owner, requests and replies that get lost, consumers that crash, come back, or are robbed while they work.
 */
export function consumerGroup(machine: typeof roomConsumerMachine = roomConsumerMachine) {
  const sent = new Map<string, Holder | null>()

  function begin(attempt: number, resumed: boolean): Holder | null {
    return enter({ value: 'delivered', context: {} as never, handler: 0, ask: '' }, initialTransition(machine, { ...consumer, attempt, resumed }) as never)
  }

  /** The machine's own transition; there are few different ones, so each is computed once. */
  function send(holder: Holder, event: RoomConsumerEvent): Holder | null {
    const key = JSON.stringify([holder, event])
    let after = sent.get(key)
    if (after === undefined) {
      const snapshot = machine.resolveState({ value: holder.value, context: holder.context } as never)
      after = enter(holder, transition(machine, snapshot, event) as never)
      sent.set(key, after)
    }
    return after
  }

  function next(state: GroupState, { type, by }: GroupEvent): GroupState {
    const holder = state[by] as Holder
    const to = (event: RoomConsumerEvent, changes: Partial<GroupState> = {}, after: Partial<Holder> = {}): GroupState =>
      ({ ...state, ...changes, [by]: send({ ...holder, ...after }, event) })
    switch (type) {
      case 'take':
        return { ...state, owner: by, attempt: 1, [by]: begin(1, false) }
      case 'resume':
        return { ...state, [by]: begin(state.attempt, true) }
      case 'takeOver': {
        const attempt = Math.min(state.attempt + 1, maxAttempts + 1)
        const raids = state[other(by)] === null ? state.raids : state.raids - 1
        return { ...state, owner: by, attempt, raids, [by]: begin(attempt, false) }
      }
      case 'crash':
        return { ...state, crashes: state.crashes - 1, [by]: null }
      case 'handled':
        return to({ type: 'handled', attempt: holder.handler }, { handled: true }, { handler: 0 })
      case 'commit':
        return to({ type: 'commit', attempt: holder.handler })
      case 'failed':
        return to({ type: 'failed', attempt: holder.handler }, {}, { handler: 0 })
      case 'serve': {
        const { state: log, reply } = carryOut(state, by, holder.ask as Ask)
        return to(reply, log, { ask: '' })
      }
      case 'loseReply':
        return to({ type: 'unknown' }, carryOut(state, by, holder.ask as Ask).state, { ask: '' })
      case 'loseRequest':
        return to({ type: 'unknown' }, {}, { ask: '' })
      case 'refuse':
        return to({ type: 'refused' }, {}, { ask: '' })
      case 'timer': {
        const [id, nonce] = Object.entries(holder.context.nonces.running)[0]!
        return to({ type: 'timer', id, nonce })
      }
    }
  }

  return {
    name: 'two consumers of one entry',
    init: { owner: '', attempt: 0, handled: false, effects: 0, acknowledged: false, dead: false, crashes: 1, raids: 1, a: null, b: null } as GroupState,
    events,
    next,
  }
}

export const consumerGroupProperties = {
  invariants: {
    'effects are applied at most once': (state: GroupState) => state.effects <= 1,
    'no acknowledgement before its effect': (state: GroupState) => !state.acknowledged || state.handled || state.effects === 1,
    'an entry is settled one way': (state: GroupState) => !(state.acknowledged && state.dead) && (state.effects === 0 || state.acknowledged),
    'a dead letter was tried as often as it may be': (state: GroupState) => !state.dead || state.attempt >= maxAttempts,
    'what is not settled is held by somebody or free to take': (state: GroupState) => settled(state) ? state.owner === '' : state.owner !== '' || state.attempt === 0,
  },
  reachable: {
    'effects applied': (state: GroupState) => state.effects === 1,
    'acknowledged without effects': (state: GroupState) => state.acknowledged && state.effects === 0,
    'dead letter': (state: GroupState) => state.dead,
    'both believe that they hold it': (state: GroupState) => state.a !== null && state.b !== null,
  },
  leadsTo: {
    'a pending entry leads to committed or dead-lettered': {
      from: (state: GroupState) => !settled(state),
      to: settled,
      weak: [
        (event: GroupEvent) => event.type === 'take' || event.type === 'resume' || event.type === 'takeOver',
        (event: GroupEvent) => event.by === 'a' && event.type === 'timer',
        (event: GroupEvent) => event.by === 'b' && event.type === 'timer',
        (event: GroupEvent) => event.by === 'a' && (event.type === 'handled' || event.type === 'failed'),
        (event: GroupEvent) => event.by === 'b' && (event.type === 'handled' || event.type === 'failed'),
      ],
      strong: [
        (event: GroupEvent) => event.by === 'a' && event.type === 'serve',
        (event: GroupEvent) => event.by === 'b' && event.type === 'serve',
      ],
    },
  },
  mayStop: (state: GroupState) => settled(state) && state.a === null && state.b === null,
}
