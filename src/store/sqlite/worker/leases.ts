import type { Unit } from './unit.ts'

interface LeaseRow {
  holder: string | null
  fence: number
  /** Wall time in ms. */
  expires: number
}

interface LeaseArgs {
  name: string
  holder: string
  ttlMs: number
  /** When the holder asked: a call that waited long must not get a longer lease for it. */
  now: number
}

const find = (unit: Unit, name: string): LeaseRow | undefined => unit.sql.get<LeaseRow>('SELECT holder, fence, expires FROM leases WHERE name = ?', [name])

const holds = (lease: LeaseRow | undefined, now: number): lease is LeaseRow & { holder: string } => lease !== undefined && lease.holder !== null && lease.expires > now

/** The fence, or undefined when someone else holds it. At least the time, so that a lost file cannot reissue an old one. */
export function acquireLease(unit: Unit, { name, holder, ttlMs, now }: LeaseArgs): number | undefined {
  const lease = find(unit, name)
  if (holds(lease, now) && lease.holder !== holder) return undefined
  const fence = Math.max((lease?.fence ?? 0) + 1, now)
  unit.sql.run('INSERT OR REPLACE INTO leases (name, holder, fence, expires) VALUES (?, ?, ?, ?)', [name, holder, fence, now + ttlMs])
  return fence
}

export function renewLease(unit: Unit, { name, holder, fence, ttlMs, now }: LeaseArgs & { fence: number }): boolean {
  return 0 < unit.sql.run('UPDATE leases SET expires = ? WHERE name = ? AND holder = ? AND fence = ? AND expires > ?', [now + ttlMs, name, holder, fence, now])
}

/** The row stays, without a holder, for its fence. */
export function releaseLease(unit: Unit, { name, holder, fence, now }: { name: string; holder: string; fence: number; now: number }): boolean {
  return 0 < unit.sql.run('UPDATE leases SET holder = NULL WHERE name = ? AND holder = ? AND fence = ? AND expires > ?', [name, holder, fence, now])
}

export function inspectLease(unit: Unit, { name, now }: { name: string; now: number }): { holder: string; fence: number; remainingMs: number } | undefined {
  const lease = find(unit, name)
  return holds(lease, now) ? { holder: lease.holder, fence: lease.fence, remainingMs: lease.expires - now } : undefined
}
