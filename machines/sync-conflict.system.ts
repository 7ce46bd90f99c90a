import { syncConflictMachine, type SyncConflictEvent } from './sync-conflict.ts'
import { tabulate, type Tabled, type Taken } from './tabulate.ts'

type Machine = typeof syncConflictMachine
type Name = 'a' | 'b'
type Request = 'overwrite' | 'keepBeside' | 'forget' | 'showTheirs'

/** Somebody who settles the conflict: what was shown, what was chosen, the machine, and the request on its way. */
interface Settler {
  choice: 'ours' | 'theirs' | 'both'
  machine: Tabled<Machine>
  ours: string
  ask: Request | ''
  /** The shared version that was found instead of the one shown. */
  found: number
}

/** A conflict in a data folder, the shared record, and two processes of that folder that settle it at once. */
export interface SettlementState {
  /** `value` 1 and 2 are ours, before and after a later write joined; others are theirs. */
  shared: { version: number; value: string }
  beside: string
  row: { chain: number; ours: string; theirs: number } | null
  a: Settler | null
  b: Settler | null
  /** What the environment may still do. */
  remoteWrites: number
  amendments: number
  crashes: number
  starts: number
  /** For the properties: values of ours that are or were where everybody sees them, or were dropped by choice; whether an unseen version was written over. */
  settled: string
  clobbered: boolean
}

export interface SettlementEvent {
  type: 'settle' | 'serve' | 'loseRequest' | 'loseReply' | 'timer' | 'cancel' | 'crash' | 'remoteWrite' | 'amend'
  by?: Name
  choice?: Settler['choice']
}

const choices = ['ours', 'theirs', 'both'] as const
const names: readonly Name[] = ['a', 'b']

/** `machine` is another one when it is to be seen that the properties notice. `forgets` whatever our side has become: a mistake, to be found. */
export function settlementSystem(machine: Machine = syncConflictMachine, { forgetsAnything = false } = {}) {
  const table = tabulate(machine)

  function enter(settler: Settler, { state, commands }: Taken<Machine>): Settler | null {
    if (state.done) return null
    const request = commands.find(({ type }) => type !== 'startTimer' && type !== 'cancelTimer')
    return { ...settler, machine: state, ask: request === undefined ? settler.ask : (request.type as Request) }
  }

  function begin(state: SettlementState, by: Name, choice: Settler['choice']): SettlementState {
    const row = state.row as NonNullable<SettlementState['row']>
    const open = table.initial({ expect: row.theirs, chain: row.chain, maxAttempts: 2, retryMs: 1, nonceWrap: 1 })
    const settler: Settler = { choice, machine: open.state, ours: row.ours, ask: '', found: row.theirs }
    return { ...state, starts: state.starts - 1, [by]: send(settler, { type: 'choose', choice }) }
  }

  function send(settler: Settler, event: SyncConflictEvent): Settler | null {
    return enter(settler, table.take(settler.machine, event))
  }

  /** One atomic step of the store that is asked. */
  function carryOut(state: SettlementState, settler: Settler): { state: SettlementState; settler: Settler; reply: SyncConflictEvent } {
    const { row, shared } = state
    const isShown = row !== null && (forgetsAnything || row.chain === settler.machine.context.chain)
    switch (settler.ask as Request) {
      case 'overwrite': {
        if (shared.value === settler.ours) return { state, settler, reply: { type: 'written' } }
        if (shared.version !== settler.machine.context.expect) return { state, settler: { ...settler, found: shared.version }, reply: { type: 'moved' } }
        const clobbered = state.clobbered || shared.version !== settler.machine.context.expect
        return { state: { ...state, shared: { version: shared.version + 1, value: settler.ours }, settled: seen(state.settled, settler.ours), clobbered }, settler, reply: { type: 'written' } }
      }
      case 'keepBeside':
        return { state: { ...state, beside: settler.ours, settled: seen(state.settled, settler.ours) }, settler, reply: { type: 'written' } }
      case 'forget':
        if (row !== null && !isShown) return { state, settler, reply: { type: 'amended' } }
        return { state: { ...state, row: null, settled: settler.choice === 'theirs' ? seen(state.settled, settler.ours) : state.settled }, settler, reply: { type: 'noted' } }
      case 'showTheirs':
        if (!isShown) return { state, settler, reply: { type: 'amended' } }
        return { state: { ...state, row: { chain: settler.machine.context.chain, ours: settler.ours, theirs: settler.found } }, settler, reply: { type: 'noted' } }
    }
  }

  return {
    name: 'two settlements of one conflict',
    init: {
      shared: { version: 1, value: 'theirs' }, beside: '', row: { chain: 1, ours: 'ours 1', theirs: 1 }, a: null, b: null,
      remoteWrites: 1, amendments: 1, crashes: 1, starts: 2, settled: '', clobbered: false,
    } as SettlementState,
    key: ({ shared, beside, row, a, b, ...rest }: SettlementState) => JSON.stringify([shared, beside, row, keyOf(a), keyOf(b), Object.values(rest)]),
    events(state: SettlementState): SettlementEvent[] {
      return [
        ...(state.remoteWrites > 0 ? [{ type: 'remoteWrite' as const }] : []),
        ...(state.amendments > 0 && state.row !== null ? [{ type: 'amend' as const }] : []),
        ...names.flatMap((by): SettlementEvent[] => {
          const settler = state[by]
          if (settler === null) return state.row === null || state.starts === 0 ? [] : choices.map((choice) => ({ type: 'settle', by, choice }))
          return [
            ...(settler.ask === '' ? [] : [{ type: 'serve', by } as const, { type: 'loseRequest', by } as const, { type: 'loseReply', by } as const]),
            ...(settler.machine.context.nonces.running['again'] === undefined ? [] : [{ type: 'timer', by } as const]),
            { type: 'cancel', by },
            ...(state.crashes > 0 ? [{ type: 'crash', by } as const] : []),
          ]
        }),
      ]
    },
    next(state: SettlementState, { type, by = 'a', choice = 'ours' }: SettlementEvent): SettlementState {
      const settler = state[by] as Settler
      const answer = ({ state: after, settler: asked, reply }: ReturnType<typeof carryOut>): SettlementState => ({ ...after, [by]: send({ ...asked, ask: '' }, reply) })
      switch (type) {
        case 'settle':
          return begin(state, by, choice)
        case 'serve':
          return answer(carryOut(state, settler))
        case 'loseReply':
          return answer({ ...carryOut(state, settler), settler, reply: { type: 'failed' } })
        case 'loseRequest':
          return answer({ state, settler, reply: { type: 'failed' } })
        case 'timer':
          return { ...state, [by]: send(settler, { type: 'timer', id: 'again', nonce: settler.machine.context.nonces.running['again'] as number }) }
        case 'cancel':
          return { ...state, [by]: send(settler, { type: 'cancel' }) }
        case 'crash':
          return { ...state, crashes: state.crashes - 1, [by]: null }
        case 'remoteWrite':
          return { ...state, remoteWrites: 0, shared: { version: state.shared.version + 1, value: 'theirs too' } }
        case 'amend':
          return { ...state, amendments: 0, row: { chain: 2, ours: 'ours 2', theirs: state.shared.version } }
      }
    },
  }
}

