import { stem } from './stem.ts'

/** Characters of a text that are read; the rest of a longer one is not searched by keywords. */
const readLimit = 262_144
const wordLimit = 20_000
/** A longer word (base64, a minified line) is no word anybody asks for. */
const wholeLimit = 80
const stemCacheLimit = 50_000

/** Scripts that are written without blanks: two neighbouring characters make a term. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const unspacedRun = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{M}\u30fc]+/gu
/** Letters, marks and digits, joined by single characters that hold identifiers, paths, versions and addresses together. */
const chunk = /[\p{L}\p{M}\p{N}_]+(?:[.\-/:@+#][\p{L}\p{M}\p{N}_]+)*/gu
/** Accents, and the vowel points of Hebrew and Arabic: written or left out at will. */
const optionalMarks = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]/g
const nonAscii = /[^\0-\x7f]/
const humps = /[a-z\d][A-Z]|[A-Z]{2}[a-z]/
const hump = /([a-z\d])([A-Z])|([A-Z])(?=[A-Z][a-z])/g

/**
 * Calls `each` for every term of a text: `term` as it is indexed, `word` as it was written.
 * Words are folded (NFKC, case, accents) and stemmed; identifiers, paths and versions come whole and in parts.
 */
export function analyse(text: string, each: (term: string, word: string) => void): void {
  let words = 0
  for (const [run] of fold(text).matchAll(chunk)) {
    if (++words > wordLimit) return
    if (nonAscii.test(run) && unspaced.test(run)) splitUnspaced(run, each)
    else splitChunk(run, each)
  }
}

function fold(text: string): string {
  const read = text.length > readLimit ? text.slice(0, readLimit) : text
  const folded = nonAscii.test(read) ? read.normalize('NFKD').replace(optionalMarks, '').normalize('NFC') : read
  // it's -> its, don't -> dont: the apostrophe is left out as often as it is written.
  return folded.replace(/(\p{L})['\u2019](?=\p{L})/gu, '$1')
}

/** `src/store/keys.ts#L3` gives itself, `keys.ts`, and its words. */
function splitChunk(run: string, each: (term: string, word: string) => void): void {
  if (!/[.\-/:@+#_]/.test(run)) {
    splitHumps(run, each)
    return
  }
  whole(run, each)
  const segments = run.split(/[/:@+#]/)
  for (const segment of segments) {
    const parts = segment.split(/[._-]/)
    if (parts.length > 1 && segments.length > 1) whole(segment, each)
    // The numbers of a version or an address say nothing by themselves.
    if (parts.length > 1 && parts.every((part) => /^v?\d+$/i.test(part))) continue
    for (const part of parts) if (part !== '') splitHumps(part, each)
  }
}

function splitHumps(part: string, each: (term: string, word: string) => void): void {
  if (!humps.test(part)) {
    word(part, each)
    return
  }
  whole(part, each)
  for (const piece of part.replace(hump, '$1$3 $2').split(' ')) word(piece, each)
}

function whole(run: string, each: (term: string, word: string) => void): void {
  if (run.length <= wholeLimit) each(run.toLowerCase().replace(/^v(?=\d+\.)/, ''), run)
}

function word(written: string, each: (term: string, word: string) => void): void {
  if (written.length > wholeLimit) return
  const lower = written.toLowerCase()
  each(/^[a-z]+$/.test(lower) ? stemOf(lower) : lower.replaceAll('ς', 'σ'), written)
}

function splitUnspaced(run: string, each: (term: string, word: string) => void): void {
  let end = 0
  for (const match of run.matchAll(unspacedRun)) {
    if (match.index > end) splitRest(run.slice(end, match.index), each)
    end = match.index + match[0].length
    const characters = [...match[0].toLowerCase()]
    if (characters.length === 1) each(match[0], match[0])
    for (let index = 1; index < characters.length; index++) each(characters[index - 1]! + characters[index]!, characters[index - 1]! + characters[index]!)
  }
  if (end < run.length) splitRest(run.slice(end), each)
}

function splitRest(rest: string, each: (term: string, word: string) => void): void {
  const trimmed = rest.replace(/^[.\-/:@+#_]+|[.\-/:@+#_]+$/g, '')
  if (trimmed !== '') splitChunk(trimmed, each)
}

const stems = new Map<string, string>()

function stemOf(lower: string): string {
  let stemmed = stems.get(lower)
  if (stemmed === undefined) {
    if (stems.size >= stemCacheLimit) stems.clear()
    stemmed = stem(lower)
    stems.set(lower, stemmed)
  }
  return stemmed
}
