import { expect, it } from 'vitest'
import { leaseProperties } from '../../machines/lease.properties.ts'
import { leaseSystem, leaseSystemProperties } from '../../machines/lease.system.ts'
import { leaseMachine } from '../../machines/lease.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the lease keeps its properties in every state', () => {
  const result = checkMachine(leaseMachine, leaseProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('of two contenders one at most believes that it holds the lease, whatever is delayed or lost', () => {
  const result = checkMachine(leaseSystem(), leaseSystemProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
  expect(result.states).toBeGreaterThan(1_000)
})

it('a deadline counted from the reply would make two holders', () => {
  const result = checkMachine(leaseSystem(leaseMachine, { countFromReply: true }), { invariants: leaseSystemProperties.invariants, maxStates: 2_000 })
  expect(result.problems.map(({ property }) => property)).toContain('one at most believes that it holds')
})
