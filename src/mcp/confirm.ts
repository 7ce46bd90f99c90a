import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../kernel/clock.ts'

const lifeMs = 5 * 60_000

/** Says yes, for a few minutes, to exactly what was shown: the same selection with the same count. */
export interface Confirmations {
  token(shown: object): string
  /** Why a token does not hold; undefined when it does. */
  refuse(token: string, shown: object): string | undefined
}

/** Tokens hold in this process alone. */
export function createConfirmations(clock: Clock): Confirmations {
  const key = randomBytes(32)
  const sign = (expires: string, shown: object): Buffer => createHmac('sha256', key).update(`${expires}\n${JSON.stringify(shown)}`).digest().subarray(0, 18)
  return {
    token(shown) {
      const expires = Math.trunc(clock.now() + lifeMs).toString(36)
      return `${expires}.${sign(expires, shown).toString('base64url')}`
    },
    refuse(token, shown) {
      const [expires = '', signature = ''] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      const wanted = sign(expires, shown)
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return 'the confirmation is of another selection, or more or fewer memories fit it by now'
      return Number.parseInt(expires, 36) < clock.now() ? 'the confirmation is older than five minutes' : undefined
    },
  }
}
