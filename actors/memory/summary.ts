import { cosine, mean } from './segment.ts'

/** Characters of a summary. */
const summaryLength = 1_200
const shortest = 12
/** A sentence this close to one that was taken says the same again. */
const repeated = 0.9

interface Sentence {
  text: string
  order: number
  vector: Float32Array
}

/**
 * What a group of texts says, in their own words: the sentence nearest to them all, then those that add facts (names, numbers,
 * paths), until it is full; in the order they were said. Needs no model but the embedder, and is the same every time.
 */
export async function summarise(texts: readonly string[], embed: (texts: readonly string[]) => Promise<Float32Array[]>): Promise<string> {
  const pieces = [...new Set(texts.flatMap(sentencesOf))]
  if (pieces.length === 0) return ''
  const vectors = await embed(pieces)
  const sentences = pieces.map((text, order): Sentence => ({ text, order, vector: vectors[order] as Float32Array }))
  const centre = mean(sentences)
  const worth = new Map(sentences.map((sentence) => [sentence, cosine(sentence.vector, centre) + factsIn(sentence.text)]))
  const ranked = sentences.toSorted((a, b) => (worth.get(b) as number) - (worth.get(a) as number) || a.order - b.order)
  const taken: Sentence[] = []
  let length = 0
  for (const sentence of ranked) {
    if (taken.some(({ vector }) => cosine(vector, sentence.vector) > repeated)) continue
    if (taken.length > 0 && length + sentence.text.length > summaryLength) continue
    taken.push(sentence)
    length += sentence.text.length + 1
  }
  return taken.sort((a, b) => a.order - b.order).map(({ text }) => text).join(' ').slice(0, 2 * summaryLength)
}

function sentencesOf(text: string): string[] {
  return text.split(/(?<=[.!?])\s+(?=[\p{Lu}\d"'`([])|\n+/u).map((piece) => piece.replace(/\s+/g, ' ').trim().slice(0, summaryLength)).filter((piece) => piece.length >= shortest)
}

/** A little for each thing that a later question might ask for by name, up to a third. */
function factsIn(sentence: string): number {
  const names = sentence.match(/\d+(?:[.:]\d+)*|`[^`]+`|[\w./-]+\/[\w./-]+|\b\w+[A-Z_]\w*\b|(?<=\s)\p{Lu}[\p{L}\d]+/gu)
  return Math.min(names?.length ?? 0, 5) / 15
}
