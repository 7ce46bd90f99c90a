import { readCharacters } from './types.ts'

/** Ids of a vocabulary and how its texts were cut up: what `tokenizer.json` of a BERT model says. */
export interface WordPieceOptions {
  /** Pieces by id; those that go on inside a word begin with `##`. */
  vocabulary: readonly string[]
  unknown: string
  lowercase: boolean
  /** Longer words are unknown. Default 100 code points. */
  maxWordLength?: number
}

export interface WordPiece {
  /** Ids of the text without special tokens, `maxTokens` at most. */
  encode(text: string, maxTokens: number): number[]
}

/** Words whose pieces are remembered. */
const cachedWords = 65_536
/** A word longer than this is not worth remembering. */
const cachedLength = 32

const ascii = new Uint8Array(128)
const blank = 1
const letter = 2
const upper = 3
const punctuation = 4
const dropped = 0
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code)
  ascii[code] = /[ \t\n\r]/.test(character) ? blank : /[a-z0-9]/.test(character) ? letter : /[A-Z]/.test(character) ? upper : code > 32 && code < 127 ? punctuation : dropped
}

/** Scripts that are written without blanks: each character is a word. The ranges are those of the published tokenizer. */
const ideograph = /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu
/** Control characters, formats, private use, unassigned and half pairs, as well as the replacement character. */
const unprintable = /[\p{C}\uFFFD]/gu
const words = /[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+/gu

/**
 * BERT's tokenizer: clean, split at blanks and punctuation, then the longest piece first. The words of ASCII text are found in
 * one pass over its codes, and the pieces of a word are remembered.
 */
export function createWordPiece({ vocabulary, unknown, lowercase, maxWordLength = 100 }: WordPieceOptions): WordPiece {
  const idOf = new Map(vocabulary.map((piece, id) => [piece, id]))
  const unknownId = idOf.get(unknown)
  if (unknownId === undefined) throw new RangeError(`the vocabulary has no ${unknown}`)
  const longest = vocabulary.reduce((most, piece) => Math.max(most, piece.length), 1)
  const known = new Map<string, readonly number[]>()

  function cut(word: string): number[] {
    if (word.length > maxWordLength && [...word].length > maxWordLength) return [unknownId as number]
    const ids: number[] = []
    for (let from = 0; from < word.length;) {
      let id: number | undefined
      let to = Math.min(word.length, from + longest)
      for (; to > from; to--) {
        id = idOf.get(from === 0 ? word.slice(0, to) : `##${word.slice(from, to)}`)
        if (id !== undefined) break
      }
      if (id === undefined) return [unknownId as number]
      ids.push(id)
      from = to
    }
    return ids
  }

  function pieces(word: string): readonly number[] {
    let ids = known.get(word)
    if (ids === undefined) {
      ids = cut(word)
      if (word.length <= cachedLength) {
        // Starting over costs less than keeping an order.
        if (known.size >= cachedWords) known.clear()
        known.set(word, ids)
      }
    }
    return ids
  }

  function encodeAny(text: string, maxTokens: number): number[] {
    const clean = (text as string & { toWellFormed(): string }).toWellFormed().replace(/[\t\n\r]/g, ' ').replace(unprintable, '').replace(ideograph, ' $& ')
    // Character by character, as the published tokenizer does: it knows no final sigma.
    const plain = lowercase ? clean.normalize('NFD').replace(/\p{Mn}/gu, '').replaceAll('Σ', 'σ').toLowerCase() : clean
    const ids: number[] = []
    for (const [word] of plain.matchAll(words)) {
      for (const id of pieces(word)) ids.push(id)
      if (ids.length >= maxTokens) break
    }
    return ids
  }

  return {
    encode(text, maxTokens) {
      const bounded = text.slice(0, readCharacters(maxTokens))
      const ids: number[] = []
      let from = -1
      let capitals = false
      const finish = (to: number): void => {
        const word = bounded.slice(from, to)
        for (const id of pieces(capitals && lowercase ? word.toLowerCase() : word)) ids.push(id)
        from = -1
        capitals = false
      }
      for (let index = 0; index < bounded.length; index++) {
        const code = bounded.charCodeAt(index)
        const kind = code < 128 ? ascii[code] as number : dropped
        if (kind === letter) {
          if (from < 0) from = index
        } else if (kind === upper) {
          if (from < 0) from = index
          capitals = true
        } else if (kind === dropped) {
          // Anything out of the ordinary: the whole text takes the long way.
          const all = encodeAny(bounded, maxTokens)
          return all.length > maxTokens ? all.slice(0, maxTokens) : all
        } else {
          if (from >= 0) finish(index)
          if (kind === punctuation) for (const id of pieces(bounded.charAt(index))) ids.push(id)
          if (ids.length >= maxTokens) break
        }
      }
      if (from >= 0 && ids.length < maxTokens) finish(bounded.length)
      return ids.length > maxTokens ? ids.slice(0, maxTokens) : ids
    },
  }
}
