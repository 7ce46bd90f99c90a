import type { Randomness } from '../kernel/clock.ts'

const sources = new WeakMap<Randomness, () => string>()

/**
 * Message ids: a random prefix drawn once per source of randomness, then a counter. As unique as the prefix
 * (a UUID), at a tenth of the cost of a UUID per message.
 */
export function messageIds(randomness: Randomness): () => string {
  const known = sources.get(randomness)
  if (known) return known
  const prefix = `${randomness.id().replaceAll('-', '')}-`
  let count = 0
  const next = (): string => prefix + (++count).toString(36)
  sources.set(randomness, next)
  return next
}
