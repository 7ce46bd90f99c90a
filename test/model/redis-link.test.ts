import { expect, it } from 'vitest'
import { redisLinkProperties } from '../../machines/redis-link.properties.ts'
import { outageProperties, outageSystem } from '../../machines/redis-link.system.ts'
import { redisLinkMachine } from '../../machines/redis-link.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the link keeps its properties in every state', () => {
  const result = checkMachine(redisLinkMachine, redisLinkProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('with its journal, a store that comes and goes, lost replies and a crash it loses nothing and doubles nothing', { timeout: 60_000 }, () => {
  const result = checkMachine(outageSystem(), outageProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
  expect(result.states).toBeGreaterThan(10_000)
})

it('a link that is ready before everything was sent would be seen', { timeout: 60_000 }, () => {
  const hasty = redisLinkMachine.provide({ guards: { allSent: () => true } })
  const { invariants } = outageProperties
  const result = checkMachine(outageSystem(hasty as typeof redisLinkMachine), { invariants, maxStates: 10_000 })
  expect(result.problems.map(({ property }) => property)).toContain('ready only after everything was sent')
})

it('a journal without a bound would be seen', { timeout: 60_000 }, () => {
  const endless = redisLinkMachine.provide({ guards: { fits: () => true } })
  const { invariants } = outageProperties
  const result = checkMachine(outageSystem(endless as typeof redisLinkMachine), { invariants, maxStates: 10_000 })
  expect(result.problems.map(({ property }) => property)).toContain('the journal is bounded')
})
