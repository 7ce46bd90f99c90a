import { expect, it } from 'vitest'
import { commandOf } from '../../src/sim/shrink.ts'
import { simulate } from '../../src/sim/simulate.ts'
import type { SimulateOptions } from '../../src/sim/simulate.ts'

/** SIM_SEEDS: how many, from SIM_FROM on. */
const seeds = Number(process.env['SIM_SEEDS'] ?? 300)
const from = Number(process.env['SIM_FROM'] ?? 1)

it(`${seeds} seeds: nothing bad happens, and when the faults stop all comes to its end`, async () => {
  for (let seed = from; seed < from + seeds; seed++) {
    // Every sixth is a busy one.
    const options: SimulateOptions = { seed, nodes: 3, virtualMs: 6_000, load: seed % 6 === 0 ? { burst: 8, everyMs: 100 } : { burst: 2, everyMs: 250 } }
    const { problems } = await simulate(options)
    expect(problems, commandOf(options)).toEqual([])
  }
}, 3_600_000)
