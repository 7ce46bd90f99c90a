import { pattern } from '../rule.ts'
import type { Finding, Rule } from '../types.ts'

const header = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
const footer = /-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
/** One line of the body: what is between line ends, which may be escaped, quoted or commented. */
const line = /(?:\s|\\+[nrt]|["'`+,;#>*|\\]){0,200}(?:[A-Za-z0-9+/=]{16,20000}|(?:Version|Comment|Proc-Type|DEK-Info|Hash): ?[^\r\n\\]{0,200})/y
const shortestBody = 40

/** PEM and PGP private key blocks, of any line end, also cut off before the end. A block that is only shown by an ellipsis stays. */
const pem: Rule = {
  kind: 'private-key',
  needles: ['PRIVATE KEY'],
  find(text, words) {
    const near = Math.max(0, words - 45)
    const begin = text.slice(near, words).lastIndexOf('-----BEGIN ')
    if (begin < 0) return undefined
    const at = near + begin
    header.lastIndex = at
    if (!header.test(text)) return undefined
    const body = header.lastIndex
    // The body holds no dashes in a row, so the next ones end it; this also keeps a text of nothing but headers linear.
    const dashes = text.indexOf('-----', body)
    footer.lastIndex = dashes
    if (dashes >= 0 && footer.test(text)) {
      const short = text.slice(body, Math.min(dashes, body + 4000)).replace(/[^A-Za-z0-9+/=]/g, '').length < shortestBody
      return short ? undefined : { kind: 'private-key', start: at, end: footer.lastIndex }
    }
    const end = endOfLines(text, body)
    return end - body < shortestBody ? undefined : { kind: 'private-key', start: at, end }
  },
}

function endOfLines(text: string, from: number): number {
  let end = from
  line.lastIndex = from
  while (line.test(text)) end = line.lastIndex
  return end
}

/** Three parts of base64url of which the first is a JSON object that names an algorithm. */
const jwt: Rule = {
  kind: 'jwt',
  needles: ['eyJ'],
  find(text, at) {
    const found = token.find(text, at)
    if (found === undefined) return undefined
    const head = text.slice(found.start, text.indexOf('.', found.start))
    return /"(?:alg|enc)"\s*:/.test(Buffer.from(head, 'base64url').toString('latin1')) ? found : undefined
  },
}
const token = pattern('jwt', ['eyJ'], /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{0,8000}\.[A-Za-z0-9_-]{10,2000}(?:\.[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,100})?/)

const phrase = /[a-z_ ]{8,16}["']?(?:\s{0,3}[:=]\s{0,3}|\s(?:is|was)\s)["'`]?(?=((?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8})(?![a-z]))/iy
/** Frequent words that are not in the list of BIP 39: prose, or what follows the phrase. */
const prose = new Set('the and are was were for from has had its our his her did'.split(' '))

/** A wallet's 12 to 24 words, where they are called so. */
const seedPhrase: Rule = {
  kind: 'seed-phrase',
  needles: ['mnemonic', 'seed phrase', 'seed_phrase', 'seedphrase', 'recovery phrase', 'recovery_phrase', 'secret phrase', 'seed words'],
  find(text, at) {
    phrase.lastIndex = at
    const run = phrase.exec(text)?.[1]
    if (run === undefined) return undefined
    const words = run.split(/[ ,]+/)
    const stop = words.findIndex((word) => prose.has(word.toLowerCase()))
    const count = [24, 21, 18, 15, 12].find((length) => length <= (stop < 0 ? words.length : stop))
    if (count === undefined) return undefined
    const length = new RegExp(`^(?:[a-z]+[ ,]+){${count - 1}}[a-z]+`, 'i').exec(run)?.[0].length as number
    return { kind: 'seed-phrase', start: phrase.lastIndex, end: phrase.lastIndex + length }
  },
}

export const keyRules: readonly Rule[] = [
  pem,
  {
    kind: 'private-key',
    needles: ['Private-Lines:'],
    find(text, at): Finding | undefined {
      const start = at + 'Private-Lines:'.length
      const lines = /\s{0,4}\d{1,4}(?:\s|\\+[nr]){1,8}(?:[A-Za-z0-9+/=]{4,80}(?:\s|\\+[nr]){1,4}){1,200}/y
      lines.lastIndex = start
      return lines.test(text) ? { kind: 'private-key', start, end: lines.lastIndex } : undefined
    },
  },
  jwt,
  pattern('age-key', ['AGE-SECRET-KEY-1'], /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/i),
  pattern('jwk-private-key', ['"d"'], /"d"\s{0,4}:\s{0,4}"(?<s>[A-Za-z0-9_-]{40,700})"/, {
    accept: (_, match) => /"kty"/.test(match.input.slice(Math.max(0, match.index - 2000), match.index + 2000)),
  }),
  pattern('wireguard-key', ['privatekey', 'presharedkey'], /P(?:rivate|reshared)Key\s{0,4}=\s{0,4}(?<s>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)/i),
  pattern('otp-secret', ['otpauth://'], /otpauth:\/\/[^\s"'<>]{0,300}?[?&]secret=(?<s>[A-Z2-7]{16,128}={0,6})/i),
  seedPhrase,
]
