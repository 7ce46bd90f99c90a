/** Tokens of an answer, unless the caller says otherwise, and at most (clients cut results off at 25,000). */
export const defaultTokens = 2_000
export const mostTokens = 16_000
/** Of text of any language: fewer than a tokenizer needs of English, about as many as of Chinese. */
const bytesPerToken = 3
/** What stands around one text: its id, source, trust and why. */
const aroundBytes = 320
const leastBytes = 300

/**
 * Text of a memory as data of somebody else: every line begins with "> ", whatever ends a line in it, so that no text can
 * close its own quotation. Signs that nobody sees, and that can carry hidden words or turn the order of letters, are left out.
 */
export function quoted(text: string): string {
  return visible(text).split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/).map((line) => `> ${line}`).join('\n')
}

export function visible(text: string): string {
  return text.replace(/[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]|[\u{e0000}-\u{e007f}]/gu, '')
}

/** A word or two of somebody else within a line of ours. */
export function named(text: string): string {
  return JSON.stringify(visible(text).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 200))
}

export interface Fitted<Item> {
  item: Item
  text: string
  /** Characters that were left out at its end. */
  cut?: number
}

/** The best of what was found, in its order, that fits into so many tokens; one long text leaves room for others. */
export function fit<Item extends { text: string }>(items: readonly Item[], tokens: number): { shown: Fitted<Item>[]; leftOut: number } {
  const budget = tokens * bytesPerToken
  const share = Math.max(leastBytes, Math.floor(items.length > 1 ? budget / 2 : budget) - aroundBytes)
  const shown: Fitted<Item>[] = []
  let left = budget
  for (const item of items) {
    const room = Math.min(share, left - aroundBytes)
    if (shown.length > 0 && room < Math.min(leastBytes, cost(item.text))) break
    const text = beginning(visible(item.text), Math.max(room, leastBytes))
    left -= cost(text) + aroundBytes
    const cut = visible(item.text).length - text.length
    shown.push({ item, text, ...(cut > 0 && { cut }) })
  }
  return { shown, leftOut: items.length - shown.length }
}

function cost(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

/** The longest beginning that costs at most so many bytes, whole characters only. */
function beginning(text: string, bytes: number): string {
  if (cost(text) <= bytes) return text
  let low = 0
  let high = Math.min(text.length, bytes)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (cost(text.slice(0, middle)) <= bytes) low = middle
    else high = middle - 1
  }
  return text.slice(0, /[\ud800-\udbff]/.test(text[low - 1] ?? '') ? low - 1 : low)
}
