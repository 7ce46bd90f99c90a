import { Interner } from './interner.ts'

/** Numbers plain values in the order in which they are met; equal values share a number. */
export class Numbered<T> {
  readonly values: T[] = []
  readonly #byIdentity = new Map<T, number>()
  readonly #interner = new Interner()
  readonly #byKey = new Map<number, number>()

  of(value: T): number {
    const known = this.#byIdentity.get(value)
    if (known !== undefined) return known
    const key = this.#interner.of(value)
    let number = this.#byKey.get(key)
    if (number === undefined) {
      number = this.values.length
      this.values.push(value)
      this.#byKey.set(key, number)
      // Only the first object is remembered by identity: functions that list events make new ones for every state.
      this.#byIdentity.set(value, number)
    }
    return number
  }
}
