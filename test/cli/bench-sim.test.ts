import { expect, it } from 'vitest'
import { judge } from '../../src/cli/bench/harness.ts'
import { benchSim, simTargets } from '../../src/cli/bench/sim.ts'

it('measures every figure that has a target', async () => {
  const result = await benchSim({ rounds: 1, virtualMs: 4_000 })
  expect(judge(result, simTargets).filter((line) => line.includes('not measured'))).toEqual([])
  expect(result.figures['messages']!.median).toBeGreaterThan(90)
  for (const { median, min, max } of Object.values(result.figures)) {
    expect(min).toBeGreaterThan(0)
    expect(median >= min && max >= median).toBe(true)
  }
}, 60_000)
