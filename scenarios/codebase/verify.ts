import type { Quote } from './quote.ts'
import { readText } from './read-text.ts'
import type { Stamp } from './read-text.ts'

/** `stale`: the file was written, or went away, after it was read, so nothing can be said about the quote. */
export type Verdict = { verdict: 'true' | 'false' | 'stale'; why?: string }

/** Holds a quote against the file on disk, sign by sign. The last line of a quote may go on in the file: overlong lines are cut. */
export async function verifyQuote(root: Buffer, quote: Quote, stamp: Stamp, limitBytes: number): Promise<Verdict> {
  const read = await readText(root, quote, limitBytes)
  if (!read.ok) return { verdict: 'stale', why: `${read.reason}: ${read.why}` }
  const there = read.lines.slice(quote.from - 1, quote.to).join('\n').slice(quote.column - 1)
  const sameLines = quote.text.split('\n').length === quote.to - quote.from + 1
  if (quote.text !== '' && sameLines && there.startsWith(quote.text)) return { verdict: 'true' }
  return read.stamp === stamp ? { verdict: 'false', why: 'the file says something else there' } : { verdict: 'stale', why: 'the file changed since it was read' }
}
