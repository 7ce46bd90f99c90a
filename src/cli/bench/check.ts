import { checkMachine } from '../../check/check.ts'
import { explore } from '../../check/explore.ts'
import { Judge } from '../../check/judge.ts'
import { ProductSpace } from '../../check/product-space.ts'
import { withTraps } from '../../check/traps.ts'
import { systemClock } from '../../kernel/clock.ts'
import { figure, median, type BenchResult } from './figures.ts'
import { interleave, type Target } from './harness.ts'
import { memoryEvents, memoryInvariants, memoryMachine } from './memory-model.ts'
import { memoryProduct, memoryProductInvariants } from './memory-product.ts'

export interface CheckBenchOptions {
  /** Rounds of each measurement; the median counts. Default 5. */
  rounds?: number
  /** Models that share the memory. Default 4: 29,822 states as a machine. */
  models?: number
}

export const checkTargets: readonly Target[] = [
  { name: 'machine', atLeast: 200_000 },
  { name: 'product', atLeast: 150_000 },
  { name: 'product state', atMost: 48 },
  { name: 'machine / xstate/graph', atLeast: 50 },
]

const now = systemClock.monotonic.bind(systemClock)
const perSecond = (count: number, from: number, to: number): number => count / ((to - from) / 1000)

/** Measures the checker on models under a byte budget, as one machine and as a product, beside XState's own adjacency map of the same machine. */
export async function benchCheck({ rounds = 5, models = 4 }: CheckBenchOptions = {}): Promise<BenchResult> {
  const { getAdjacencyMap } = await import('xstate/graph')
  const tried: number[] = []
  const states: number[] = []
  const bytes: number[] = []
  const machine = (): number => {
    let steps = 0
    const start = now()
    const result = checkMachine(memoryMachine, {
      events: (snapshot) => {
        const events = memoryEvents(snapshot)
        steps += events.length
        return events
      },
      input: { models }, invariants: memoryInvariants,
    })
    const end = now()
    tried.push(perSecond(steps, start, end))
    states.push(perSecond(result.states, start, end))
    return perSecond(result.transitions, start, end)
  }
  const asProduct = (): number => {
    const start = now()
    const space = withTraps((traps) => {
      const searched = new ProductSpace(memoryProduct(models).product, traps)
      const { parent, via } = explore(searched, new Judge(searched, { invariants: memoryProductInvariants }), { maxStates: Infinity, edges: false })
      bytes.push((searched.bytes + parent.bytes + via.bytes) / searched.size)
      return searched
    })
    return perSecond(space.size, start, now())
  }
  const adjacency = (): number => {
    const start = now()
    const map = getAdjacencyMap(memoryMachine, { events: (snapshot) => memoryEvents(snapshot), input: { models } })
    return perSecond(Object.keys(map).length, start, now())
  }
  const ours = await interleave(rounds, { machine, product: asProduct })
  // The first round only warms up. The other side is measured once: it may take minutes.
  const [counted, theirs] = [states.slice(1), adjacency()]
  return {
    bench: 'check',
    figures: {
      machine: figure(ours.machine, 'transitions/s'),
      'events tried': figure(tried.slice(1), 'events/s'),
      'machine states': figure(counted, 'states/s'),
      product: figure(ours.product, 'states/s'),
      'product state': figure(bytes.slice(1), 'bytes'),
      'xstate/graph': figure([theirs], 'states/s'),
    },
    ratios: { 'machine / xstate/graph': median(counted) / theirs },
  }
}
