import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandOf, shrink } from '../../src/sim/shrink.ts'
import { simulate } from '../../src/sim/simulate.ts'
import type { SimulateOptions } from '../../src/sim/simulate.ts'

const short: Omit<SimulateOptions, 'seed'> = { virtualMs: 6_000, load: { burst: 2, everyMs: 250 } }

/** The first of these seeds that finds something. */
async function firstFailure(seeds: number, options: Omit<SimulateOptions, 'seed'>, from = 1) {
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ ...options, seed })
    if (!result.ok) return result
  }
  return undefined
}

describe('one seed is one run', () => {
  it('gives the same trace again, in this process and in another', async () => {
    const [one, two, other] = [await simulate({ ...short, seed: 11 }), await simulate({ ...short, seed: 11 }), await simulate({ ...short, seed: 12 })]
    expect(two.traceHash).toBe(one.traceHash)
    expect(two.steps).toBe(one.steps)
    expect(other.traceHash).not.toBe(one.traceHash)
    const script = `import('${new URL('../../src/sim/simulate.ts', import.meta.url).pathname}').then(async ({ simulate }) => console.log((await simulate(${JSON.stringify({ ...short, seed: 11 })})).traceHash))`
    expect(execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { encoding: 'utf8' }).trim()).toBe(one.traceHash)
  })

  it('leaves no timer and no setImmediate of its own behind', async () => {
    const before = globalThis.setImmediate
    await simulate({ ...short, seed: 3, mode: 'safety' })
    expect(globalThis.setImmediate).toBe(before)
  })
})

describe('mistakes are found', () => {
  it.each([
    ['a message id is not remembered', { noDedupe: true }, 'exactly once'],
    ['an acknowledgement without its effects', { ackWithoutEffects: true }, 'effects before the acknowledgement'],
    ['a lease for whoever asks', { leaseForAll: true }, 'at most one holder'],
    ['a fence given twice', { sameFence: true }, 'fences strictly increase'],
    ['a version that is not compared', { noCompare: true }, 'linearizable'],
  ] as const)('%s', async (_, defects, property) => {
    const found = await firstFailure(10, { ...short, defects })
    expect(found?.problems.map((problem) => problem.property)).toContain(property)
  })

  it('nothing sent again to a server that lost its last second', async () => {
    const found = await firstFailure(20, { ...short, faults: ['server'], load: { burst: 2, everyMs: 50 }, defects: { noRepeat: true } })
    expect(found?.problems[0]).toMatchObject({ property: 'progress', detail: expect.stringContaining('acknowledged') as string })
  })

  it('readers that are not told that the server came back without its last entries', async () => {
    const crashes: Omit<SimulateOptions, 'seed'> = { virtualMs: 6_000, load: { burst: 8, everyMs: 100 }, faults: ['server'] }
    const found = await firstFailure(10, { ...crashes, defects: { noReset: true } }, 30)
    expect(found?.problems[0]?.property).toBe('order per room')
    expect((await simulate({ ...crashes, seed: found!.seed })).problems).toEqual([])
  })

  it('a commit by an owner that was replaced', async () => {
    const found = await firstFailure(10, { virtualMs: 40_000, mode: 'safety', faults: ['pause'], load: { burst: 2, everyMs: 250 }, defects: { noFence: true } })
    expect(found?.problems[0]?.property).toMatch(/^(a stale owner is refused|exactly once|a stale fence is refused)$/)
  })
})

describe('a failing seed', () => {
  it('is shrunk to the faults it needs, and its line runs it again', async () => {
    const defects = { noRepeat: true }
    const failing = await firstFailure(20, { ...short, faults: ['server', 'clock', 'lossy'], load: { burst: 2, everyMs: 50 }, defects })
    const shrunk = await shrink({ ...short, faults: ['server', 'clock', 'lossy'], load: { burst: 2, everyMs: 50 }, defects, seed: failing!.seed })
    expect(shrunk!.result.ok).toBe(false)
    expect(shrunk!.result.faults.map(({ kind }) => kind)).toEqual(['server'])
    expect(commandOf(shrunk!.options)).toMatch(new RegExp(`^hivemind sim --seed ${failing!.seed} --ms \\d+ --load 2/50 --faults server,clock,lossy --only \\d+$`))
    expect((await simulate(shrunk!.options)).traceHash).toBe(shrunk!.result.traceHash)
  })

  it('has nothing to shrink when it does not fail', async () => {
    expect(await shrink({ ...short, seed: 1, faults: [] })).toBeUndefined()
  })
})
