import { expect, it } from 'vitest'
import { agentRunProperties, answeredRunProperties, resumedRunProperties } from '../../machines/agent-run.properties.ts'
import { agentRunMachine } from '../../machines/agent-run.ts'
import { checkMachine } from '../../src/check/index.ts'

it('a run of an agent keeps its properties in every state, whether it is new, was cut off in the middle of a step, or had its answer', { timeout: 60_000 }, () => {
  const results = [agentRunProperties, resumedRunProperties, answeredRunProperties].map((properties) => checkMachine(agentRunMachine, properties))
  for (const result of results) {
    expect(result.problems).toEqual([])
    expect(result).toMatchObject({ ok: true, exhaustive: true })
  }
  const neverTaken = results.map((result) => result.neverTaken).reduce((dead, more) => dead.filter((transition) => more.includes(transition)))
  expect(neverTaken).toEqual([])
})
