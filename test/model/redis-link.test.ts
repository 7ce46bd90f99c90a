import { expect, it } from 'vitest'
import { redisLinkProperties } from '../../machines/redis-link.properties.ts'
import { redisLinkMachine } from '../../machines/redis-link.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the link keeps its properties in every state', () => {
  const result = checkMachine(redisLinkMachine, redisLinkProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})
