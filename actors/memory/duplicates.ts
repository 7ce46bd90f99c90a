import { analyse } from '../../src/vectors/text/analyse.ts'
import { stopWords } from '../../src/vectors/text/stop-words.ts'

/** Vectors at least this close are looked at. */
export const nearSimilarity = 0.7

/** A fact turns on these, though they are no content. */
const turning = new Set(['not', 'no', 'nor', 'never', 'without', 'dont', 'doesnt', 'didnt', 'isnt', 'wasnt', 'arent', 'cant', 'wont', 'cannot', 'before', 'after', 'above', 'below', 'over', 'under', 'up', 'down', 'on', 'off', 'in', 'out', 'from', 'to', 'more', 'less', 'only', 'except', 'until'])
/** Said around a fact. */
const light = new Set(['note', 'noted', 'remember', 'reminder', 'fyi', 'btw', 'really', 'actually', 'basically', 'important', 'currently', 'also', 'always'])
const same: Readonly<Record<string, string>> = { each: 'every', all: 'every', dont: 'not', doesnt: 'not', didnt: 'not', isnt: 'not', wasnt: 'not', arent: 'not', cant: 'cannot' }

/**
 * Whether `said` adds nothing to `known`: every word that carries meaning is there already, and little else is. One number, name
 * or negation of its own makes it another memory: two texts that differ in a fact are close as vectors, and must both be kept.
 */
export function addsNothing(said: string, known: string): boolean {
  const [mine, theirs] = [meaning(said), meaning(known)]
  if (mine.content.size === 0) return false
  for (const term of mine.content) if (!theirs.content.has(term)) return false
  if (theirs.content.size - mine.content.size > Math.max(1, theirs.content.size * 0.15)) return false
  return mine.turns === theirs.turns
}

function meaning(text: string): { content: Set<string>; turns: string } {
  const content = new Set<string>()
  const turns: string[] = []
  analyse(text, (term, written) => {
    const word = written.toLowerCase()
    if (turning.has(word)) turns.push(same[word] ?? word)
    else if (!stopWords.has(word) && !light.has(word) && same[word] === undefined) content.add(term)
  })
  return { content, turns: turns.join(' ') }
}
