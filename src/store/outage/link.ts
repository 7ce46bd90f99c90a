import { redisLinkMachine, type RedisLinkEvent } from '../../../machines/redis-link.ts'
import type { Clock } from '../../kernel/clock.ts'
import { JournalFull, JournalTooOld, messageOf, StoreBusy, StoreUnavailable } from '../../kernel/errors.ts'
import { runMachine } from '../machine-runner.ts'
import type { JournalTotals } from './journal.ts'

export type LinkState = 'connected' | 'degraded' | 'syncing'

/** What is to become of a write: send it, keep it in the journal, or wait for the link to change and ask again. */
export type Decision = 'forward' | 'keep' | 'hold'

/** Carries out what the link decides; supervised, and replaced when it fails. */
export interface Carrier {
  /** Find out whether the store answers; tell the link `up` or `down`. */
  probe(): void
  /** Send the journal; tell the link what was confirmed, and at last `swept`. */
  drain(run: number): void
  changed(state: LinkState): void
}

export interface LinkLimits {
  journalBytes: number
  journalAgeMs: number
  backoff: { minMs: number; maxMs: number }
  /** Items left in the journal from which on new writes are held back until it is empty. Default 500. */
  settleBelow?: number
  /** How many may be. Default 10,000. */
  maxHeld?: number
}

export interface OutageLink {
  readonly state: LinkState
  /** Why the store was last found away. */
  readonly reason: string | undefined
  readonly journal: JournalTotals
  /** Decides on one write of so many bytes; throws `JournalFull` when there is no room for it. */
  decide(bytes: number): Decision
  /** Settles at the next change of state. */
  changed(): Promise<void>
  /** The store was found away. */
  down(reason: unknown): void
  send(event: RedisLinkEvent): void
  /** Begins, or begins again, with this carrier. Returns how to detach it. */
  attach(carrier: Carrier): () => void
  on(listener: (state: LinkState) => void): () => void
  stop(): void
}

/** Runs the machine `redis-link` where writes are decided: synchronously, so that none slips between two states. */
export function createOutageLink(clock: Clock, limits: LinkLimits, journal: JournalTotals): OutageLink {
  const { settleBelow = 500, maxHeld = 10_000 } = limits
  const listeners = new Set<(state: LinkState) => void>()
  let carrier: Carrier | undefined
  let state: LinkState = 'degraded'
  let reason: string | undefined
  let waiters: (() => void)[] = []
  /** The state of the machine after it let a write through: it lets every next one through until something else happens. */
  let forwarding: unknown

  function change(next: LinkState): void {
    state = next
    if (next === 'connected') reason = undefined
    const woken = waiters
    waiters = []
    for (const wake of woken) wake()
    // Not from inside the machine: whoever is told may write at once.
    queueMicrotask(() => {
      carrier?.changed(next)
      for (const listener of listeners) listener(next)
    })
  }

  const runner = runMachine(redisLinkMachine, {
    name: 'redis',
    input: { journal, limitBytes: limits.journalBytes, maxAgeMs: limits.journalAgeMs, backoff: limits.backoff, settleBelow, maxHeld },
    clock,
    effects: {
      probe: () => carrier?.probe(),
      drain: ({ run }: { run: number }) => carrier?.drain(run),
      changed: ({ state: next }: { state: LinkState }) => change(next),
    },
  })

  function refusal(bytes: number): Error {
    const { bytes: held, oldestAt } = runner.snapshot.context
    if (runner.snapshot.matches({ syncing: 'settling' })) return new StoreBusy('writes that wait for the outage journal to be sent', maxHeld)
    return held + bytes > limits.journalBytes ? new JournalFull(held, limits.journalBytes) : new JournalTooOld(clock.now() - oldestAt, limits.journalAgeMs)
  }

  return {
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    get journal() {
      const { items, bytes, oldestAt } = runner.snapshot.context
      return { items, bytes, oldestAt }
    },
    decide(bytes) {
      if (runner.snapshot === forwarding) return 'forward'
      const [decision] = runner.send({ type: 'write', bytes, now: clock.now() }).filter(({ type }) => type !== 'startTimer')
      switch (decision?.type) {
        case 'forward':
          forwarding = runner.snapshot
          return 'forward'
        case 'keep':
        case 'hold':
          return decision.type
        case 'refuse':
          throw refusal(bytes)
        default:
          throw new StoreUnavailable('the store is closed')
      }
    },
    changed: () => new Promise((resolve) => waiters.push(resolve)),
    down(error) {
      reason = messageOf(error)
      runner.send({ type: 'down' })
    },
    send: (event) => void runner.send(event),
    attach(next) {
      carrier = next
      runner.send({ type: 'start' })
      return () => {
        if (carrier === next) carrier = undefined
      }
    },
    on(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop() {
      runner.send({ type: 'stop' })
      runner.dispose()
      carrier = undefined
      const woken = waiters
      waiters = []
      for (const wake of woken) wake()
    },
  }
}
