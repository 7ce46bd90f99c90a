import { blocks } from './blocks.ts'
import { assignments, places, tokenPlaces } from './contexts.ts'
import { lines } from './lines.ts'
import { named } from './named.ts'
import { Seeded } from './seeded.ts'
import { tokens } from './tokens.ts'

export interface Case {
  name: string
  place: string
  text: string
  /** None of these may be left, nor any long stretch of one. */
  secrets: string[]
}

export const kindNames = [...Object.keys(tokens), ...Object.keys(named), ...Object.keys(lines), ...Object.keys(blocks)]

/** Every kind in every place it can stand in. */
export function casesOf(seed: number): Case[] {
  const random = new Seeded(seed)
  const cases: Case[] = []
  for (const [name, make] of Object.entries(tokens)) {
    for (const [place, put] of Object.entries({ ...places, ...tokenPlaces })) {
      const secret = make(random)
      cases.push({ name, place, text: put(secret, random), secrets: [secret] })
    }
  }
  for (const [name, { names, value }] of Object.entries(named)) {
    for (const [place, write] of Object.entries(assignments)) {
      const secret = value(random)
      cases.push({ name, place, text: write(random.pick(names), secret), secrets: [secret] })
    }
  }
  for (const [name, make] of Object.entries(lines)) {
    for (const [place, put] of Object.entries(places)) {
      const { text, secret } = make(random)
      cases.push({ name, place, text: put(text, random), secrets: [secret] })
    }
  }
  for (const [name, make] of Object.entries(blocks)) {
    for (const [place, put] of Object.entries(places)) {
      const { text, body } = make(random)
      cases.push({ name, place, text: put(text, random), secrets: body })
    }
  }
  return cases
}

/** The longest stretch of a secret that `text` still shows, when it is long enough to be of use. */
export function leak(redacted: string, secrets: readonly string[]): string | undefined {
  const text = redacted.replace(/\[redacted:[a-z0-9-]+\]/g, '')
  for (const secret of secrets) {
    const stretch = Math.min(secret.length, 8)
    for (let at = 0; at + stretch <= secret.length; at += 1) {
      const part = secret.slice(at, at + stretch)
      if (text.includes(part)) return part
    }
  }
  return undefined
}
