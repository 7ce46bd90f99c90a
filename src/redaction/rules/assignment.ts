import { isMarked } from '../marker.ts'
import { isPlaceholder } from '../placeholder.ts'
import { endOf, varied } from '../rule.ts'
import type { Rule } from '../types.ts'
import { classify } from './key-names.ts'
import type { Strength } from './key-names.ts'

/** Between a key and its value: `=`, `:`, `=>`, `:=`, `": "`, `'] = `, ` is `. */
const separator = /(?:\\*["'`])?\]?(?:\s{0,8}(?:=>|:=|[=:])\*{0,2}\s{0,8}|\s(?:is|was):?\s|%3D|%3A(?:%20|\+)?)(?:[bru]?(?<quote>\\*["'`]|%22))?/iy
const optionSeparator = /[ =]["']?/y
/** Ends before what ends a value in code, JSON, a URL, or a shell. */
const bareValue = /[^\s"'`<>,;(){}[\]|\\]{1,256}/y
const urlValue = /[^\s"'`<>,;(){}[\]|\\&#]{1,256}/y
/** What a value longer than is looked at goes on with. */
const bareRest = /[^\s"'`<>,;(){}[\]|\\]*/y
const urlRest = /[^\s"'`<>,;(){}[\]|\\&#]*/y
const longestBare = 256
const longestQuoted = 1024
/** Whether an ASCII character can be part of a name. */
const inName = Uint8Array.from({ length: 128 }, (_, code) => Number(/[A-Za-z0-9_.$-]/.test(String.fromCharCode(code))))

/** `key = value` in code, configuration, JSON, YAML, shells, logs and URLs, when the key's name says secret and the value looks like one. */
export const assignment: Rule = {
  kind: 'secret',
  needles: ['pwd', 'secret', 'token', 'key', 'credential', 'auth', 'sessid', 'sessionid', 'connect.sid', 'pass', '_pat', '_pw'],
  find(text, at) {
    const start = nameStart(text, at)
    const end = nameEnd(text, at)
    const value = valueAfter(text, start, end)
    if (value === undefined) return undefined
    const name = text.slice(start, end)
    const key = classify(/^keys?$/i.test(name) ? `${wordBefore(text, start)}-${name}` : name)
    if (key === undefined) return undefined
    const secret = text.slice(value.start, value.end)
    const shaped = key.shape?.test(secret) === true
    if (!shaped && !looksReal(secret, key.strength, value.quoted, value.environment)) return undefined
    if (isMarked(secret) || isPlaceholder(secret)) return undefined
    return { kind: shaped ? key.kind : key.generic, start: value.start, end: value.rest === undefined ? value.end : endOf(value.rest, text, value.end) }
  },
}

/** The "API" of "API key". */
function wordBefore(text: string, start: number): string {
  return /[A-Za-z]{1,16}(?= $)/.exec(text.slice(Math.max(0, start - 17), start))?.[0] ?? ''
}

interface Value {
  start: number
  end: number
  quoted: boolean
  /** What it goes on with when it is longer than was looked at. */
  rest?: RegExp
  /** `NAME=value` or `--name=value` without spaces, as in a shell or a .env file. */
  environment: boolean
}

function nameStart(text: string, at: number): number {
  let start = at
  while (start > 0 && at - start < 48 && inName[text.charCodeAt(start - 1)] === 1) start -= 1
  return start
}

function nameEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && end - at < 32 && inName[text.charCodeAt(end)] === 1) end += 1
  return end
}

function valueAfter(text: string, start: number, end: number): Value | undefined {
  separator.lastIndex = end
  const found = separator.exec(text)
  if (found === null) {
    optionSeparator.lastIndex = end
    if (!text.startsWith('--', start) || !optionSeparator.test(text)) return undefined
    return bare(text, optionSeparator.lastIndex, bareValue, true)
  }
  const from = separator.lastIndex
  const quote = found.groups?.quote
  if (quote !== undefined) {
    const close = text.slice(from, from + longestQuoted).indexOf(quote)
    const newline = text.slice(from, from + longestQuoted).indexOf('\n')
    if (close < 0 || (newline >= 0 && newline < close)) return bare(text, from, bareValue, false)
    return close === 0 ? undefined : { start: from, end: from + close, quoted: true, environment: false }
  }
  const inUrl = start > 0 && /[?&;]/.test(text[start - 1] as string)
  const environment = found[0] === '=' && /^(?:[A-Z0-9_]+$|--)/.test(text.slice(start, end))
  return bare(text, from, inUrl ? urlValue : bareValue, environment)
}

function bare(text: string, from: number, expression: RegExp, environment: boolean): Value | undefined {
  expression.lastIndex = from
  if (!expression.test(text)) return undefined
  const end = expression.lastIndex
  // A call, an index or a block: code, not a value.
  if (!environment && /[([{]/.test(text[end] ?? ' ')) return undefined
  const trimmed = text.slice(from, end).replace(/[.:]+$/, '').length
  const rest = end - from < longestBare ? undefined : expression === urlValue ? urlRest : bareRest
  return { start: from, end: rest === undefined ? from + trimmed : end, quoted: false, environment, rest }
}

/** `req.body.password2`: words, and a dot between them. */
const member = /^(?:[$_]{0,2}(?:[A-Za-z]?[a-z]+(?:[A-Z][a-z]+|_[a-z]+)*|[A-Z_]+)\d{0,2}(?:[?!]?\.(?=.)|$)){2,12}$/

/** Whether a value could be what its key promises: not a word, a type, a path, a member of an object or a sentence. */
function looksReal(value: string, strength: Strength, quoted: boolean, environment: boolean): boolean {
  if (strength === 'token' && (value.length < 16 || !/\d/.test(value) || !varied(value))) return false
  if (/\s/.test(value)) return strength === 'password' && quoted && value.length <= 64 && /\d/.test(value) && !/[.,:] /.test(value)
  if (/^(?:[./~]|[A-Za-z]:\\|[a-z][a-z0-9+.-]*:\/\/|@[a-z]|urn:)/.test(value)) return false
  if (!quoted && !environment && member.test(value)) return false
  if (!quoted && /^0x[0-9a-f]+$|\$\d{1,2}$/i.test(value)) return false
  const classes = Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/\d/.test(value)) + Number(/[^A-Za-z0-9]/.test(value))
  const digits = /\d/.test(value)
  if (strength === 'password') {
    if (environment) return value.length >= 4
    if (quoted) return value.length >= 6 && classes >= 2 && (digits || !/^[A-Za-z]+(?:[-_. :/][A-Za-z]+)*[-_.:?!*]*$/.test(value))
    return value.length >= 6 && classes >= 2 && digits
  }
  return classes >= 2 && /[A-Za-z]/.test(value)
}
