import { simulate } from '../../src/sim/simulate.ts'
import type { SimResult, SimulateOptions } from '../../src/sim/simulate.ts'

/** The first of these seeds that finds something. */
export async function firstFailure(seeds: number, options: Omit<SimulateOptions, 'seed'>, from = 1): Promise<SimResult | undefined> {
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ ...options, seed })
    if (!result.ok) return result
  }
  return undefined
}
