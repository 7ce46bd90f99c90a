import { assign, setup } from 'xstate'
import { channel, part, product, type Model } from '../../check/index.ts'
import { budgetOf, mostLeases, sizeOf } from './memory-model.ts'

type LifecycleEvent = { type: 'want' | 'granted' | 'refused' | 'loaded' | 'lease' | 'release' | 'drain' | 'unloaded' }

/** One model: asks for its bytes, is loaded, leased, drained, and gives them back. */
const lifecycle = setup({
  types: { context: {} as { leases: number }, events: {} as LifecycleEvent },
  actions: {
    reserve: () => {},
    free: () => {},
    lease: assign({ leases: ({ context }) => context.leases + 1 }),
    release: assign({ leases: ({ context }) => context.leases - 1 }),
  },
  guards: { mayLease: ({ context }) => context.leases < mostLeases, isLeased: ({ context }) => context.leases > 0, isLast: ({ context }) => context.leases === 1, isFree: ({ context }) => context.leases === 0 },
}).createMachine({
  id: 'lifecycle',
  context: { leases: 0 },
  initial: 'out',
  states: {
    out: { on: { want: { target: 'asking', actions: 'reserve' } } },
    asking: { on: { granted: 'loading', refused: 'out' } },
    loading: { on: { loaded: 'ready' } },
    ready: {
      on: {
        lease: { guard: 'mayLease', actions: 'lease' },
        release: { guard: 'isLeased', actions: 'release' },
        drain: [{ guard: 'isFree', target: 'unloading' }, { target: 'draining' }],
      },
    },
    draining: { on: { release: [{ guard: 'isLast', target: 'unloading', actions: 'release' }, { guard: 'isLeased', actions: 'release' }] } },
    unloading: { on: { unloaded: { target: 'out', actions: 'free' } } },
  },
})

interface Ledger {
  reserved: readonly boolean[]
}
interface LedgerEvent {
  type: 'reserve' | 'free'
  model: number
}

const total = (reserved: readonly boolean[]): number => reserved.reduce((sum, is, model) => (is ? sum + sizeOf(model) : sum), 0)
const within = (reserved: readonly boolean[]): boolean => total(reserved) <= budgetOf(reserved.length)

/** Keeps the bytes. */
function ledger(models: number): Model<Ledger, LedgerEvent> {
  const fits = ({ reserved }: Ledger, model: number): boolean => within(reserved.with(model, true))
  return {
    init: { reserved: Array.from({ length: models }, () => false) },
    events: [],
    next: (state, { type, model }) => (type === 'free' || fits(state, model) ? { reserved: state.reserved.with(model, type === 'reserve') } : { ...state }),
    commands: (state, { type, model }) => (type === 'free' ? [] : [{ type: fits(state, model) ? 'granted' : 'refused', params: { model } }]),
  }
}

const own: readonly LifecycleEvent[] = (['want', 'loaded', 'lease', 'release', 'drain', 'unloaded'] as const).map((type) => ({ type }))

/** The models of the memory machine, each a machine of its own, and a ledger they talk to. */
export function memoryProduct(models: number) {
  const names = Array.from({ length: models }, (_, model) => `model${model}`)
  return product({
    name: 'memory product',
    parts: {
      ...Object.fromEntries(names.map((name, model) => [name, part(lifecycle, {
        events: own,
        send: ({ type }) => (type === 'reserve' || type === 'free' ? { channel: 'asks', message: { type, model } } : undefined),
        receive: (answer: 'granted' | 'refused') => ({ type: answer }),
      })])),
      ledger: part(ledger(models), { send: ({ type, params }) => ({ channel: `answers${params.model}`, message: type }), receive: (ask: LedgerEvent) => ask }),
    },
    channels: {
      asks: channel({ to: 'ledger', capacity: 2 }),
      ...Object.fromEntries(names.map((name, model) => [`answers${model}`, channel({ to: name, capacity: 1 })])),
    },
  })
}

export const memoryProductInvariants = { 'reserved stays within the budget': ({ parts }: any): boolean => within(parts.ledger.reserved) }
