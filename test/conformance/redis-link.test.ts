import { expect, it } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { redisLinkProperties } from '../../machines/redis-link.properties.ts'
import { redisLinkMachine, type RedisLinkEvent } from '../../machines/redis-link.ts'
import { conform, type Command, type Observed } from '../../src/check/index.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { JournalFull, JournalTooOld, StoreBusy, StoreUnavailable } from '../../src/kernel/errors.ts'
import { transitions, type Transition } from '../../src/kernel/transitions.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { createOutageLink, type OutageLink } from '../../src/store/outage/link.ts'

type Snapshot = SnapshotFrom<typeof redisLinkMachine>

const { nonceWrap: _, ...input } = redisLinkProperties.input

/** The real link, with a carrier that only tells, on a clock whose wall time the events bring along. */
function world() {
  let virtual: VirtualClock
  let wall = 0
  let link: OutageLink | undefined
  let told: Command[] = []
  let machine: Transition['snapshot'] | undefined
  let timerMs = 0
  const tell = (type: string, params?: object): void => void told.push({ type, params })
  const clock: Clock = {
    now: () => wall,
    monotonic: () => virtual.monotonic(),
    timer(ms, run) {
      tell('startTimer', { id: 'reconnect', ms })
      timerMs = ms
      return virtual.timer(ms, run)
    },
  }
  const carrier = { probe: () => tell('probe'), drain: (run: number) => tell('drain', { run }), changed: () => {} }

  const happen = async (event: RedisLinkEvent): Promise<void> => {
    const real = link as OutageLink
    switch (event.type) {
      case 'start':
        return void real.attach(carrier)
      case 'stop':
        return real.stop()
      case 'down':
        return real.down(new StoreUnavailable('as the tour says'))
      case 'write':
        wall = event.now
        try {
          tell(real.decide(event.bytes))
        } catch (error) {
          if (!(error instanceof JournalFull || error instanceof JournalTooOld || error instanceof StoreBusy)) throw error
          tell('refuse')
        }
        return
      case 'timer':
        // The clock calls what is due; that a timer was replaced is told by hand.
        if (event.nonce === 0) return real.send(event)
        return virtual.advance(timerMs)
      default:
        return real.send(event)
    }
  }
  const observe = async (stopped: boolean): Promise<Observed> => {
    // Who listens is told a turn later.
    await Promise.resolve()
    const commands = told
    told = []
    const { state, journal } = link as OutageLink
    return { commands, state: { value: machine!.value, journal, timers: virtual.timers, ...(!stopped && { state }) } }
  }

  return {
    listen(message: unknown): void {
      machine = (message as Transition).snapshot
    },
    reset(): Promise<Observed> {
      link?.stop()
      virtual = new VirtualClock()
      wall = 0
      const { limitBytes, maxAgeMs, backoff, settleBelow, maxHeld } = input
      link = createOutageLink(clock, { journalBytes: limitBytes, journalAgeMs: maxAgeMs, backoff, settleBelow, maxHeld }, { items: 0, bytes: 0, oldestAt: 0 })
      link.on((state) => tell('changed', { state }))
      told = []
      return observe(false)
    },
    async send(event: RedisLinkEvent): Promise<Observed> {
      await happen(event)
      return observe(event.type === 'stop')
    },
  }
}

const seen = (commands: readonly Command[]): string =>
  commands.filter(({ type }) => type !== 'cancelTimer').map(({ type, params }) => `${type} ${params?.ms ?? params?.run ?? params?.state ?? ''}`).sort().join()

it('the real link does what its machine does, along every transition', { timeout: 120_000 }, async () => {
  const real = world()
  transitions.subscribe(real.listen)
  const result = await conform(redisLinkMachine, real, {
    events: redisLinkProperties.events,
    input,
    key: ({ value, status, context: { nonces, failures, ...context } }) => ({ value, status, context, failures: Math.min(failures, 3), running: Object.keys(nonces.running) }),
    state: ({ value, context: { items, bytes, oldestAt, nonces } }: Snapshot) => ({
      value, journal: { items, bytes, oldestAt }, timers: nonces.running['reconnect'] === undefined ? 0 : 1,
      state: value === 'connected' ? 'connected' : typeof value === 'object' && 'syncing' in value ? 'syncing' : 'degraded',
    }),
    commands: (expected, actual) => seen(expected) === seen(actual),
  }).finally(() => transitions.unsubscribe(real.listen))
  expect(result.failure && [result.failure.message, ...result.failure.path.map(({ event }) => JSON.stringify(event))]).toBeUndefined()
  expect(result).toMatchObject({ ok: true })
  expect(result.covered).toBe(result.transitions)
})
