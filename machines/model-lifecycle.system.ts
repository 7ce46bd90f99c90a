import { memoryPressureMachine, type MemoryPressureEvent } from './memory-pressure.ts'
import { modelLifecycleMachine, type ModelLifecycleEvent } from './model-lifecycle.ts'
import { tabulate, type Tabled } from './tabulate.ts'

type Lifecycle = typeof modelLifecycleMachine
type Pressure = typeof memoryPressureMachine

/** The models of one node and the memory that they share. */
export interface MemoryState {
  pressure: Tabled<Pressure>
  models: readonly Tabled<Lifecycle>[]
  /** Which models are taking bytes in truth, whatever is reserved. */
  taking: readonly boolean[]
  /** Which were loaded and have served nobody since, nor told anybody that they will not. */
  idleLoads: readonly number[]
}

export interface MemorySystemEvent {
  type: 'request' | 'deadline' | 'release' | 'loaded' | 'outOfMemory' | 'loadFailed' | 'loadTimeout' | 'unloaded' | 'unloadTimeout' | 'returned' | 'retry' | 'recover' | 'evict' | 'drain' | 'lost' | 'sample' | 'look'
  model?: number
  used?: number
}

export type Fault = 'outOfMemory' | 'loadFailed' | 'loadTimeout' | 'unloadTimeout' | 'lost'
export const allFaults: readonly Fault[] = ['outOfMemory', 'loadFailed', 'loadTimeout', 'unloadTimeout', 'lost']

export interface MemorySystemOptions {
  /** Bytes of each model. */
  sizes: readonly number[]
  budget: number
  /** What may go wrong, besides shortage, eviction at any time and memory that returns late. */
  faults: readonly Fault[]
  /** Models of one size are alike: states that differ only in who is who are merged. Safety only. */
  symmetric?: boolean
  lifecycle?: Lifecycle
  pressure?: Pressure
}

const levels = { elevated: 0.5, high: 0.7, critical: 0.9, margin: 0.1 }
/** Normal and critical; what lies between only asks for room, and room is made at any time here. */
const shares = [0.1, 0.95]
const answer = 'request r'