const keyOf = (settler: Settler | null): unknown => settler && [settler.machine.id, settler.choice, settler.ours, settler.ask, settler.found]
const seen = (settled: string, value: string): string => [...new Set([...settled.split(',').filter((each) => each !== ''), value])].sort().join(',')
const wasSeen = (state: SettlementState, value: string): boolean => state.settled.split(',').includes(value)
/** The last state of our side. */
const ours = (state: SettlementState): string => (state.amendments > 0 ? 'ours 1' : 'ours 2')

export const settlementProperties = {
  invariants: {
    'our side is in the conflict, in the shared store, or was dropped by choice': (state: SettlementState) => state.row?.ours === ours(state) || wasSeen(state, ours(state)) || (state.row === null && state.amendments > 0 && wasSeen(state, 'ours 1')),
    'no version of theirs is written over that was not shown': (state: SettlementState) => !state.clobbered,
  },
  steps: {
    'theirs is written over only by a choice of ours, once for each': (before: SettlementState, event: SettlementEvent, after: SettlementState) =>
      after.shared === before.shared || event.type === 'remoteWrite' || before[event.by ?? 'a']?.choice === 'ours',
    'the conflict goes only when what it held is settled': (before: SettlementState, _event: SettlementEvent, after: SettlementState) =>
      before.row === null || after.row !== null || wasSeen(after, before.row.ours),
    'a conflict whose other side moved stays open': (before: SettlementState, event: SettlementEvent, after: SettlementState) =>
      before[event.by ?? 'a']?.ask !== 'showTheirs' || (before.row === null) === (after.row === null),
  },
  reachable: {
    'ours in the shared store and the conflict forgotten': (state: SettlementState) => state.row === null && state.shared.value.startsWith('ours'),
    'both are kept': (state: SettlementState) => state.row === null && state.beside !== '' && state.shared.value === 'theirs',
    'shown anew after it moved': (state: SettlementState) => state.row?.theirs === 2 && state.amendments > 0,
    'amended in the middle of a settlement': (state: SettlementState) => state.row?.chain === 2 && state.a?.machine.context.chain === 1,
  },
  leadsTo: {
    'a settlement comes to its end': {
      from: (state: SettlementState) => state.a !== null,
      to: (state: SettlementState) => state.a === null,
      weak: [function aIsServed(event: SettlementEvent) { return event.by === 'a' && event.type !== 'settle' }],
    },
  },
  mayStop: (state: SettlementState) => state.a === null && state.b === null,
}
