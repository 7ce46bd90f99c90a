import { simulate } from '../../sim/simulate.ts'
import type { SimResult, SimulateOptions } from '../../sim/simulate.ts'
import { HivemindError } from '../../kernel/errors.ts'
import { figure, type BenchResult } from './figures.ts'
import { interleave, type Target } from './harness.ts'

export interface SimBenchOptions {
  /** Rounds of each measurement, each with a seed of its own; the median counts. Default 5. */
  rounds?: number
  /** Virtual time of a round, ms. Default 60,000. */
  virtualMs?: number
}

const nodes = 3

export const simTargets: readonly Target[] = [
  { name: 'speed', atLeast: 1_000 },
  { name: 'messages', atLeast: 100 },
]

/** A run that was to be measured found something: that is worth more than its figure. */
class SimulationFailed extends HivemindError {
  constructor({ seed, problems }: SimResult) {
    super('simulation_failed', `seed ${seed} failed while it was measured: ${problems[0]?.property}: ${problems[0]?.detail}`, false)
  }
}

/** Posts of all nodes come to 60 a second, and the answers to them to as many. */
const subjects = {
  /** Each node posts 4 messages every 200 ms. */
  calm: { load: { burst: 4, everyMs: 200 }, faults: [] },
  /** As many, all at once each second: larger batches, fewer packets. */
  bursts: { load: { burst: 20, everyMs: 1_000 }, faults: [] },
  /** Every kind of fault, about one a second: while nodes or the server are down, fewer messages get through. */
  faults: { load: { burst: 4, everyMs: 200 } },
} as const satisfies Record<string, Partial<SimulateOptions>>
type Subject = keyof typeof subjects

/** Measures how much faster than real time whole nodes are simulated: 3 of them, that exchange more than 100 messages in a virtual second. */
export async function benchSim({ rounds = 5, virtualMs = 60_000 }: SimBenchOptions = {}): Promise<BenchResult> {
  const results: Record<Subject, SimResult[]> = { calm: [], bursts: [], faults: [] }
  const alone: number[] = []
  let seed = 0
  const run = async (name: Subject): Promise<number> => {
    const before = process.cpuUsage()
    const result = await simulate({ seed: ++seed, nodes, virtualMs, mode: 'safety', ...subjects[name] })
    if (!result.ok) throw new SimulationFailed(result)
    results[name].push(result)
    const { user, system } = process.cpuUsage(before)
    if (name === 'calm') alone.push(result.virtualMs / ((user + system) / 1_000))
    return result.virtualMs / result.realMs
  }
  const speeds = await interleave(rounds, { calm: () => run('calm'), bursts: () => run('bursts'), faults: () => run('faults') })
  // The first round only warms up.
  const of = (name: Subject, value: (result: SimResult) => number): number[] => results[name].slice(1).map(value)
  const perSecond = (name: Subject, count: 'messages' | 'packets' | 'steps'): number[] => of(name, (result) => (result[count] / result.virtualMs) * 1_000)
  return {
    bench: 'sim',
    figures: {
      speed: figure(speeds.calm, 'times real time'),
      // What it would be on a machine that does nothing else.
      'speed, by processor time': figure(alone.slice(1), 'times real time'),
      messages: figure(perSecond('calm', 'messages'), 'messages/virtual s'),
      packets: figure(perSecond('calm', 'packets'), 'packets/virtual s'),
      'virtual time': figure(of('calm', (result) => result.virtualMs / 1_000), 's'),
      'real time': figure(of('calm', ({ realMs }) => realMs / 1_000), 's'),
      'a packet': figure(of('calm', ({ realMs, packets }) => (realMs / packets) * 1_000), 'us'),
      'speed, in bursts': figure(speeds.bursts, 'times real time'),
      'messages, in bursts': figure(perSecond('bursts', 'messages'), 'messages/virtual s'),
      'packets, in bursts': figure(perSecond('bursts', 'packets'), 'packets/virtual s'),
      'speed, with faults': figure(speeds.faults, 'times real time'),
      'messages, with faults': figure(perSecond('faults', 'messages'), 'messages/virtual s'),
      'packets, with faults': figure(perSecond('faults', 'packets'), 'packets/virtual s'),
    },
    ratios: {},
  }
}
