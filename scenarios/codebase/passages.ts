/** A piece of a file that is found and quoted as a whole. Lines and columns count from 1. */
export interface Passage {
  from: number
  to: number
  /** Where the text begins in its first line; above 1 only for the later pieces of one overlong line. */
  column: number
  text: string
}

const targetSigns = 1200
const mostSigns = 2000
const mostLines = 40
const overlap = 2

/**
 * Cuts the lines of a file into passages: preferably before a heading, a declaration at the left margin, or after a blank line,
 * with two lines of overlap where no such place was found. A line too long for a passage becomes several.
 */
export function* cutPassages(lines: readonly string[]): Generator<Passage> {
  let start = 0
  let signs = 0
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    if (line.length > mostSigns) {
      yield* flush(lines, start, at)
      yield* cutLine(line, at + 1)
      start = at + 1
      signs = 0
      continue
    }
    const before = at - start
    if (before > 0 && startsSection(lines, at) && (signs >= targetSigns / 4 || before >= 8)) {
      yield* flush(lines, start, at)
      start = at
      signs = 0
    } else if (before > 0 && (signs >= targetSigns || before >= mostLines * 0.6) && lines[at - 1]?.trim() === '') {
      yield* flush(lines, start, at)
      start = at
      signs = 0
    } else if (before > 0 && (signs + line.length > mostSigns || before >= mostLines)) {
      yield* flush(lines, start, at)
      start = overlapFrom(lines, start, at, mostSigns - line.length)
      signs = 0
      for (let i = start; i < at; i++) signs += (lines[i] as string).length + 1
    }
    signs += line.length + 1
  }
  yield* flush(lines, start, lines.length)
}

/** A heading, or a declaration (or decorator or doc comment) that begins at the left margin after something else ended. */
function startsSection(lines: readonly string[], at: number): boolean {
  const line = lines[at] as string
  if (/^#{1,6}\s/.test(line)) return true
  if (/^(={3,}|-{3,})\s*$/.test(lines[at + 1] ?? '') && line.trim() !== '') return true
  if (!/^(export|import\s*\(|(async\s+)?function|class|interface|type|enum|const|let|var|def|async def|func|fn|pub|impl|struct|trait|module|namespace|package|public|private|protected|static|template|@|\/\*\*|describe|test|it\b|\[[A-Za-z])/.test(line)) return false
  const previous = lines[at - 1] ?? ''
  return previous.trim() === '' || /^[})\]]/.test(previous)
}

/** At most two lines back, never all of the passage before, and no more than fits. */
function overlapFrom(lines: readonly string[], start: number, at: number, room: number): number {
  let from = at
  let signs = 0
  while (at - from < overlap && from - 1 > start) {
    signs += (lines[from - 1] as string).length + 1
    if (signs > room / 2) break
    from--
  }
  return from
}

/** The lines from `start` up to `end` as one passage, blank lines at its edges left out; nothing when all are blank. */
function* flush(lines: readonly string[], start: number, end: number): Generator<Passage> {
  let first = start
  let last = end - 1
  while (first <= last && (lines[first] as string).trim() === '') first++
  while (last >= first && (lines[last] as string).trim() === '') last--
  if (first <= last) yield { from: first + 1, to: last + 1, column: 1, text: lines.slice(first, last + 1).join('\n') }
}

function* cutLine(line: string, number: number): Generator<Passage> {
  let at = 0
  while (at < line.length) {
    let end = Math.min(line.length, at + mostSigns)
    if (end < line.length) {
      const gap = line.lastIndexOf(' ', end)
      if (gap > at + mostSigns / 2) end = gap
      else if (isHighSurrogate(line.charCodeAt(end - 1))) end--
    }
    const text = line.slice(at, end)
    if (text.trim() !== '') yield { from: number, to: number, column: at + 1, text }
    at = end
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
