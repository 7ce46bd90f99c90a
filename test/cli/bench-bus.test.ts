import { expect, it } from 'vitest'
import { benchBus } from '../../src/cli/bench/bus.ts'

it('measures every figure and ratio against a peer of the same run, and leaves nothing on the server', async () => {
  const result = await benchBus({ rounds: 2, local: 10_000, mirrored: 2_000 })
  expect(result.bench).toBe('bus')
  expect(Object.keys(result.figures)).toEqual(['bus publish', 'RxJS Subject next', 'mirrored, ephemeral', 'mirrored, must-arrive', 'ioredis pub/sub'])
  for (const { median, min, max, unit } of Object.values(result.figures)) {
    expect(min).toBeGreaterThan(0)
    expect(median).toBeGreaterThanOrEqual(min)
    expect(max).toBeGreaterThanOrEqual(median)
    expect(unit).toMatch(/^(ns|messages\/s)$/)
  }
  expect(Object.keys(result.ratios)).toHaveLength(3)
  for (const ratio of Object.values(result.ratios)) expect(ratio).toBeGreaterThan(0)
}, 30_000)
