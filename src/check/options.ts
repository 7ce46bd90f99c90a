import { InvalidArgument } from '../kernel/errors.ts'
import type { Properties } from './properties.ts'

const properties = ['invariants', 'steps', 'reachable', 'leadsTo', 'mayStop', 'maxStates']
const promise = ['from', 'to', 'weak', 'strong']

/** Throws InvalidArgument for an option that does not exist: what is misspelt would be left out in silence, and the check would pass. */
export function assertKnown(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new InvalidArgument(name, `is no option of ${what}: there are ${known.join(', ')}`)
  }
}

/** Throws InvalidArgument for properties that could never be asked. `more`: other options there are. */
export function assertProperties(options: Properties<any, any> & { maxStates?: number }, more: readonly string[]): void {
  assertKnown('checkMachine', options, [...more, ...properties])
  const { maxStates, mayStop, leadsTo = {} } = options
  if (maxStates !== undefined && !(maxStates >= 1)) throw new InvalidArgument('maxStates', `a check needs a number of states from 1 up, not ${maxStates}`)
  if (mayStop !== undefined) assertFunction('mayStop', mayStop)
  for (const group of ['invariants', 'steps', 'reachable'] as const) {
    for (const [name, property] of Object.entries(options[group] ?? {})) assertFunction(`${group}.${name}`, property)
  }
  for (const [name, { from, to, ...fair }] of Object.entries(leadsTo)) {
    assertKnown(`leadsTo.${name}`, fair, promise)
    assertFunction(`leadsTo.${name}.from`, from)
    assertFunction(`leadsTo.${name}.to`, to)
    for (const kind of ['weak', 'strong'] as const) {
      const actions = fair[kind]
      if (actions !== undefined && actions !== true && !Array.isArray(actions)) {
        throw new InvalidArgument(`leadsTo.${name}.${kind}`, 'expected true, or a list of event types and tests of events, e.g. [\'arrived\']')
      }
    }
  }
}

function assertFunction(field: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidArgument(field, `expected a function of the state, not ${value === null ? 'null' : typeof value}`)
}
