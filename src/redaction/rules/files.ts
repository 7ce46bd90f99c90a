import { isMarked } from '../marker.ts'
import { isPlaceholder } from '../placeholder.ts'
import { pattern } from '../rule.ts'
import type { Rule } from '../types.ts'

const notPlaceholder = (secret: string): boolean => !isMarked(secret) && !isPlaceholder(secret)

/** Lines of files that hold credentials. */
export const fileRules: readonly Rule[] = [
  pattern('netrc-password', ['machine ', 'login '], /(?:machine\s{1,4}[\w.-]{1,200}\s{1,8})?login\s{1,4}[^\s]{1,100}\s{1,8}password\s{1,4}(?<s>[^\s"']{3,256})/, { rest: /[^\s"']*/, accept: notPlaceholder }),
  pattern('pgpass-password', [':5432:', ':5433:', ':6432:', ':*:'], /:(?:\d{4,5}|\*):[\w*-]{1,64}:[\w.@*-]{1,64}:(?<s>(?:[^\s:\\"']|\\[:\\]){3,256})(?=\s|$|["'\\])/, { accept: (secret) => notPlaceholder(secret) && /[A-Za-z0-9]{3}/.test(secret) }),
  pattern('password-hash', ['$2a$', '$2b$', '$2y$'], /\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/),
  pattern('password-hash', ['$apr1$', '$argon2'], /\$(?:apr1|argon2(?:id|i|d))\$[^\s:"']{16,200}/),
  pattern('kubeconfig-key', ['client-key-data'], /client-key-data["']?\s{0,4}:\s{0,4}["']?(?<s>[A-Za-z0-9+/]{40,400})/, { rest: /[A-Za-z0-9+/=]*/ }),
]
