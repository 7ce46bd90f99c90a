import { expect, it } from 'vitest'
import { benchCheck, checkTargets } from '../../src/cli/bench/check.ts'
import { judge } from '../../src/cli/bench/harness.ts'

it('measures every figure that has a target', async () => {
  const result = await benchCheck({ rounds: 1, models: 2 })
  expect(judge(result, checkTargets).filter((line) => line.includes('not measured'))).toEqual([])
  for (const { median, min, max, unit } of Object.values(result.figures)) {
    expect(min).toBeGreaterThan(0)
    expect(median >= min && max >= median).toBe(true)
    expect(unit).not.toBe('')
  }
})
