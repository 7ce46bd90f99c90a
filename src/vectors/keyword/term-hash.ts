/** 64 bits of a term, as two numbers: the table of terms holds these instead of the words. */
export function termHash(term: string): { high: number; low: number } {
  let high = 0x9e3779b9 ^ term.length
  let low = 0x85ebca6b
  for (let index = 0; index < term.length; index++) {
    const code = term.charCodeAt(index)
    high = Math.imul(high ^ code, 0x9e3779b1)
    low = Math.imul(low ^ code, 0x5f356495)
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  return { high: high >>> 0, low: low >>> 0 }
}
