import { expect, it } from 'vitest'
import { defects } from '../../src/sim/defects.ts'
import type { Defect } from '../../src/sim/defects.ts'
import { Groups } from '../../src/sim/rules/groups.ts'
import { simulate } from '../../src/sim/simulate.ts'
import type { SimulateOptions } from '../../src/sim/simulate.ts'
import { createLogCalls } from '../../src/sim/server/log.ts'
import { firstFailure } from './first-failure.ts'

type Options = Omit<SimulateOptions, 'seed' | 'defects'>
const ordinary: Options = { virtualMs: 6_000, load: { burst: 2, everyMs: 250 } }
const busy: Options = { virtualMs: 6_000, load: { burst: 8, everyMs: 100 } }

/** Where each is looked for, from which seed on, and what it breaks. */
const found: [defect: Defect, property: string, options: Options, from: number][] = [
  ['noDedupe', 'exactly once', ordinary, 1],
  ['noOwner', 'a stale owner is refused', busy, 18],
  ['ackWithoutEffects', 'effects before the acknowledgement', ordinary, 1],
  ['ackWithoutRecords', 'effects before the acknowledgement', ordinary, 1],
  ['attemptsLeap', 'only poison is buried', ordinary, 1],
  ['buryForgets', 'progress', ordinary, 1],
  ['rangeSkips', 'order per room', ordinary, 1],
  ['leaseForAll', 'at most one holder', ordinary, 1],
  ['leasesVolatile', 'at most one holder', { ...ordinary, faults: ['server'] }, 6],
  ['sameFence', 'fences strictly increase', ordinary, 1],
  ['fenceFromCounter', 'fences strictly increase', { virtualMs: 20_000, load: { burst: 1, everyMs: 1_000 }, faults: ['server', 'crash'] }, 31],
  ['noCompare', 'linearizable', ordinary, 1],
  ['ringForgets', 'must-arrive', ordinary, 1],
  ['noRepeat', 'no acknowledged post is lost', ordinary, 3],
  ['noReset', 'order per room', { ...busy, faults: ['server'] }, 56],
]

it.each(found)('%s breaks "%s"', async (defect, property, options, from) => {
  const failure = await firstFailure(8, { ...options, defects: { [defect]: true } }, from)
  expect(failure?.problems.map((problem) => problem.property), defects[defect]).toContain(property)
  expect((await simulate({ ...options, seed: failure!.seed })).problems, 'without the defect').toEqual([])
})

it('an owner of an earlier fence that is let through is seen', () => {
  const reported = (noFence: boolean): string[] => {
    const properties: string[] = []
    const { rooms, ...log } = createLogCalls(() => 1, () => undefined, { noFence })
    const groups = new Groups((property) => properties.push(property), () => rooms, new Map())
    log.open('r', { cap: 10, quotaBytes: 1_000, dedupeMs: 1_000, meta: null })
    log.append([{ room: 'r', messageId: 'm', body: '{}' }])
    log.openGroup('r', 'g', '0-0')
    const [earlier, now] = [{ name: 'n1/1', fence: 1 }, { name: 'n1/1', fence: 2 }]
    const [taken] = log.take('r', 'g', earlier, 1)
    groups.handed('r', 'g', earlier, [taken!], false)
    groups.handed('r', 'g', now, log.owned('r', 'g', now, { count: 1 }), false)
    const commit = { kind: 'work' as const, room: 'r', group: 'g', owner: earlier, entry: taken!.entry, effects: undefined }
    const [result] = log.commit([commit])
    if (result!.ok) groups.committed(commit)
    return properties
  }
  expect(reported(false)).toEqual([])
  expect(reported(true)).toEqual(['a stale fence is refused'])
})
