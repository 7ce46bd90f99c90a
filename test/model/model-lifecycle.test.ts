import { expect, it } from 'vitest'
import { memoryPressureProperties } from '../../machines/memory-pressure.properties.ts'
import { memoryPressureMachine } from '../../machines/memory-pressure.ts'
import { modelLifecycleProperties } from '../../machines/model-lifecycle.properties.ts'
import { allFaults, memoryLiveness, memoryProperties, memorySystem } from '../../machines/model-lifecycle.system.ts'
import { modelLifecycleMachine } from '../../machines/model-lifecycle.ts'
import { checkMachine } from '../../src/check/index.ts'

/** `MODELS=6` adds the products that take minutes; `hivemind check` has four models and fewer faults. */
const most = Number(process.env['MODELS'] ?? 3)

it('a model keeps its properties in every state', () => {
  const result = checkMachine(modelLifecycleMachine, modelLifecycleProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('so does the memory', () => {
  const result = checkMachine(memoryPressureMachine, memoryPressureProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('two models that do not fit together: requests are served or rejected, who waits comes to its bytes', () => {
  const result = checkMachine(memorySystem({ sizes: [2, 2], budget: 2, faults: allFaults }), memoryLiveness)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
})

it.each([
  [3, { sizes: [1, 1, 1], budget: 2, faults: allFaults }],
  [4, { sizes: [1, 1, 1, 1], budget: 2, faults: allFaults }],
  [5, { sizes: [1, 1, 1, 1, 1], budget: 2, faults: allFaults }],
  [6, { sizes: [1, 1, 1, 1, 1, 1], budget: 2, faults: [] }],
].filter(([models]) => (models as number) <= most) as [number, Parameters<typeof memorySystem>[0]][])('%i models on one budget, whatever goes wrong', { timeout: 3_600_000 }, (_, options) => {
  const result = checkMachine(memorySystem({ ...options, symmetric: true }), { ...memoryProperties, maxStates: 20_000_000 })
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
})

it('a lease that did not keep its model would be seen', () => {
  const evictsAnybody = modelLifecycleMachine.provide({ guards: { isIdle: () => true } })
  const result = checkMachine(memorySystem({ sizes: [2, 2], budget: 2, faults: [], lifecycle: evictsAnybody }), { ...memoryProperties, reachable: {} })
  expect(result.problems.map(({ property }) => property)).toContain('unloading implies that nobody uses it')
})

it('memory that is granted while it is short would be seen', () => {
  const grantsAll = memoryPressureMachine.provide({ guards: { fitsNow: () => true } })
  const result = checkMachine(memorySystem({ sizes: [2, 2], budget: 2, faults: [], pressure: grantsAll }), { ...memoryProperties, reachable: {} })
  expect(result.problems.map(({ property }) => property)).toContain('what is reserved is within the budget')
})
