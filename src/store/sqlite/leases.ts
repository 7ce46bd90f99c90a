import type { Clock } from '../../kernel/clock.ts'
import { heldUntil } from '../lease-margin.ts'
import type { LeaseGrant, Leases } from '../ports.ts'
import type { Client } from './client.ts'

export function createLeases(client: Client, clock: Clock): Leases {
  const now = (): number => Math.trunc(clock.now())

  async function grant(ttlMs: number, ask: () => Promise<number | undefined>): Promise<LeaseGrant | undefined> {
    const askedAt = clock.monotonic()
    const fence = await ask()
    return fence === undefined ? undefined : { fence, heldUntil: heldUntil(askedAt, ttlMs) }
  }

  return {
    acquire: (name, holder, ttlMs) => grant(ttlMs, () => client.call('acquireLease', { name, holder, ttlMs, now: now() })),
    renew: (name, holder, fence, ttlMs) => grant(ttlMs, async () => (await client.call('renewLease', { name, holder, fence, ttlMs, now: now() })) ? fence : undefined),
    release: (name, holder, fence) => client.call('releaseLease', { name, holder, fence, now: now() }),
    inspect: (name) => client.call('inspectLease', { name, now: now() }),
  }
}
