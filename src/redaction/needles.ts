import type { Rule } from './types.ts'

interface Entry {
  needle: string
  /** Whether case counts. */
  exact: boolean
  rules: Rule[]
}

/** Five bits of each of three characters; upper and lower case of a letter share theirs. */
const slots = 1 << 15

/** Finds all needles of all rules in one pass: a table of their first three characters says where to look closer. */
export class NeedleIndex {
  readonly #table = new Uint16Array(slots)
  /** Entries of one slot; 0 is none. */
  readonly #buckets: Entry[][] = [[]]

  constructor(rules: readonly Rule[]) {
    const entries = new Map<string, Entry>()
    for (const rule of rules) {
      for (const raw of rule.needles) {
        const entry = entries.get(raw) ?? { needle: raw, exact: raw !== raw.toLowerCase(), rules: [] }
        entry.rules.push(rule)
        entries.set(raw, entry)
      }
    }
    for (const entry of entries.values()) {
      const slot = slotOf(entry.needle)
      if (this.#table[slot] === 0) this.#table[slot] = this.#buckets.push([]) - 1
      this.#buckets[this.#table[slot] as number]?.push(entry)
    }
  }

  /** Calls `hit` for each rule at each place where one of its needles stands, from left to right. */
  scan(text: string, hit: (rule: Rule, at: number) => void): void {
    const table = this.#table
    let slot = ((text.charCodeAt(0) & 31) << 5) | (text.charCodeAt(1) & 31)
    for (let next = 2; next < text.length; next += 1) {
      slot = ((slot << 5) | (text.charCodeAt(next) & 31)) & (slots - 1)
      if (table[slot] !== 0) this.#look(text, next - 2, table[slot] as number, hit)
    }
  }

  #look(text: string, at: number, bucket: number, hit: (rule: Rule, at: number) => void): void {
    for (const entry of this.#buckets[bucket] as Entry[]) {
      if (!(entry.exact ? text.startsWith(entry.needle, at) : standsAt(text, at, entry.needle))) continue
      for (const rule of entry.rules) hit(rule, at)
    }
  }
}

function slotOf(needle: string): number {
  return ((needle.charCodeAt(0) & 31) << 10) | ((needle.charCodeAt(1) & 31) << 5) | (needle.charCodeAt(2) & 31)
}

/** Compares ASCII letters without their case; `needle` is in lower case. */
function standsAt(text: string, at: number, needle: string): boolean {
  for (let i = 0; i < needle.length; i += 1) {
    const code = text.charCodeAt(at + i)
    if ((code >= 65 && code <= 90 ? code + 32 : code) !== needle.charCodeAt(i)) return false
  }
  return true
}
