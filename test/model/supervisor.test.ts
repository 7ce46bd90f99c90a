import { describe, expect, it } from 'vitest'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { supervisorProperties } from '../../machines/supervisor.properties.ts'
import { checkMachine } from '../../src/check/index.ts'

describe('the supervisor machine', () => {
  const unused: Set<string>[] = []

  it.each(Object.entries(supervisorProperties))('has its properties in every state: %s', { timeout: 60_000 }, (_name, properties) => {
    const result = checkMachine(supervisorMachine, properties)
    expect(result.problems).toEqual([])
    expect(result).toMatchObject({ ok: true, exhaustive: true })
    unused.push(new Set([...result.neverTaken, ...result.neverEntered]))
  })

  it('has no transition or state that no strategy uses', () => {
    const [first = new Set<string>(), ...others] = unused
    expect(unused).toHaveLength(Object.keys(supervisorProperties).length)
    expect([...first].filter((name) => others.every((names) => names.has(name)))).toEqual([])
  })
})
