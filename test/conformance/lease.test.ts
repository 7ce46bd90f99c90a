import { afterAll, expect, it } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { leaseMachine, type LeaseEvent } from '../../machines/lease.ts'
import { conform, type Observed } from '../../src/check/index.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { createLeaseHolder, type LeaseHolder } from '../../src/store/lease-holder.ts'
import type { LeaseGrant, Leases } from '../../src/store/ports.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { sharedRedis } from '../shared-redis.ts'

type Snapshot = SnapshotFrom<typeof leaseMachine>

const [ttlMs, retryMs] = [600_000, 1]
const lease = 'role:trainer'
const clock = new VirtualClock()
const store = await openRedisStore(sharedRedis())
afterAll(() => store.close())

/** What the real holder can be put through: it asks at once, and its timers fire in the order of their times. */
function events({ value, context }: Snapshot): LeaseEvent[] {
  const { ask, ...timers } = context.nonces.running
  const due = Object.entries(timers).filter(([id]) => id !== 'expire' || timers['renew'] === undefined)
  if (value === 'idle') return [{ type: 'start' }]
  return [
    ...(value === 'releasing' ? [{ type: 'released' as const }] : [{ type: 'stop' as const }]),
    ...(ask === undefined ? [] : [
      { type: 'granted' as const, ask, fence: context.heldUntil > 0 ? context.fence : context.fence + 1, heldUntil: ttlMs, now: 0 },
      { type: 'denied' as const, ask },
      { type: 'failed' as const, ask },
    ]),
    ...due.map(([id, nonce]): LeaseEvent => ({ type: 'timer', id, nonce })),
  ]
}

/** A request of the holder that waits for the test to say what becomes of it. */
interface Request {
  pass(): Promise<unknown>
  answer(result: LeaseGrant | undefined | boolean): void
  fail(error: Error): void
}

/** The real holder over the real Redis, with a gate before every request. */
function world() {
  let holder: LeaseHolder | undefined
  let told: string[] = []
  const requests: Request[] = []
  const gated = <T>(type: string, pass: () => Promise<T>): Promise<T> => {
    told.push(type)
    return new Promise<T>((answer, fail) => requests.push({ pass, answer: answer as Request['answer'], fail }))
  }
  /** Redis lives in real time, the holder in that of the test. */
  const inTestTime = (ask: () => Promise<LeaseGrant | undefined>) => {
    const askedAt = clock.monotonic()
    return async (): Promise<LeaseGrant | undefined> => {
      const sentAt = systemClock.monotonic()
      const grant = await ask()
      return grant && { ...grant, heldUntil: Math.floor(askedAt + grant.heldUntil - sentAt) }
    }
  }
  const leases: Leases = {
    acquire: (...args) => gated('acquire', inTestTime(() => store.leases.acquire(...args))),
    renew: (...args) => gated('renew', inTestTime(() => store.leases.renew(...args))),
    release: (...args) => gated('release', () => store.leases.release(...args)),
    inspect: (name) => store.leases.inspect(name),
  }
  /** Somebody else has it in Redis, and gives it back after `body`. */
  const taken = async (body: () => Promise<unknown>): Promise<void> => {
    const mine = await store.leases.inspect(lease)
    if (mine !== undefined) expect(await store.leases.release(lease, mine.holder, mine.fence)).toBe(true)
    const theirs = await store.leases.acquire(lease, 'somebody else', ttlMs)
    await body()
    expect(await store.leases.release(lease, 'somebody else', theirs!.fence)).toBe(true)
  }
  const due = { patience: ttlMs, retry: retryMs, renew: ttlMs / 3 }
  let heldUntil = 0

  const happen = async (event: LeaseEvent): Promise<void> => {
    const request = requests.at(-1)
    switch (event.type) {
      case 'start':
        holder = createLeaseHolder({ leases, name: lease, holder: 'the holder', clock, ttlMs, retryMs })
        holder.onChange((fence) => told.push(fence === undefined ? 'lost' : 'gained'))
        return
      case 'stop':
        void holder!.stop()
        return
      case 'granted': {
        const grant = await request!.pass()
        expect(grant).toMatchObject({ fence: expect.any(Number) })
        due.renew = ttlMs / 3
        heldUntil = (grant as LeaseGrant).heldUntil
        request!.answer(grant as LeaseGrant)
        return
      }
      case 'denied':
        await taken(async () => request!.answer(await request!.pass() as undefined))
        return
      case 'failed':
        // Redis has done it, and the reply is lost.
        await request!.pass()
        due.renew = retryMs
        request!.fail(new StoreUnavailable('the reply was lost'))
        return
      case 'released':
        request!.answer(await request!.pass() as boolean)
        return
      case 'timer':
        await clock.advance(event.id === 'expire' ? heldUntil - clock.monotonic() : due[event.id as keyof typeof due])
    }
  }
  const observe = async (): Promise<Observed> => {
    await new Promise(setImmediate)
    const commands = told.map((type) => ({ type, params: undefined }))
    told = []
    return { commands, state: { held: holder?.isHeld() ?? false, aborted: holder?.signal.aborted ?? true } }
  }
  return {
    async reset(): Promise<Observed> {
      if (holder !== undefined) {
        const stopped = holder.stop()
        await clock.advance(ttlMs)
        await stopped
      }
      holder = undefined
      requests.length = 0
      const there = await store.leases.inspect(lease)
      if (there !== undefined) await store.leases.release(lease, there.holder, there.fence)
      told = []
      return observe()
    },
    async send(event: LeaseEvent): Promise<Observed> {
      await happen(event)
      return observe()
    },
  }
}

/** What is seen of the commands from outside. */
const seen = ['acquire', 'renew', 'release', 'gained', 'lost']

it('the lease holder over a real Redis does what its machine does, along every transition', async () => {
  const result = await conform(leaseMachine, world(), {
    events,
    input: { ttlMs, retryMs, nonceWrap: 4 },
    key: ({ value, context }) => ({ value, running: Object.keys(context.nonces.running).sort() }),
    state: (snapshot) => ({ held: snapshot.matches('held'), aborted: !snapshot.matches('held') }),
    commands: (expected, actual) => expected.filter(({ type }) => seen.includes(type)).map(({ type }) => type).join() === actual.map(({ type }) => type).join(),
  })
  expect(result.failure).toBeUndefined()
  expect(result).toMatchObject({ ok: true })
  expect(result.covered).toBe(result.transitions)
})
