import type { QueryTerm, SearchIndex } from './search-index.ts'

/** A quoted piece of a file: lines `from` to `to`, beginning at `column` of the first. All count from 1. */
export interface Quote {
  path: string
  raw?: string
  from: number
  to: number
  column: number
  text: string
}

const mostLines = 6
const fewestLines = 3
const mostSigns = 600

/** The few lines of a passage that say most about the query: whole lines, except of a line too long to quote. */
export function quoteFrom(index: SearchIndex, query: readonly QueryTerm[], passage: Quote): Quote {
  const lines = passage.text.split('\n')
  const weights = lines.map((line) => index.coverage(query, line))
  const fits = (start: number, end: number): boolean => lines.slice(start, end).join('\n').length <= mostSigns
  let best = { start: 0, end: 1, weight: -1 }
  for (let start = 0; start < lines.length; start++) {
    if ((weights[start] ?? 0) === 0) continue
    let signs = 0
    for (let end = start + 1; end <= Math.min(lines.length, start + mostLines); end++) {
      signs += (lines[end - 1] ?? '').length + 1
      if (signs > mostSigns && end > start + 1) break
      if ((weights[end - 1] ?? 0) === 0) continue
      const weight = index.coverage(query, lines.slice(start, end).join('\n')) - (end - start) * 0.01
      if (weight > best.weight) best = { start, end, weight }
    }
  }
  if (best.weight < 0) best = { start: 0, end: Math.min(lines.length, fewestLines), weight: 0 }
  while (best.end - best.start < fewestLines && best.end < lines.length && fits(best.start, best.end + 1)) best.end++
  while (best.end - best.start < fewestLines && best.start > 0 && fits(best.start - 1, best.end)) best.start--
  while (best.end - best.start > 1 && (lines[best.end - 1] ?? '').trim() === '') best.end--
  const text = lines.slice(best.start, best.end).join('\n')
  const column = best.start === 0 ? passage.column : 1
  const { raw, path } = passage
  return { path, ...(raw !== undefined && { raw }), from: passage.from + best.start, to: passage.from + best.end - 1, column, text: clip(text) }
}

/** Cuts an overlong quote between signs. */
function clip(text: string): string {
  if (text.length <= mostSigns) return text
  const code = text.charCodeAt(mostSigns - 1)
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? mostSigns - 1 : mostSigns)
}
