/** Zero-width, soft hyphen, direction marks; ANSI colours; a line continued; JSON and percent escapes. */
const disguise =
  // eslint-disable-next-line no-control-regex
  /[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+|\u001b\[[0-9;]{0,20}m|(?<!\\)\\+(?:u001b\[[0-9;]{0,20}m|\r?\n[ \t]{0,40}|u[0-9a-fA-F]{4}|["'/nrt])|%[0-9a-fA-F]{2}|&(?:quot|amp|lt|gt|#39);/gi

const invisible = /[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/

const named: Record<string, string> = { n: '\n', r: '\r', t: '\t', '&quot;': '"', '&amp;': '&', '&lt;': '<', '&gt;': '>', '&#39;': "'" }

/** A text with its disguises taken off, and where each of its characters stands in the original. */
export interface View {
  text: string
  at(position: number): number
}

/** What a reader would see of `text` after taking off escapes and invisible characters; undefined when that is the text itself. */
export function decodedView(text: string): View | undefined {
  if (!text.includes('\\') && !text.includes('%') && !text.includes('&') && !text.includes('\u001b') && !invisible.test(text)) return undefined
  let out = ''
  let from = 0
  /** Pairs: from this position of the view on, a position of the original is this much further. */
  const starts: number[] = [0]
  const shifts: number[] = [0]
  for (const match of text.matchAll(disguise)) {
    const plain = decoded(match[0])
    out += text.slice(from, match.index) + plain
    from = match.index + match[0].length
    starts.push(out.length)
    shifts.push(from - out.length)
  }
  if (from === 0) return undefined
  out += text.slice(from)
  return { text: out, at: (position) => position + (shifts[lastAtMost(starts, position)] as number) }
}

function decoded(raw: string): string {
  const entity = named[raw.toLowerCase()]
  if (raw.startsWith('&')) return entity ?? raw
  if (raw.startsWith('%')) return String.fromCharCode(Number.parseInt(raw.slice(1), 16))
  const escape = /^\\+(?:u([0-9a-fA-F]{4})|(["'/nrt]))$/i.exec(raw)
  if (escape === null) return ''
  if (escape[1] !== undefined) return String.fromCharCode(Number.parseInt(escape[1], 16))
  return named[escape[2] as string] ?? (escape[2] as string)
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((sorted[middle] as number) <= value) low = middle
    else high = middle - 1
  }
  return low
}
