import type { Randomness } from '../kernel/clock.ts'

const sources = new WeakMap<Randomness, () => string>()

/** The last two digits of an id, ready made: writing a number in base 36 costs more than the rest of an envelope. */
const lastDigits = Array.from({ length: 36 * 36 }, (_, index) => index.toString(36).padStart(2, '0'))

/**
 * Message ids: a random prefix drawn once per source of randomness, then a counter. As unique as the prefix
 * (a UUID), at a tenth of the cost of a UUID per message.
 */
export function messageIds(randomness: Randomness): () => string {
  const known = sources.get(randomness)
  if (known) return known
  const prefix = `${randomness.id().replaceAll('-', '')}-`
  let high = 0
  let low = 0
  let stem = `${prefix}0`
  const next = (): string => {
    if (low === lastDigits.length) {
      low = 0
      stem = prefix + (++high).toString(36)
    }
    return stem + lastDigits[low++]!
  }
  sources.set(randomness, next)
  return next
}
