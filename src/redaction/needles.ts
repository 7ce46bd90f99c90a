import type { Rule } from './types.ts'

interface Entry {
  needle: string
  rules: Rule[]
}

const slots = 1 << 14

/** Lower case for ASCII letters, 1 for what no needle contains. */
const folded = Uint8Array.from({ length: 128 }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code))

/** Finds all needles of all rules in one pass: a table of their first three characters says where to look closer. */
export class NeedleIndex {
  readonly #table = new Uint16Array(slots)
  /** Entries of one slot; 0 is none. */
  readonly #buckets: Entry[][] = [[]]

  constructor(rules: readonly Rule[]) {
    const entries = new Map<string, Entry>()
    for (const rule of rules) {
      for (const raw of rule.needles) {
        const needle = raw.toLowerCase()
        const entry = entries.get(needle) ?? { needle, rules: [] }
        entry.rules.push(rule)
        entries.set(needle, entry)
      }
    }
    for (const entry of entries.values()) {
      const slot = slotOf(entry.needle.charCodeAt(0), entry.needle.charCodeAt(1), entry.needle.charCodeAt(2))
      if (this.#table[slot] === 0) this.#table[slot] = this.#buckets.push([]) - 1
      this.#buckets[this.#table[slot] as number]?.push(entry)
    }
  }

  /** Calls `hit` for each rule at each place where one of its needles stands, from left to right. */
  scan(text: string, hit: (rule: Rule, at: number) => void): void {
    const table = this.#table
    let first = foldedAt(text, 0)
    let second = foldedAt(text, 1)
    for (let at = 0; at + 2 < text.length; at += 1) {
      const third = foldedAt(text, at + 2)
      const bucket = table[slotOf(first, second, third)] as number
      if (bucket !== 0) this.#look(text, at, bucket, hit)
      first = second
      second = third
    }
  }

  #look(text: string, at: number, bucket: number, hit: (rule: Rule, at: number) => void): void {
    for (const entry of this.#buckets[bucket] as Entry[]) {
      if (!standsAt(text, at, entry.needle)) continue
      for (const rule of entry.rules) hit(rule, at)
    }
  }
}

function slotOf(first: number, second: number, third: number): number {
  return (first ^ (second << 4) ^ (third << 7)) & (slots - 1)
}

function foldedAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 128 ? (folded[code] as number) : 1
}

function standsAt(text: string, at: number, needle: string): boolean {
  for (let i = 0; i < needle.length; i += 1) {
    if (foldedAt(text, at + i) !== needle.charCodeAt(i)) return false
  }
  return true
}
