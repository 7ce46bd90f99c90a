/**
 * English stemming after Porter (1980): `connected`, `connecting` and `connections` become `connect`.
 * Takes lower-case words of a-z; two letters and fewer stay as they are.
 */
export function stem(word: string): string {
  if (word.length < 3) return word
  let stemmed = plural(word)
  stemmed = participle(stemmed)
  if (stemmed.endsWith('y') && hasVowel(stemmed, stemmed.length - 1)) stemmed = `${stemmed.slice(0, -1)}i`
  stemmed = replaced(stemmed, longSuffixes, 0)
  stemmed = replaced(stemmed, midSuffixes, 0)
  stemmed = dropped(stemmed)
  if (stemmed.endsWith('e')) {
    const base = stemmed.slice(0, -1)
    const m = measure(base)
    if (m > 1 || (m === 1 && !isShort(base))) stemmed = base
  }
  return stemmed.endsWith('ll') && measure(stemmed) > 1 ? stemmed.slice(0, -1) : stemmed
}

/** Longest first within an ending. */
const longSuffixes: readonly [string, string][] = [
  ['ational', 'ate'], ['ization', 'ize'], ['iveness', 'ive'], ['fulness', 'ful'], ['ousness', 'ous'], ['tional', 'tion'], ['biliti', 'ble'], ['entli', 'ent'],
  ['ousli', 'ous'], ['ation', 'ate'], ['alism', 'al'], ['aliti', 'al'], ['iviti', 'ive'], ['enci', 'ence'], ['anci', 'ance'], ['izer', 'ize'], ['abli', 'able'],
  ['alli', 'al'], ['ator', 'ate'], ['logi', 'log'], ['eli', 'e'],
]
const midSuffixes: readonly [string, string][] = [['icate', 'ic'], ['ative', ''], ['alize', 'al'], ['iciti', 'ic'], ['ical', 'ic'], ['ness', ''], ['ful', '']]
const lastSuffixes = ['ement', 'ance', 'ence', 'able', 'ible', 'ment', 'ant', 'ent', 'ion', 'ism', 'ate', 'iti', 'ous', 'ive', 'ize', 'al', 'er', 'ic', 'ou']

function plural(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (word.endsWith('ies')) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1)
  return word.endsWith('s') && !word.endsWith('ss') && !word.endsWith('us') ? word.slice(0, -1) : word
}

function participle(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word
  const cut = word.endsWith('ed') ? 2 : word.endsWith('ing') ? 3 : 0
  if (cut === 0 || !hasVowel(word, word.length - cut)) return word
  const base = word.slice(0, -cut)
  if (base === 'queu') return 'queue'
  if (base.endsWith('at') || base.endsWith('bl') || base.endsWith('iz')) return `${base}e`
  if (doubled(base) && !/[lsz]$/.test(base)) return base.slice(0, -1)
  return measure(base) === 1 && isShort(base) ? `${base}e` : base
}

function replaced(word: string, suffixes: readonly [string, string][], above: number): string {
  for (const [suffix, by] of suffixes) {
    if (!word.endsWith(suffix)) continue
    const base = word.slice(0, -suffix.length)
    return measure(base) > above ? base + by : word
  }
  return word
}

function dropped(word: string): string {
  for (const suffix of lastSuffixes) {
    if (!word.endsWith(suffix)) continue
    const base = word.slice(0, -suffix.length)
    if (measure(base) <= 1) return word
    return suffix === 'ion' && !/[st]$/.test(base) ? word : base
  }
  return word
}

function isVowel(word: string, index: number): boolean {
  switch (word.charCodeAt(index)) {
    case 97: case 101: case 105: case 111: case 117: return true
    case 121: return index > 0 && !isVowel(word, index - 1)
    default: return false
  }
}

function hasVowel(word: string, end: number): boolean {
  for (let index = 0; index < end; index++) if (isVowel(word, index)) return true
  return false
}

/** How often a run of vowels is followed by a run of consonants. */
function measure(word: string): number {
  let count = 0
  let wasVowel = false
  for (let index = 0; index < word.length; index++) {
    const vowel = isVowel(word, index)
    if (wasVowel && !vowel) count++
    wasVowel = vowel
  }
  return count
}

function doubled(word: string): boolean {
  const last = word.length - 1
  return last > 0 && word[last] === word[last - 1] && !isVowel(word, last)
}

/** Ends in consonant, vowel, consonant, the last not w, x or y: `fil` of `filing`. */
function isShort(word: string): boolean {
  const last = word.length - 1
  return last >= 2 && !isVowel(word, last) && isVowel(word, last - 1) && !isVowel(word, last - 2) && !/[wxy]$/.test(word)
}
