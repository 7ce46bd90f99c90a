export const lower = 'abcdefghijklmnopqrstuvwxyz'
export const upper = lower.toUpperCase()
export const digits = '0123456789'
export const hex = '0123456789abcdef'
export const alnum = upper + lower + digits
export const base64url = `${alnum}-_`
export const base64 = `${alnum}+/`

/** A generator of text from a seed (mulberry32): the same seed gives the same corpus. */
export class Seeded {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  chars(count: number, alphabet: string = alnum): string {
    return Array.from({ length: count }, () => alphabet[this.below(alphabet.length)]).join('')
  }

  /** Like `chars`, and at least one capital, one small letter and one digit, as any token of that length has. */
  mixed(count: number, alphabet: string = alnum): string {
    for (;;) {
      const made = this.chars(count, alphabet)
      if (/\d/.test(made) && /[a-z]/.test(made) && /[A-Z]/.test(made)) return made
    }
  }

  uuid(): string {
    return `${this.chars(8, hex)}-${this.chars(4, hex)}-4${this.chars(3, hex)}-${this.pick(['8', '9', 'a', 'b'])}${this.chars(3, hex)}-${this.chars(12, hex)}`
  }
}
