import { expect, it } from 'vitest'
import { resumedConsumerProperties, roomConsumerProperties } from '../../machines/room-consumer.properties.ts'
import { consumerGroup, consumerGroupProperties } from '../../machines/room-consumer.system.ts'
import { roomConsumerMachine } from '../../machines/room-consumer.ts'
import { checkMachine } from '../../src/check/index.ts'

it('the room consumer keeps its properties in every state, whether the entry is new, was held before, or was tried too often', () => {
  const tooOften = { ...resumedConsumerProperties, input: { ...resumedConsumerProperties.input, attempt: 2 }, reachable: {} }
  const results = [roomConsumerProperties, resumedConsumerProperties, tooOften].map((properties) => checkMachine(roomConsumerMachine, properties))
  for (const result of results) {
    expect(result.problems).toEqual([])
    expect(result).toMatchObject({ ok: true, exhaustive: true })
  }
  const neverTaken = results.map((result) => result.neverTaken).reduce((dead, more) => dead.filter((transition) => more.includes(transition)))
  expect(neverTaken).toEqual([])
})

it('two consumers, a log and lossy links settle an entry once', () => {
  const result = checkMachine(consumerGroup(), consumerGroupProperties)
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ ok: true, exhaustive: true })
  expect(result.states).toBeGreaterThan(1_000)
})
