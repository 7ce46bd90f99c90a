import { expect, it } from 'vitest'
import { trainerJobProperties } from '../../machines/trainer-job.properties.ts'
import { trainingProperties, trainingSystem } from '../../machines/trainer-job.system.ts'
import { trainerJobMachine } from '../../machines/trainer-job.ts'
import { checkMachine } from '../../src/check/index.ts'

it('an attempt at a training job keeps its properties in every state', () => {
  const result = checkMachine(trainerJobMachine, trainerJobProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('two nodes, one of which may die or lose its lease unheard of, bring a job to one end', { timeout: 60_000 }, () => {
  const result = checkMachine(trainingSystem(), trainingProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
})

it('a job that is tried for ever would be seen', { timeout: 60_000 }, () => {
  const stubborn = trainerJobMachine.provide({ guards: { tooOften: () => false } })
  const { invariants, steps } = trainingProperties
  const result = checkMachine(trainingSystem(stubborn as typeof trainerJobMachine), { invariants, steps, maxStates: 10_000 })
  expect(result.problems.map(({ property }) => property)).toContain('attempts are bounded')
})
