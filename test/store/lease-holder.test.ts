import { expect, it } from 'vitest'
import { StaleOwner, StoreUnavailable } from '../../src/kernel/errors.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { createLeaseHolder } from '../../src/store/lease-holder.ts'
import type { LeaseGrant, Leases } from '../../src/store/ports.ts'

/** A server on the clock of the test; it can be away, slow, or forget. */
function world() {
  const clock = new VirtualClock()
  const server = { holder: '', fence: 0, until: 0, away: false, silent: false, calls: [] as string[] }
  const reach = async (call: string): Promise<void> => {
    server.calls.push(call)
    if (server.silent) await new Promise<never>(() => undefined)
    if (server.away) throw new StoreUnavailable('away')
  }
  const grant = (ttlMs: number, askedAt: number): LeaseGrant => {
    server.until = clock.monotonic() + ttlMs
    return { fence: server.fence, heldUntil: askedAt + ttlMs }
  }
  const leases: Leases = {
    async acquire(_, holder, ttlMs) {
      const askedAt = clock.monotonic()
      await reach('acquire')
      if (server.holder !== holder && server.holder !== '' && clock.monotonic() < server.until) return undefined
      server.holder = holder
      server.fence++
      return grant(ttlMs, askedAt)
    },
    async renew(_, holder, fence, ttlMs) {
      const askedAt = clock.monotonic()
      await reach('renew')
      return server.holder === holder && server.fence === fence && clock.monotonic() < server.until ? grant(ttlMs, askedAt) : undefined
    },
    async release(_, holder, fence) {
      await reach('release')
      if (server.holder !== holder || server.fence !== fence) return false
      server.holder = ''
      return true
    },
    async inspect() {
      return undefined
    },
  }
  const story: (number | undefined)[] = []
  const failures: unknown[] = []
  const hold = (holder: string) => {
    const made = createLeaseHolder({ leases, name: 'role:trainer', holder, clock, ttlMs: 900, retryMs: 100, onFailure: (error) => failures.push(error) })
    made.onChange((fence) => story.push(fence))
    return made
  }
  return { clock, server, hold, story, failures }
}

it('takes the lease, renews it at a third of its time, and gives it back', async () => {
  const { clock, server, hold, story } = world()
  const holder = hold('a')
  expect(holder.isHeld()).toBe(false)
  expect(holder.signal.aborted).toBe(true)
  expect(await holder.held()).toBe(1)
  expect(holder).toMatchObject({ fence: 1 })
  const { signal } = holder
  await clock.advance(3_000)
  expect(server.calls).toEqual(['acquire', ...Array<string>(10).fill('renew')])
  expect(signal.aborted).toBe(false)
  await holder.stop()
  await holder.stop()
  expect(signal.reason).toBeInstanceOf(StaleOwner)
  expect(server.holder).toBe('')
  expect(story).toEqual([1, undefined])
  expect(clock.timers).toBe(0)
})

it('stops believing at the deadline of its last grant, even before it is told so, and takes the lease again later', async () => {
  const { clock, server, hold, story, failures } = world()
  const holder = hold('a')
  await holder.held()
  const { signal } = holder
  server.away = true
  await clock.advance(899)
  expect(holder.isHeld()).toBe(true)
  await clock.advance(1)
  expect(holder.isHeld()).toBe(false)
  expect(signal.aborted).toBe(true)
  expect(failures[0]).toBeInstanceOf(StoreUnavailable)
  server.away = false
  await clock.advance(200)
  expect(holder.fence).toBe(2)
  expect(story).toEqual([1, undefined, 2])
  await holder.stop()
})

it('does not trust a clock that it was not woken by', async () => {
  const { clock, hold } = world()
  const holder = hold('a')
  await holder.held()
  // The event loop was blocked: time has passed and no timer has fired.
  const real = clock.monotonic.bind(clock)
  clock.monotonic = () => real() + 900
  expect(holder.isHeld()).toBe(false)
  expect(holder.fence).toBeUndefined()
  clock.monotonic = real
  await holder.stop()
})

it('lets go at once when a renewal is refused', async () => {
  const { clock, server, hold } = world()
  const holder = hold('a')
  await holder.held()
  Object.assign(server, { holder: 'b', fence: 7, until: clock.monotonic() + 10_000 })
  await clock.advance(300)
  expect(holder.isHeld()).toBe(false)
  await holder.stop()
  expect(server.holder).toBe('b')
})

it('takes over from a holder that died within its time to live and one wait', async () => {
  const { clock, server, hold } = world()
  Object.assign(server, { holder: 'dead', fence: 4, until: 900 })
  const holder = hold('b')
  await clock.advance(899)
  expect(holder.isHeld()).toBe(false)
  await clock.advance(101)
  expect(holder.fence).toBe(5)
  await holder.stop()
})

it('is not stuck by a request that is never answered', async () => {
  const { clock, server, hold } = world()
  server.silent = true
  const holder = hold('a')
  await clock.advance(900)
  server.silent = false
  await clock.advance(100)
  expect(holder.isHeld()).toBe(true)
  await holder.stop()
})

it('stopping ends a wait for it', async () => {
  const { clock, server, hold } = world()
  Object.assign(server, { holder: 'other', fence: 1, until: 1e9 })
  const holder = hold('a')
  const waiting = holder.held()
  const abort = new AbortController()
  const aborted = holder.held({ signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  await clock.settle()
  await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'cancelled' }), holder.stop()])
})

it('stops when the store never answers', async () => {
  const { clock, server, hold } = world()
  const holder = hold('a')
  await holder.held()
  server.silent = true
  const stopped = holder.stop()
  await clock.advance(900)
  await stopped
})
