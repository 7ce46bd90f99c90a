/**
 * Words of code and prose as search terms: `parseHttpURL` gives parse, http, url and the whole; `max_file_bytes` likewise;
 * paths fall into their parts. Lower case, stop words left out, plural and -ing / -ed endings cut. CJK text gives pairs of signs.
 *
 * The scanner hands out a scratch buffer instead of strings: a hundred thousand files are indexed without making
 * a string per word (a slice of a file's text would also keep the whole text alive).
 */
export type TermSink = (buffer: Uint16Array, length: number) => void

const longest = 48
const scratch = new Uint16Array(longest)
const joined = new Uint16Array(longest)

const stopWords = new Set(('a an and any are as at be been but by can could did do does for from had has have he her his how i if in into is it its '
  + 'may me my no nor not of on or our she should so some such than that the their them then there these they this those to too us was we were what '
  + 'when where which who whom whose why will with would you your').split(' ').map((word) => stopKey(Uint16Array.from(word, (sign) => sign.charCodeAt(0)), word.length)))

/** A number for each short word: a set of numbers is asked without making a string. */
function stopKey(buffer: Uint16Array, length: number): number {
  let key = length
  for (let i = 0; i < length; i++) key = (Math.imul(key, 31) + (buffer[i] ?? 0)) | 0
  return key
}

export function scanTerms(text: string, sink: TermSink): void {
  let at = 0
  const end = text.length
  while (at < end) {
    const code = text.charCodeAt(at)
    if (isWord(code)) at = scanIdentifier(text, at, end, sink)
    else if (kinds[code] === cjk) at = scanCjk(text, at, end, sink)
    else at++
  }
}

/** The terms of a text as strings, for queries and tests. */
export function termsOf(text: string): string[] {
  const terms: string[] = []
  scanTerms(text, (buffer, length) => terms.push(String.fromCharCode(...buffer.subarray(0, length))))
  return terms
}

/** An identifier is a run of word signs and underscores; its parts are emitted, then, with more than one part, the whole. */
function scanIdentifier(text: string, start: number, end: number, sink: TermSink): number {
  let at = start
  let parts = 0
  let whole = 0
  while (at < end) {
    const first = text.charCodeAt(at)
    if (first === underscore) {
      at++
      continue
    }
    if (!isWord(first)) break
    const partEnd = endOfPart(text, at, end)
    let length = 0
    for (let i = at; i < partEnd; i++) {
      const lower = lowerCase(text.charCodeAt(i))
      if (length < longest) scratch[length++] = lower
      if (whole < longest) joined[whole++] = lower
    }
    emit(scratch, length, sink)
    parts++
    at = partEnd
  }
  if (parts > 1) emit(joined, whole, sink)
  return at
}

/** Cuts at lower|Upper, at letter|digit borders, and before the last capital of a run (HTTPServer -> HTTP, Server). */
function endOfPart(text: string, start: number, end: number): number {
  const first = kinds[text.charCodeAt(start)]
  if (first !== upper) return endOfRun(text, start, end, first === digit ? digit : lower)
  const capitals = endOfRun(text, start, end, upper)
  const small = endOfRun(text, capitals, end, lower)
  if (small === capitals) return capitals
  return capitals - start > 1 ? capitals - 1 : small
}

function endOfRun(text: string, start: number, end: number, kind: number): number {
  let at = start
  while (at < end && kinds[text.charCodeAt(at)] === kind) at++
  return at
}

function scanCjk(text: string, start: number, end: number, sink: TermSink): number {
  let at = start
  while (at < end && kinds[text.charCodeAt(at)] === cjk) at++
  for (let i = start; i + 1 < at; i++) {
    scratch[0] = text.charCodeAt(i)
    scratch[1] = text.charCodeAt(i + 1)
    sink(scratch, 2)
  }
  if (at - start === 1) {
    scratch[0] = text.charCodeAt(start)
    sink(scratch, 1)
  }
  return at
}

function emit(buffer: Uint16Array, length: number, sink: TermSink): void {
  if (length <= 6 && stopWords.has(stopKey(buffer, length))) return
  const stemmed = stem(buffer, length)
  if (stemmed > 1 || (stemmed === 1 && (buffer[0] ?? 0) > 127)) sink(buffer, stemmed)
}

/** Cuts the most common English endings in place and returns the new length. Both sides of a search go through it. */
function stem(buffer: Uint16Array, given: number): number {
  let length = given
  if (length > 4 && endsWith(buffer, length, 'ies')) {
    length -= 2
    buffer[length - 1] = 121
  } else if (length > 3 && buffer[length - 1] === 115 && !endsWith(buffer, length, 'ss') && !endsWith(buffer, length, 'us') && !endsWith(buffer, length, 'is')) {
    length -= 1
  }
  const ending = length > 6 && endsWith(buffer, length, 'ing') ? 3 : length > 5 && endsWith(buffer, length, 'ed') && !endsWith(buffer, length, 'eed') ? 2 : 0
  length -= ending
  const last = buffer[length - 1]
  if (ending > 0 && last === buffer[length - 2] && last !== 108 && last !== 115) length -= 1
  return length > 4 && buffer[length - 1] === 101 ? length - 1 : length
}

function endsWith(buffer: Uint16Array, length: number, ending: string): boolean {
  for (let i = 1; i <= ending.length; i++) if (buffer[length - i] !== ending.charCodeAt(ending.length - i)) return false
  return true
}

const underscore = 95
const lower = 1
const upper = 2
const digit = 3
const cjk = 4

/** What each UTF-16 unit is; 0 separates words. */
const kinds = new Uint8Array(65536)
for (let code = 0; code < 65536; code++) {
  const sign = String.fromCharCode(code)
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(sign)) kinds[code] = cjk
  else if (/\p{Lu}/u.test(sign)) kinds[code] = upper
  else if (/[\p{L}\p{M}]/u.test(sign)) kinds[code] = lower
  else if (/\p{N}/u.test(sign)) kinds[code] = digit
}

function isWord(code: number): boolean {
  const kind = kinds[code] ?? 0
  return kind !== 0 && kind !== cjk
}

function lowerCase(code: number): number {
  if (code < 128) return kinds[code] === upper ? code + 32 : code
  const lowered = String.fromCharCode(code).toLowerCase()
  return lowered.length === 1 ? lowered.charCodeAt(0) : code
}
