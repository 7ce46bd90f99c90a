import { expect, it } from 'vitest'
import { embedderWorkerProperties, keptWorkerProperties } from '../../machines/embedder-worker.properties.ts'
import { embedderWorkerMachine } from '../../machines/embedder-worker.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the embedder worker keeps its properties in every state', () => {
  const result = checkMachine(embedderWorkerMachine, embedderWorkerProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true, neverTaken: [], neverEntered: [] })
})

it('so does one that keeps its thread', () => {
  const result = checkMachine(embedderWorkerMachine, keptWorkerProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
})
