import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { Cancelled } from '../../src/kernel/errors.ts'
import { commandOf, shrink } from '../../src/sim/shrink.ts'
import { simulate } from '../../src/sim/simulate.ts'
import type { SimulateOptions } from '../../src/sim/simulate.ts'
import { firstFailure } from './first-failure.ts'

const short: Omit<SimulateOptions, 'seed'> = { virtualMs: 6_000, load: { burst: 2, everyMs: 250 } }

describe('one seed is one run', () => {
  it('gives the same trace again, in this process and in another', async () => {
    const [one, two, other] = [await simulate({ ...short, seed: 11 }), await simulate({ ...short, seed: 11 }), await simulate({ ...short, seed: 12 })]
    expect(two.traceHash).toBe(one.traceHash)
    expect(two.steps).toBe(one.steps)
    expect(other.traceHash).not.toBe(one.traceHash)
    const script = `import('${new URL('../../src/sim/simulate.ts', import.meta.url).pathname}').then(async ({ simulate }) => console.log((await simulate(${JSON.stringify({ ...short, seed: 11 })})).traceHash))`
    expect(execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { encoding: 'utf8' }).trim()).toBe(one.traceHash)
  }, 60_000)

  it('leaves no timer and no setImmediate of its own behind', async () => {
    const before = globalThis.setImmediate
    await simulate({ ...short, seed: 3, mode: 'safety' })
    expect(globalThis.setImmediate).toBe(before)
  })
})

describe('a failing seed', () => {
  it('is shrunk to the faults it needs, and its line runs it again', async () => {
    const defects = { noRepeat: true }
    const failing = await firstFailure(20, { ...short, faults: ['server', 'clock', 'lossy'], load: { burst: 2, everyMs: 50 }, defects })
    const shrunk = await shrink({ ...short, faults: ['server', 'clock', 'lossy'], load: { burst: 2, everyMs: 50 }, defects, seed: failing!.seed })
    expect(shrunk!.result.ok).toBe(false)
    expect(shrunk!.result.faults.map(({ kind }) => kind)).toEqual(['server'])
    expect(commandOf(shrunk!.options)).toMatch(new RegExp(`^hivemind sim --seed ${failing!.seed} --ms \\d+ --load 2/50 --faults server,clock,lossy --only \\d+ --defects noRepeat$`))
    expect((await simulate(shrunk!.options)).traceHash).toBe(shrunk!.result.traceHash)
  }, 60_000)

  it('ends when it is told to, and takes no fault that its seed has not', async () => {
    const ending = new AbortController()
    const run = simulate({ ...short, seed: 3, virtualMs: 600_000, signal: ending.signal })
    ending.abort()
    await expect(run).rejects.toThrow(Cancelled)
    await expect(simulate({ ...short, seed: 3, only: [0, 999] })).rejects.toThrow(/"only": seed 3 has no fault 999 of these kinds within 6000 ms: choose among 0, /)
    expect((await simulate({ ...short, seed: 3, mode: 'safety' })).problems).toEqual([])
  })

  it('has nothing to shrink when it does not fail', async () => {
    expect(await shrink({ ...short, seed: 1, faults: [] })).toBeUndefined()
  })
})
