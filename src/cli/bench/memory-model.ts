import { assign, setup } from 'xstate'

/** Bytes of four models; all of them at once do not fit. */
const sizes = [1, 2, 3, 4]
const budget = 9
const mostLeases = 6

type At = 'out' | 'loading' | 'ready' | 'draining' | 'unloading'
interface Resident {
  at: At
  leases: number
}

export type MemoryEvent =
  | { type: 'load' | 'loaded' | 'failed' | 'lease' | 'release' | 'drain' | 'unloaded'; model: number }
  | { type: 'pressure' }
  | { type: 'relief' }

type Args = { context: { models: readonly Resident[] }; event: MemoryEvent }

const subject = ({ context, event }: Args): Resident => context.models['model' in event ? event.model : 0]!
const reserved = (models: readonly Resident[]): number => models.reduce((sum, { at }, index) => (at === 'out' ? sum : sum + sizes[index]!), 0)
const put = (change: (model: Resident) => Resident) => ({ context, event }: Args) => {
  const models = context.models.slice()
  if ('model' in event) models[event.model] = change(models[event.model]!)
  return { models }
}

/** Four models under a byte budget: loaded while they fit, leased while there is room to breathe, drained before they are unloaded. */
export const memoryMachine = setup({
  types: { context: {} as Args['context'], events: {} as MemoryEvent },
  actions: {
    begin: assign(put(() => ({ at: 'loading', leases: 0 }))),
    arrive: assign(put(() => ({ at: 'ready', leases: 0 }))),
    lease: assign(put(({ at, leases }) => ({ at, leases: leases + 1 }))),
    release: assign(put(({ at, leases }) => ({ at: at === 'draining' && leases === 1 ? 'unloading' : at, leases: leases - 1 }))),
    drain: assign(put(({ leases }) => ({ at: leases === 0 ? 'unloading' : 'draining', leases }))),
    leave: assign(put(() => ({ at: 'out', leases: 0 }))),
  },
  guards: {
    fits: (args) => subject(args).at === 'out' && reserved(args.context.models) + sizes[(args.event as { model: number }).model]! <= budget,
    isLoading: (args) => subject(args).at === 'loading',
    mayLease: (args) => subject(args).at === 'ready' && subject(args).leases < mostLeases,
    isLeased: (args) => subject(args).leases > 0,
    isReady: (args) => subject(args).at === 'ready',
    isUnloading: (args) => subject(args).at === 'unloading',
  },
}).createMachine({
  id: 'memory',
  context: { models: sizes.map(() => ({ at: 'out', leases: 0 })) },
  initial: 'calm',
  on: {
    loaded: { guard: 'isLoading', actions: 'arrive' },
    failed: { guard: 'isLoading', actions: 'leave' },
    release: { guard: 'isLeased', actions: 'release' },
    drain: { guard: 'isReady', actions: 'drain' },
    unloaded: { guard: 'isUnloading', actions: 'leave' },
  },
  states: {
    calm: {
      on: {
        load: { guard: 'fits', actions: 'begin' },
        lease: { guard: 'mayLease', actions: 'lease' },
        pressure: 'critical',
      },
    },
    critical: { on: { relief: 'calm' } },
  },
})

const wanted = (['load', 'lease', 'release', 'drain'] as const)
const asked: readonly MemoryEvent[][] = sizes.map((_, model) => wanted.map((type) => ({ type, model })))
const reports: Partial<Record<At, readonly MemoryEvent[][]>> = {
  loading: sizes.map((_, model) => [{ type: 'loaded', model }, { type: 'failed', model }]),
  unloading: sizes.map((_, model) => [{ type: 'unloaded', model }]),
}
const pressure: readonly MemoryEvent[] = [{ type: 'pressure' }, { type: 'relief' }]

/** Anybody may ask for anything at any time; a load or unload is reported only when there is one. */
export function memoryEvents({ context }: { context: Args['context'] }): MemoryEvent[] {
  return [...pressure, ...context.models.flatMap(({ at }, model) => [...asked[model]!, ...(reports[at]?.[model] ?? [])])]
}

export const memoryInvariants = {
  'reserved stays within the budget': ({ context }: { context: Args['context'] }) => reserved(context.models) <= budget,
  'unloading implies no lease': ({ context }: { context: Args['context'] }) => context.models.every(({ at, leases }) => at !== 'unloading' || leases === 0),
}
