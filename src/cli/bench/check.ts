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

/** CPU seconds of this process so far: the two sides of a ratio are measured at different times, and what else the machine does then should count for neither. */
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000_000
}

/**
 * Measures the checker on models under a byte budget, as one machine and as a product, beside XState's own adjacency map of the same machine.
 *
 * Both get the same machine, input and events, and come to the same states. The map takes each event once and keeps every successor under the JSON text
 * of its state; the checker takes each event twice, holds two invariants and keeps the way to every state. The ratio is that of states per CPU second.
 */
export async function benchCheck({ rounds = 5, models = 4 }: CheckBenchOptions = {}): Promise<BenchResult> {
  const { getAdjacencyMap } = await import('xstate/graph')
  const tried: number[] = []
  const states: number[] = []
  const statesPerCpu: number[] = []
  let found = 0
  const bytes: number[] = []
  const machine = (): number => {
    let steps = 0
    const cpu = cpuSeconds()
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
    statesPerCpu.push(result.states / (cpuSeconds() - cpu))
    found = result.states
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
  const adjacency = (): { perSecond: number; perCpu: number } => {
    const cpu = cpuSeconds()
    const start = now()
    const map = getAdjacencyMap(memoryMachine, { events: (snapshot) => memoryEvents(snapshot), input: { models } })
    const count = Object.keys(map).length
    if (count !== found) throw new Error(`xstate/graph found ${count} states and the checker ${found}: they did not do the same work`)
    return { perSecond: perSecond(count, start, now()), perCpu: count / (cpuSeconds() - cpu) }
  }
  const ours = await interleave(rounds, { machine, product: asProduct })
  // The other side is measured once: it may take minutes.
  const theirs = adjacency()
  return {
    bench: 'check',
    figures: {
      machine: figure(ours.machine, 'transitions/s'),
      // The first round only warms up.
      'events tried': figure(tried.slice(1), 'events/s'),
      'machine states': figure(states.slice(1), 'states/s'),
      product: figure(ours.product, 'states/s'),
      'product state': figure(bytes.slice(1), 'bytes'),
      'xstate/graph': figure([theirs.perSecond], 'states/s'),
    },
    ratios: { 'machine / xstate/graph': median(statesPerCpu.slice(1)) / theirs.perCpu },
  }
}
