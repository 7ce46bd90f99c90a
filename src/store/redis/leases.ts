import type { LeaseGrant, Leases } from '../ports.ts'
import type { Backend } from './link.ts'

/** Share of the time to live that clocks may drift apart, and what a round trip's rounding may cost. */
const driftShare = 0.01
const driftMs = 2

export function createLeases(backend: Backend): Leases {
  const { keys, clock } = backend

  /** The time runs from the ask: counted from the reply, a slow one would leave two holders. */
  const grant = (fence: number, askedAt: number, ttlMs: number): LeaseGrant => ({ fence, heldUntil: askedAt + ttlMs - (ttlMs * driftShare + driftMs) })

  return {
    async acquire(name, holder, ttlMs) {
      const askedAt = clock.monotonic()
      const fence = await backend.run('acquire', [keys.lease(name), keys.leaseFence(name)], [holder, Math.floor(ttlMs)])
      return fence === null ? undefined : grant(Number(fence), askedAt, ttlMs)
    },
    async renew(name, holder, fence, ttlMs) {
      const askedAt = clock.monotonic()
      const renewed = await backend.run('renew', [keys.lease(name)], [fence, holder, Math.floor(ttlMs)])
      return renewed === 1 ? grant(fence, askedAt, ttlMs) : undefined
    },
    async release(name, holder, fence) {
      return (await backend.run('renew', [keys.lease(name)], [fence, holder, ''])) === 1
    },
    async inspect(name) {
      const [held, remainingMs] = await backend.read((client) => Promise.all([client.get(keys.lease(name)), client.pttl(keys.lease(name))]))
      if (held === null || remainingMs <= 0) return undefined
      const blank = held.indexOf(' ')
      return { holder: held.slice(blank + 1), fence: Number(held.slice(0, blank)), remainingMs }
    },
  }
}
