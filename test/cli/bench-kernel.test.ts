import { expect, it } from 'vitest'
import { judge, loadPeer } from '../../src/cli/bench/harness.ts'
import { benchKernel, kernelTargets } from '../../src/cli/bench/kernel.ts'

it('measures every figure that has a target', async () => {
  const result = await benchKernel({ rounds: 1, messages: 1000, cells: 500 })
  expect(judge(result, kernelTargets).filter((line) => line.includes('not measured'))).toEqual([])
  for (const { median, min, max, unit } of Object.values(result.figures)) {
    expect(min).toBeGreaterThan(0)
    expect(median >= min && max >= median).toBe(true)
    expect(unit).not.toBe('')
  }
  // Size does not depend on what else the machine does.
  expect(result.figures['idle cell']?.median).toBeLessThan(2048)
})

it('says pass or fail per target', () => {
  const figures = { speed: { median: 5, min: 1, max: 9, unit: 'us' } }
  const targets = [{ name: 'speed', atMost: 5 }, { name: 'speed', atMost: 4 }, { name: 'ratio', atLeast: 2 }, { name: 'other', atLeast: 1 }]
  expect(judge({ bench: 'x', figures, ratios: { ratio: 1.5 } }, targets).map((line) => line.slice(0, 4))).toEqual(['pass', 'FAIL', 'FAIL', 'FAIL'])
})

it('names a peer that is not installed, and what to do', async () => {
  await expect(loadPeer('no-such-peer')).rejects.toMatchObject({ code: 'peer_missing', message: expect.stringMatching(/"no-such-peer".*npm ci/) })
})
