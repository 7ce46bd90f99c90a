import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Clock } from '../../src/kernel/clock.ts'
import type { Leases } from '../../src/store/ports.ts'

export interface LeasesFixture {
  leases: Leases
  /** The clock the store was given: `heldUntil` is compared with it. */
  clock: Clock
  /** Loses every lease and every fence, as a flushed server or a deleted file does, and returns the port again. */
  lose?: () => Promise<Leases>
  close(): Promise<void>
}

const longMs = 60_000

/** What `src/store/ports.ts` promises of `Leases`. Waits for expiry are on the real clock. */
export function leasesContract(name: string, makeStore: () => Promise<LeasesFixture>): void {
  describe(`${name}: leases`, () => {
    let fixture: LeasesFixture
    let leases: Leases
    let names = 0

    beforeAll(async () => {
      fixture = await makeStore()
      leases = fixture.leases
    })
    afterAll(async () => {
      await fixture?.close()
    })

    const newName = (): string => `role:{trainer}-${process.pid}-${++names}`
    const need = async (lease: string, holder: string, ttlMs = longMs) => {
      const grant = await leases.acquire(lease, holder, ttlMs)
      if (grant === undefined) throw new Error(`${holder} was refused ${lease}`)
      return grant
    }

    it('is held by one at a time', async () => {
      const lease = newName()
      const grants = await Promise.all(Array.from({ length: 20 }, (_, index) => leases.acquire(lease, `node-${index}`, longMs)))
      expect(grants.filter((grant) => grant !== undefined)).toHaveLength(1)
      const winner = grants.findIndex((grant) => grant !== undefined)
      expect(await leases.inspect(lease)).toMatchObject({ holder: `node-${winner}`, fence: grants[winner]!.fence })
      expect(await leases.acquire(newName(), 'other', longMs)).toBeDefined()
    })

    it('gives the same holder a new fence, and the old one is over', async () => {
      const lease = newName()
      const first = await need(lease, 'a')
      const second = await need(lease, 'a')
      expect(second.fence).toBeGreaterThan(first.fence)
      expect(await leases.renew(lease, 'a', first.fence, longMs)).toBeUndefined()
      expect(await leases.release(lease, 'a', first.fence)).toBe(false)
      expect(await leases.renew(lease, 'a', second.fence, longMs)).toMatchObject({ fence: second.fence })
    })

    it('counts heldUntil from the ask, less a margin for drift', async () => {
      const lease = newName()
      const before = fixture.clock.monotonic()
      const grant = await need(lease, 'a', 10_000)
      const after = fixture.clock.monotonic()
      expect(grant.heldUntil).toBeGreaterThan(before + 9_000)
      // From the reply it would be later than this whenever the call took longer than the margin.
      expect(grant.heldUntil).toBeLessThanOrEqual(before + 10_000 - 1)
      const renewed = (await leases.renew(lease, 'a', grant.fence, 20_000))!
      expect(renewed.heldUntil).toBeGreaterThan(after + 18_000)
      expect(renewed.heldUntil).toBeLessThan(fixture.clock.monotonic() + 20_000)
    })

    it('is free again after its time, and the late holder can neither renew nor release', async () => {
      const lease = newName()
      const late = await need(lease, 'a', 150)
      await expect.poll(() => leases.acquire(lease, 'b', longMs), { timeout: 5000, interval: 20 }).toBeDefined()
      expect(fixture.clock.monotonic()).toBeGreaterThan(late.heldUntil)
      expect(await leases.renew(lease, 'a', late.fence, longMs)).toBeUndefined()
      expect(await leases.release(lease, 'a', late.fence)).toBe(false)
      const now = (await leases.inspect(lease))!
      expect(now.holder).toBe('b')
      expect(now.fence).toBeGreaterThan(late.fence)
    })

    it('cannot be renewed once it ran out, even when nobody took it', async () => {
      const lease = newName()
      const grant = await need(lease, 'a', 100)
      await expect.poll(() => leases.inspect(lease), { timeout: 5000, interval: 20 }).toBeUndefined()
      expect(await leases.renew(lease, 'a', grant.fence, longMs)).toBeUndefined()
    })

    it('is renewed for longer', async () => {
      const lease = newName()
      const grant = await need(lease, 'a', 1_000)
      await leases.renew(lease, 'a', grant.fence, longMs)
      expect((await leases.inspect(lease))!.remainingMs).toBeGreaterThan(longMs / 2)
      expect(await leases.renew(lease, 'b', grant.fence, longMs)).toBeUndefined()
    })

    it('is free at once after a release, under a higher fence', async () => {
      const lease = newName()
      const first = await need(lease, 'a')
      expect(await leases.release(lease, 'b', first.fence)).toBe(false)
      expect(await leases.release(lease, 'a', first.fence)).toBe(true)
      expect(await leases.release(lease, 'a', first.fence)).toBe(false)
      expect(await leases.inspect(lease)).toBeUndefined()
      expect((await need(lease, 'b')).fence).toBeGreaterThan(first.fence)
    })

    it('hands out strictly growing fences, however fast', async () => {
      const lease = newName()
      let last = 0
      for (let round = 0; round < 50; round++) {
        const { fence } = await need(lease, `node-${round % 2}`)
        expect(fence).toBeGreaterThan(last)
        expect(Number.isSafeInteger(fence)).toBe(true)
        last = fence
        await leases.release(lease, `node-${round % 2}`, fence)
      }
    })

    it('does not reissue an old fence after the store has lost everything', async ({ skip }) => {
      if (fixture.lose === undefined) skip()
      const lease = newName()
      const before = await need(lease, 'a')
      const lostAt = fixture.clock.now()
      leases = await fixture.lose!()
      // Fences come from the time in ms: a store that is lost and found within one does not exist.
      await expect.poll(() => fixture.clock.now(), { interval: 1 }).toBeGreaterThan(lostAt)
      expect((await need(lease, 'b')).fence).toBeGreaterThan(before.fence)
    })
  })
}
