import type { Problem } from './result.ts'

/**
 * The counterexample in the Informal Trace Format, which Apalache, Quint and their viewers read.
 * Variables are the top-level fields of the states, plus `event`.
 */
export function toItf(problem: Problem<any>, machine: string): object {
  const steps = [...problem.path, ...(problem.loop ?? [])]
  const states = steps.map(({ event, state }, index) => {
    const fields = typeof state === 'object' && state !== null && !Array.isArray(state) ? state : { state }
    return { '#meta': { index }, ...(itfValue({ ...fields, event }) as Record<string, unknown>) }
  })
  const vars = [...new Set(states.flatMap((state) => Object.keys(state)))].filter((name) => name !== '#meta')
  for (const state of states) for (const name of vars) if (!(name in state)) (state as Record<string, unknown>)[name] = itfValue(undefined)
  return {
    '#meta': { format: 'ITF', 'format-description': 'https://apalache-mc.org/docs/adr/015adr-trace.html', source: machine, status: 'violation', description: `${problem.kind} ${problem.property}: ${problem.message}` },
    vars,
    states,
    // The loop ends in the state it started from.
    ...(problem.loop === undefined ? {} : { loop: problem.path.length - 1 }),
  }
}

/** Numbers are bigints there, and there is no null. */
function itfValue(value: unknown): unknown {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) return { '#bigint': String(value) }
  if (typeof value === 'number') return String(value)
  if (value === null || value === undefined) return { tag: 'None', value: {} }
  if (Array.isArray(value)) return value.map(itfValue)
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, itfValue(item)]))
  return value
}
