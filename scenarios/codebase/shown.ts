import type { Quote } from './quote.ts'

/** A path for a person: on one line, whatever signs its name holds. */
export function shownPath(path: string): string {
  return /[\p{Cc}\p{Cf}]/u.test(path) ? JSON.stringify(path) : path
}

/** Where a quote stands: `src/a.ts:3`, or `src/a.ts:3-5`. */
export function place(quote: Pick<Quote, 'path' | 'from' | 'to'>): string {
  return `${shownPath(quote.path)}:${quote.from}${quote.to === quote.from ? '' : `-${quote.to}`}`
}

/** Control signs of a file must not steer the terminal. */
export function shownText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : '\ufffd'))
}
