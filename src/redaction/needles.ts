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
      const slot = slotAt(entry.needle, 0)
      if (this.#table[slot] === 0) this.#table[slot] = this.#buckets.push([]) - 1
      this.#buckets[this.#table[slot] as number]?.push(entry)
    }
  }

  /** Calls `hit` for each rule at each place where one of its needles stands, from left to right. */
  scan(text: string, hit: (rule: Rule, at: number) => void): void {
    for (let at = candidate(this.#table, text, 0); at < text.length; at = candidate(this.#table, text, at + 1)) this.#look(text, at, hit)
  }

  #look(text: string, at: number, hit: (rule: Rule, at: number) => void): void {
    const bucket = this.#table[slotAt(text, at)] as number
    for (const entry of this.#buckets[bucket] as Entry[]) {
      if (!(entry.exact ? text.startsWith(entry.needle, at) : standsAt(text, at, entry.needle))) continue
      for (const rule of entry.rules) hit(rule, at)
    }
  }
}

function slotAt(text: string, at: number): number {
  return ((text.charCodeAt(at) & 31) << 10) | ((text.charCodeAt(at + 1) & 31) << 5) | (text.charCodeAt(at + 2) & 31)
}

/** The first place from `from` on where a needle may stand, or the length of the text. On its own, so that it stays one tight loop. */
function candidate(table: Uint16Array, text: string, from: number): number {
  const last = text.length - 3
  if (from > last) return text.length
  let slot = slotAt(text, from)
  for (let at = from; ; at += 1) {
    if (table[slot] !== 0) return at
    if (at >= last) return text.length
    slot = ((slot << 5) | (text.charCodeAt(at + 3) & 31)) & (slots - 1)
  }
}

/** Compares ASCII letters without their case; `needle` is in lower case. */
function standsAt(text: string, at: number, needle: string): boolean {
  for (let i = 0; i < needle.length; i += 1) {
    const code = text.charCodeAt(at + i)
    if ((code >= 65 && code <= 90 ? code + 32 : code) !== needle.charCodeAt(i)) return false
  }
  return true
}
