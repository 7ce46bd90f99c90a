import { isMarked } from '../marker.ts'
import { isPlaceholder } from '../placeholder.ts'
import { pattern } from '../rule.ts'
import type { Rule } from '../types.ts'

const notPlaceholder = (secret: string): boolean => !isMarked(secret) && !isPlaceholder(secret)

/** Whether a cookie is more than a setting such as `theme=dark`. */
function holdsId(cookie: string): boolean {
  const value = cookie.slice(cookie.indexOf('=') + 1)
  return value.length >= 8 && value.length <= 1000 && /\d/.test(value) && /[A-Za-z]/.test(value)
}

/** What travels in URLs and headers. */
export const webRules: readonly Rule[] = [
  pattern('sentry-dsn', ['://'], /:\/\/[0-9a-f]{32}:(?<s>[0-9a-f]{32})@[\w.-]{0,100}sentry/),
  pattern('url-password', ['://'], /:\/\/(?<s>[^\s:/@]{4,256}):x-oauth-basic@/, { accept: notPlaceholder }),
  pattern('url-password', ['://'], /:\/\/[^\s:/@?#[\]"'`<>|\\]{0,256}:(?<s>[^\s/?#"'`<>|\\]{1,256})@(?=[A-Za-z0-9[_$%{.-])/, {
    accept: (secret) => notPlaceholder(secret) && !/^(?:x-oauth-basic|pass|password|pwd|pw|passwd|secret|token)$/i.test(secret),
  }),
  // A password that should have been escaped. What begins like a port is one.
  pattern('url-password', ['://'], /:\/\/[^\s:/@?#[\]"'`<>|\\]{0,256}:(?!\d{1,5}[/?#])(?<s>[^\s@"'`<>|\\]{1,256})@(?=[A-Za-z0-9[_$%{.-])/, {
    accept: (secret) => notPlaceholder(secret) && /\d/.test(secret) && /[A-Za-z]/.test(secret),
  }),
  pattern('url-password', ['://'], /:\/\/(?<s>[A-Za-z0-9_-]{20,256})@(?=[A-Za-z0-9])/, { accept: (secret) => notPlaceholder(secret) && /\d/.test(secret) && /[A-Za-z]/.test(secret) && !/^[0-9a-f]{32}$/.test(secret) }),
  pattern('bearer-token', ['bearer '], /bearer\s{1,4}(?<s>[A-Za-z0-9._~+/=-]{8,400})/i, {
    rest: /[A-Za-z0-9._~+/=-]*/,
    accept: (secret) => notPlaceholder(secret) && /\d/.test(secret) && /[A-Za-z]/.test(secret) && !/^[a-z-]+\d{0,2}[.,]?$/.test(secret),
  }),
  pattern('authorization-header', ['authorization'], /authorization["']?\s{0,4}[:=,]\s{0,4}["'`]?(?:[A-Za-z][\w-]{1,20}\s{1,4})?(?<s>[A-Za-z0-9._~+/=:-]{8,400})/i, {
    rest: /[A-Za-z0-9._~+/=:-]*/,
    accept: (secret) => notPlaceholder(secret) && /\d|=$/.test(secret) && /[A-Za-z]/.test(secret) && !/^[a-z]+[.-]?\w{0,12}$/i.test(secret),
  }),
  pattern('basic-auth', ['basic '], /\bbasic\s{1,4}(?<s>[A-Za-z0-9+/]{8,2000}={0,2})(?![\w-])/i, {
    accept: (secret) => secret.length % 4 === 0 && /^[\x20-\x7e]{1,200}:[\x20-\x7e]{0,1000}$/.test(Buffer.from(secret, 'base64').toString('latin1')),
  }),
  pattern('password', ["password '", 'password "', 'identified by '], /(?:password|identified by)\s["'](?<s>[^"'\s]{4,256})["']/i, { accept: (secret) => notPlaceholder(secret) && /[^A-Za-z]/.test(secret) && /[A-Za-z]/.test(secret) }),
  pattern('cookie', ['cookie'], /cookie["']?\s{0,4}:\s{0,4}["']?(?<s>[^\s=;"'\\]{1,80}=[^\r\n"'\\]{4,1000})/i, { rest: /[^\r\n"'\\]*/, accept: (secret) => secret.split(';').some(holdsId) }),
  pattern('basic-auth', [' -u', ' --user', ' --proxy-user'], / (?:-u ?|--(?:proxy-)?user[ =])["']?[^\s:"'/]{1,64}:(?!\/\/)(?<s>[^\s"']{3,256})/, {
    rest: /[^\s"']*/,
    accept: (secret, match) => notPlaceholder(secret) && /\b(?:curl|wget|http|https|xh)\b/.test(match.input.slice(Math.max(0, match.index - 400), match.index)),
  }),
]