/** Whatever the models, the provider, the users and the rest of the machine may do: requests, evictions at any time, late memory, shortage. */
export function memorySystem({ sizes, budget, faults, symmetric = false, lifecycle = modelLifecycleMachine, pressure = memoryPressureMachine }: MemorySystemOptions) {
  const models = tabulate(lifecycle)
  const memory = tabulate(pressure)

  function init(): MemoryState {
    const each = sizes.map((bytes) => models.initial({ bytes, maxWaiting: 1, loadMs: 1, unloadMs: 1, returnMs: 1, retryMs: 1, backoff: { minMs: 1, maxMs: 1 }, nonceWrap: 1 }).state)
    return {
      pressure: memory.initial({ budget, levels, againMs: 1, patience: 1, nonceWrap: 1 }).state, models: each, taking: sizes.map(() => false), idleLoads: sizes.map(() => 0),
    }
  }

  /** Delivers an event, and all that comes of it, as one turn of the manager does. */
  function turn(state: MemoryState, first: Delivery): MemoryState {
    let { pressure: level } = state
    const each = [...state.models]
    const taking = [...state.taking]
    const idleLoads = [...state.idleLoads]
    const queue: Delivery[] = [first]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next.to === 'memory') {
        const taken = memory.take(level, next.event)
        level = taken.state
        for (const { type, params } of taken.commands) {
          if (type === 'reserved' || type === 'refused') queue.push({ to: Number(params.model), event: { type, ask: params.ask } })
          else if (type === 'pressure') for (const model of each.keys()) queue.push({ to: model, event: { type: 'pressure', critical: params.level === 'critical' } })
        }
        continue
      }
      const { to, event } = next
      const taken = models.take(each[to]!, event)
      each[to] = taken.state
      for (const { type, params } of taken.commands) {
        switch (type) {
          case 'reserve':
            queue.push({ to: 'memory', event: { type, model: String(to), ...params } as MemoryPressureEvent })
            break
          case 'free':
            queue.push({ to: 'memory', event: { type, model: String(to), ask: params.ask } })
            break
          case 'reclaim':
            queue.push({ to: 'memory', event: { type: 'short', bytes: params.bytes } })
            break
          case 'load':
            taking[to] = true
            idleLoads[to] = Math.min(idleLoads[to]! + 1, 3)
            break
          case 'grant':
          case 'reject':
            idleLoads[to] = 0
        }
      }
      if (['unloaded', 'failed', 'stopped', 'queued', 'retrying'].includes(each[to]!.value as string)) taking[to] = false
    }
    return { pressure: level, models: each, taking, idleLoads }
  }

  function events(state: MemoryState): MemorySystemEvent[] {
    const critical = state.pressure.context.level === 'critical'
    return [
      { type: 'sample', used: critical ? shares[0] : shares[1] },
      ...(state.pressure.context.nonces.running['again'] === undefined ? [] : [{ type: 'look' as const }]),
      ...state.models.flatMap(({ value, context }, model): MemorySystemEvent[] => {
        const own: MemorySystemEvent['type'][] = []
        if (!context.waiting.includes('r') && !context.leases.includes('r')) own.push('request')
        if (context.waiting.includes('r')) own.push('deadline')
        if (context.leases.includes('r')) own.push('release')
        if (value === 'loading') own.push('loaded', ...faults.filter((fault) => fault !== 'unloadTimeout'))
        if (value === 'retrying') own.push('retry')
        if (value === 'unloading') own.push('unloaded', ...faults.filter((fault) => fault === 'unloadTimeout'))
        if (value === 'returning') own.push('returned')
        if (value === 'failed') own.push('recover')
        if (value === 'loaded') own.push('evict', 'drain', ...faults.filter((fault) => fault === 'lost'))
        return own.map((type) => ({ type, model }))
      }),
    ]
  }

  function next(state: MemoryState, { type, model = 0, used = 0 }: MemorySystemEvent): MemoryState {
    const { nonces } = state.models[model]!.context
    const nonce = (id: string): number => nonces.running[id] as number
    const to = (event: ModelLifecycleEvent): MemoryState => turn(state, { to: model, event })
    const timer = (id: string): MemoryState => to({ type: 'timer', id, nonce: nonce(id) })
    switch (type) {
      case 'request': return to({ type: 'request', request: 'r', ms: 1 })
      case 'deadline': return timer(answer)
      case 'release': return to({ type: 'release', request: 'r' })
      case 'loaded': return to({ type: 'loaded', run: nonce('load') })
      case 'outOfMemory': return to({ type: 'loadFailed', run: nonce('load'), memory: true })
      case 'loadFailed': return to({ type: 'loadFailed', run: nonce('load'), memory: false })
      case 'loadTimeout': return timer('load')
      case 'unloaded': return to({ type: 'unloaded', run: nonce('unload') })
      case 'unloadTimeout': return timer('unload')
      case 'returned': return to({ type: 'returned' })
      case 'retry': return timer('retry')
      case 'recover': return timer('backoff')
      case 'evict': return to({ type: 'evict' })
      case 'drain': return to({ type: 'drain' })
      case 'lost': return to({ type: 'lost' })
      case 'sample': return turn(state, { to: 'memory', event: { type: 'sample', used } })
      case 'look': return turn(state, { to: 'memory', event: { type: 'timer', id: 'again', nonce: state.pressure.context.nonces.running['again'] as number } })
    }
  }

  /** Of the memory only what its models do not tell: the order of the queue, and how long the first has waited. */
  function key({ pressure: { id, context }, models: each, taking, idleLoads }: MemoryState): string {
    const own = each.map((model, index) => `${sizes[index]} ${model.id} ${taking[index]} ${idleLoads[index]} ${context.queue.findIndex((one) => one.model === String(index))}`)
    return symmetric ? `${context.level} ${context.looks} ${own.sort().join()}` : `${id} ${own.join()}`
  }

  return {
    name: `${sizes.length} models on one budget`,
    init: () => [init()],
    key,
    events,
    next,
  }
}

type Delivery = { to: 'memory'; event: MemoryPressureEvent } | { to: number; event: ModelLifecycleEvent }

const values = (state: MemoryState): string[] => state.models.map(({ value }) => value as string)
const holds = (value: string): boolean => ['loading', 'retrying', 'loaded', 'draining', 'unloading', 'returning'].includes(value)
const of = (state: MemoryState, model: number): { value: string; waits: boolean; uses: boolean } => {
  const { value, context } = state.models[model]!
  return { value: value as string, waits: context.waiting.length > 0, uses: context.leases.length > 0 }
}
const sizeOf = (state: MemoryState, model: number): number => state.models[model]!.context.bytes

