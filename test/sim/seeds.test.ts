import { expect, it } from 'vitest'
import { simulate } from '../../src/sim/simulate.ts'

/** SIM_SEEDS: how many, from SIM_FROM on. */
const seeds = Number(process.env['SIM_SEEDS'] ?? 100)
const from = Number(process.env['SIM_FROM'] ?? 1)

it(`${seeds} seeds: nothing bad happens, and when the faults stop all comes to its end`, async () => {
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ seed, nodes: 3, virtualMs: 6_000, load: { burst: 2, everyMs: 250 } })
    expect(result.problems, `hivemind sim --seed ${seed} --nodes 3 --ms 6000 --load 2/250`).toEqual([])
  }
}, 600_000)
