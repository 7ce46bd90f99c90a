import type { Rule } from './types.ts'

export interface PatternOptions {
  /** How far before the needle the match begins; the first length that matches counts. Default 0. */
  back?: number | readonly number[]
  /** What a secret longer than the expression looks at goes on with, and is taken too. Default: letters, digits, "_" and "-". */
  rest?: RegExp
  /** Whether what matched is a secret. */
  accept?: (secret: string, match: RegExpExecArray) => boolean
}

/**
 * A rule from a regular expression tried only at the needle. The group `s`, when there is one, is the secret; else the whole match.
 * The expression has no open-ended repetition of what may repeat its needle, or a hostile text costs more than its length.
 */
export function pattern(kind: string, needles: readonly string[], expression: RegExp, options: PatternOptions = {}): Rule {
  const grouped = expression.source.includes('(?<s>')
  const sticky = new RegExp(expression.source, `${expression.flags}${grouped ? 'd' : ''}y`)
  const rest = options.rest === undefined ? word : new RegExp(options.rest.source, 'y')
  const backs = typeof options.back === 'object' ? options.back : [options.back ?? 0]
  return {
    kind,
    needles,
    find(text, at) {
      for (const back of backs) {
        if (back > at) continue
        sticky.lastIndex = at - back
        const match = sticky.exec(text)
        if (match === null) continue
        const [start, end] = match.indices?.groups?.s ?? [match.index, match.index + match[0].length]
        const secret = text.slice(start, end)
        if (!varied(secret) || options.accept?.(secret, match) === false) continue
        return { kind, start, end: endOf(rest, text, end) }
      }
      return undefined
    },
  }
}

const word = /[A-Za-z0-9_-]*/y

/** Where a run of `rest` from `from` on ends. Only for what was found, so a text is gone over once. */
export function endOf(rest: RegExp, text: string, from: number): number {
  rest.lastIndex = from
  rest.test(text)
  return rest.lastIndex
}

/** Not `ghp_xxxxxxxx` and its like. */
export function varied(secret: string): boolean {
  return !/([xX*.#0_-])\1{11}$/.test(secret.slice(-12))
}

/** A token known by its prefix, which is also the needle: `prefixed('npm-token', ['npm_'], /[A-Za-z0-9]{36}/)`. */
export function prefixed(kind: string, prefixes: readonly string[], rest: RegExp, options: PatternOptions = {}): Rule {
  const choice = prefixes.map((prefix) => prefix.replace(/[.$|+*?()[\]\\]/g, '\\$&')).join('|')
  return pattern(kind, prefixes, new RegExp(`(?:${choice})(?:${rest.source})`, rest.flags), options)
}
