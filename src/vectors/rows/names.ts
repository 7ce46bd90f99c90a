/** Strings as small integers; the empty string is 0. */
export class Names {
  readonly #codes: Map<string, number>
  readonly #names: string[]

  constructor(names: readonly string[] = ['']) {
    this.#names = [...names]
    this.#codes = new Map(names.map((name, code) => [name, code]))
  }

  intern(name: string): number {
    let code = this.#codes.get(name)
    if (code === undefined) {
      code = this.#names.length
      this.#codes.set(name, code)
      this.#names.push(name)
    }
    return code
  }

  /** The integer of a string that was seen before. */
  find(name: string): number | undefined {
    return this.#codes.get(name)
  }

  get all(): readonly string[] {
    return this.#names
  }
}
