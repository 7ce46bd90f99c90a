/**
 * `text` without its private spans (an element of that name) and the number of outermost spans. Spans nest; one that is never closed, or whose tag is cut off,
 * reaches to the end. The tags may carry attributes, be in any case, and be escaped for HTML or JSON.
 */
export function removePrivateSpans(text: string): { text: string; count: number } {
  const heads = /(?:<|&lt;|\\u003c)(\/?)private(?=[\s>/&\\]|$)/gi
  const ends = />|&gt;|\\u003e/gi
  const kept: string[] = []
  let count = 0
  let depth = 0
  let from = 0
  for (let head = heads.exec(text); head !== null; head = heads.exec(text)) {
    ends.lastIndex = heads.lastIndex
    const end = ends.exec(text) === null ? text.length : ends.lastIndex
    heads.lastIndex = end
    if (head[1] === '/') {
      if (depth === 0) continue
      depth -= 1
      if (depth === 0) from = end
      continue
    }
    if (depth === 0) {
      if (generic.test(text.slice(Math.max(0, head.index - 1), end)) && !closing.test(text.slice(end))) continue
      keep(kept, text.slice(from, head.index))
      count += 1
    }
    depth += 1
  }
  if (count === 0) return { text, count }
  if (depth === 0) keep(kept, text.slice(from))
  return { text: kept.join(''), count }
}

/** A type argument, as in `Options<Private>`; with a closing tag it is a span all the same. */
const generic = /^\w<Private>$/
const closing = /<\/private\s*>/i

/** What stood on both sides of a span does not grow together: it could make a new tag, or a word nobody wrote. */
function keep(kept: string[], piece: string): void {
  if (piece === '') return
  if (/\S/.test(kept.at(-1)?.at(-1) ?? ' ') && /^\S/.test(piece)) kept.push(' ')
  kept.push(piece)
}