export const memoryProperties = {
  invariants: {
    'what is reserved is within the budget': ({ pressure: { context } }: MemoryState) => context.reserved.reduce((sum, { bytes }) => sum + bytes, 0) <= context.budget,
    'so is what is taken': (state: MemoryState) => state.taking.reduce((sum, taking, model) => sum + (taking ? sizeOf(state, model) : 0), 0) <= state.pressure.context.budget,
    'who takes bytes has reserved them, under its present ask': ({ pressure: { context }, models }: MemoryState) => models.every((model, index) => holds(model.value as string) ===
      context.reserved.some((one) => one.model === String(index) && one.ask === model.context.nonces.running['ask'])),
    'who waits for bytes is in the queue, and nobody else': ({ pressure: { context }, models }: MemoryState) => models.every((model, index) =>
      (model.value === 'queued') === context.queue.some((one) => one.model === String(index) && one.ask === model.context.nonces.running['ask'])),
    'unloading implies that nobody uses it': (state: MemoryState) => state.models.every((_, index) => !of(state, index).uses || ['loaded', 'draining'].includes(of(state, index).value)),
    'every model knows whether it is critical': (state: MemoryState) => state.models.every(({ context }) => context.critical === (state.pressure.context.level === 'critical')),
    'no load after load with nobody served or told': (state: MemoryState) => state.idleLoads.every((loads) => loads <= 2),
  },
  steps: {
    'no lease is granted while it drains or the memory is critical': (before: MemoryState, _event: MemorySystemEvent, after: MemoryState) => after.models.every((model, index) =>
      model.context.leases.length <= before.models[index]!.context.leases.length || (after.pressure.context.level !== 'critical' && before.models[index]!.value !== 'draining')),
    'nobody who uses a model loses it but by losing the model': (before: MemoryState, event: MemorySystemEvent, after: MemoryState) => before.models.every((model, index) =>
      model.context.leases.length <= after.models[index]!.context.leases.length || (event.model === index && (event.type === 'release' || event.type === 'lost'))),
  },
  reachable: {
    'the budget is taken and somebody waits': (state: MemoryState) => state.pressure.context.queue.length > 0 && state.pressure.context.reserved.reduce((sum, { bytes }) => sum + bytes, 0) === state.pressure.context.budget,
    'one drains while another waits for its bytes': (state: MemoryState) => values(state).includes('draining') && values(state).includes('queued'),
    'memory returns late while another waits for it': (state: MemoryState) => values(state).includes('returning') && values(state).includes('queued'),
    'critical, and one in use': (state: MemoryState) => state.pressure.context.level === 'critical' && state.models.some(({ context }) => context.leases.length > 0),
  },
}

const is = (type: MemorySystemEvent['type'], model?: number) => Object.defineProperty(
  (event: MemorySystemEvent): boolean => event.type === type && (model === undefined || event.model === model) && event.used !== shares[1], 'name', { value: `${type} ${model ?? ''}`.trim() })

/** Of two models that do not fit together. */
export const memoryLiveness = {
  ...memoryProperties,
  leadsTo: {
    'a request leads to served or rejected': {
      from: (state: MemoryState): boolean => of(state, 0).waits,
      to: (state: MemoryState): boolean => !of(state, 0).waits,
      weak: [is('deadline', 0)],
    },
    'one that waits for bytes gets them, or gives up, when others are drained for it': {
      from: (state: MemoryState): boolean => of(state, 0).value === 'queued',
      to: (state: MemoryState): boolean => of(state, 0).value !== 'queued',
      strong: [is('sample'), is('drain', 1), is('release', 1), is('loaded', 1), is('unloaded', 1), is('returned', 1), is('retry', 1), is('recover', 1)],
    },
    'what is drained is unloaded when its lease ends': {
      from: (state: MemoryState): boolean => of(state, 0).value === 'draining',
      to: (state: MemoryState): boolean => !['draining', 'unloading', 'returning'].includes(of(state, 0).value),
      weak: [is('release', 0), is('returned', 0)],
      strong: [is('unloaded', 0)],
    },
  },
}
