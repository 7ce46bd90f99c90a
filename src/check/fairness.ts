import type { LeadsTo } from './properties.ts'
import type { Space } from './space.ts'

/** The fair actions of one property as a bit for each, per event number. */
export interface FairActions {
  names: string[]
  /** Bits of the actions that must only stay possible to be owed (weak), and of those owed for being possible now and then (strong). */
  weak: number
  strong: number
  /** The actions the event is one of. */
  of(event: number): number
}

const mostActions = 30

/** Numbers the fair actions of a property over the events of an explored space. */
export function fairActions<V, E>(space: Space<V, E>, property: LeadsTo<V, E>, events: number): FairActions {
  const names: string[] = []
  const tests: ((event: E) => boolean)[] = []
  const typeOf = (event: E): unknown => (event as { type?: unknown } | null)?.type ?? event
  const types = [...new Set(Array.from({ length: events }, (_, number) => typeOf(space.event(number))))]
  const add = (fair: LeadsTo<V, E>['weak'], strength: string): number => {
    let bits = 0
    for (const entry of fair === true ? types : fair ?? []) {
      if (names.length === mostActions) throw new RangeError(`more than ${mostActions} fair actions in one property: group them with a function of the event`)
      bits |= 1 << names.length
      names.push(`${strength} fairness of ${typeof entry === 'function' ? entry.name || 'a function of the event' : JSON.stringify(entry)}`)
      tests.push(typeof entry === 'function' ? (entry as (event: E) => boolean) : (event) => typeOf(event) === entry)
    }
    return bits
  }
  const weak = add(property.weak, 'weak')
  const strong = add(property.strong, 'strong')
  const bits = Int32Array.from({ length: events }, (_, number) => tests.reduce((all, test, index) => (test(space.event(number)) ? all | (1 << index) : all), 0))
  return { names, weak, strong, of: (event) => bits[event]! }
}
