import { analyse } from '../../src/vectors/text/analyse.ts'
import { stopWords } from '../../src/vectors/text/stop-words.ts'
import type { SearchRequest } from '../../src/vectors/types.ts'
import { quantised } from './memory-file.ts'
import type { Memory } from './memory-file.ts'

/** What must be found, worked out the long way. Memories are in the order of their numbers. */
export function visible(memories: readonly Memory[], { scope, kinds, since, until, minTrust, includeStates = ['live'] }: SearchRequest): Memory[] {
  return memories.filter((memory) =>
    (scope.project === undefined || (memory.project ?? '') === scope.project)
    && (scope.agent === undefined || (memory.agent ?? '') === scope.agent)
    && (scope.session === undefined || (memory.session ?? '') === scope.session)
    && (includeStates as string[]).includes(memory.state ?? 'live')
    && (kinds === undefined || (kinds as string[]).includes(memory.kind ?? 'episodic'))
    && (since === undefined || (memory.at ?? 0) >= since)
    && (until === undefined || (memory.at ?? 0) <= until)
    && (minTrust === undefined || (memory.trust ?? 1) >= minTrust))
}

/** BM25 over all memories that are not gone; scores of those that have a term of the query. */
export function bm25(memories: readonly Memory[], query: string): Map<string, number> {
  const documents = memories.filter(({ state }) => state !== 'gone').map(({ id, text }) => ({ id, terms: termsOf(text).map(({ term }) => term) }))
  const average = Math.max(1, documents.reduce((sum, { terms }) => sum + terms.length, 0) / documents.length)
  const asked = new Map(termsOf(query).reverse().map(({ term, word }) => [term, word]))
  const frequency = (term: string): number => documents.filter(({ terms }) => terms.includes(term)).length
  const known = [...asked].filter(([term]) => frequency(term) > 0)
  const telling = known.filter(([, word]) => !stopWords.has(word.toLowerCase()))
  const scores = new Map<string, number>()
  for (const [term] of telling.length > 0 ? telling : known) {
    const idf = Math.log(1 + (documents.length - frequency(term) + 0.5) / (frequency(term) + 0.5))
    for (const { id, terms } of documents) {
      const count = terms.filter((other) => other === term).length
      if (count > 0) scores.set(id, (scores.get(id) ?? 0) + (idf * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * terms.length) / average)))
    }
  }
  return scores
}

/** Cosine with the vector as it is stored. */
export function similarity(memory: Memory, query: Float32Array): number {
  const bytes = quantised(memory.vector!)
  const scale = new DataView(bytes.buffer).getFloat32(query.length, true)
  return new Int8Array(bytes.buffer, 0, query.length).reduce((sum, value, index) => sum + value * query[index]!, 0) * scale
}

function termsOf(text: string): { term: string; word: string }[] {
  const terms: { term: string; word: string }[] = []
  analyse(text, (term, word) => terms.push({ term, word }))
  return terms
}
