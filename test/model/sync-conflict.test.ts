import { expect, it } from 'vitest'
import { syncConflictProperties } from '../../machines/sync-conflict.properties.ts'
import { settlementProperties, settlementSystem } from '../../machines/sync-conflict.system.ts'
import { syncConflictMachine } from '../../machines/sync-conflict.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the settlement of a conflict keeps its properties in every state', () => {
  const result = checkMachine(syncConflictMachine, syncConflictProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('two settlements at once, a remote write, a later write of ours, lost replies and a crash lose neither side', () => {
  const result = checkMachine(settlementSystem(), settlementProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
  expect(result.states).toBeGreaterThan(1_000)
})

it('a conflict that is forgotten whatever our side has become would lose a later write', () => {
  const { invariants, steps } = settlementProperties
  const result = checkMachine(settlementSystem(syncConflictMachine, { forgetsAnything: true }), { invariants, steps, maxStates: 20_000 })
  expect(result.problems.map(({ property }) => property)).toContain('the conflict goes only when what it held is settled')
})
