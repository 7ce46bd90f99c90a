import { assign, setup } from 'xstate'

/** Bytes of the nth model, from 0: 1, 2, 3... */
export const sizeOf = (model: number): number => model + 1
/** All models at once do not fit. */
export const budgetOf = (models: number): number => (models * (models + 1)) / 2 - 1
export const mostLeases = 6

type At = 'out' | 'loading' | 'ready' | 'draining' | 'unloading'
interface Resident {
  at: At
  leases: number
}

export type MemoryEvent =
  | { type: 'load' | 'loaded' | 'failed' | 'lease' | 'release' | 'drain' | 'unloaded'; model: number }
  | { type: 'pressure' }
  | { type: 'relief' }

interface Context {
  models: readonly Resident[]
}
type Args = { context: Context; event: MemoryEvent }

const subject = ({ context, event }: Args): Resident => context.models['model' in event ? event.model : 0]!
const reserved = ({ models }: Context): number => models.reduce((sum, { at }, model) => (at === 'out' ? sum : sum + sizeOf(model)), 0)
const put = (change: (model: Resident) => Resident) => ({ context, event }: Args) => {
  const models = context.models.slice()
  if ('model' in event) models[event.model] = change(models[event.model]!)
  return { models }
}

/** Some models under a byte budget: loaded while they fit, leased while there is room to breathe, drained before they are unloaded. */
export const memoryMachine = setup({
  types: { context: {} as Context, events: {} as MemoryEvent, input: {} as { models: number } },
  actions: {
    begin: assign(put(() => ({ at: 'loading', leases: 0 }))),
    arrive: assign(put(() => ({ at: 'ready', leases: 0 }))),
    lease: assign(put(({ at, leases }) => ({ at, leases: leases + 1 }))),
    release: assign(put(({ at, leases }) => ({ at: at === 'draining' && leases === 1 ? 'unloading' : at, leases: leases - 1 }))),
    drain: assign(put(({ leases }) => ({ at: leases === 0 ? 'unloading' : 'draining', leases }))),
    leave: assign(put(() => ({ at: 'out', leases: 0 }))),
  },
  guards: {
    fits: (args) => subject(args).at === 'out' && reserved(args.context) + sizeOf((args.event as { model: number }).model) <= budgetOf(args.context.models.length),
    isLoading: (args) => subject(args).at === 'loading',
    mayLease: (args) => subject(args).at === 'ready' && subject(args).leases < mostLeases,
    isLeased: (args) => subject(args).leases > 0,
    isReady: (args) => subject(args).at === 'ready',
    isUnloading: (args) => subject(args).at === 'unloading',
  },
}).createMachine({
  id: 'memory',
  context: ({ input }) => ({ models: Array.from({ length: input.models }, () => ({ at: 'out', leases: 0 })) }),
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

const wanted = ['load', 'lease', 'release', 'drain'] as const
const reports: Record<At, readonly MemoryEvent['type'][]> = { out: [], loading: ['loaded', 'failed'], ready: [], draining: [], unloading: ['unloaded'] }

/** Anybody may ask for anything at any time; a load or unload is reported only when there is one. */
export function memoryEvents({ context }: { context: Context }): MemoryEvent[] {
  const events: MemoryEvent[] = [{ type: 'pressure' }, { type: 'relief' }]
  context.models.forEach(({ at }, model) => {
    for (const type of wanted) events.push({ type, model })
    for (const type of reports[at]) events.push({ type, model } as MemoryEvent)
  })
  return events
}

export const memoryInvariants = {
  'reserved stays within the budget': ({ context }: { context: Context }) => reserved(context) <= budgetOf(context.models.length),
  'unloading implies no lease': ({ context }: { context: Context }) => context.models.every(({ at, leases }) => at !== 'unloading' || leases === 0),
}
