import type { Bus } from '../../src/bus/bus.ts'
import { defineActor } from '../../src/kernel/define.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { Stoppable } from '../../src/store/ports.ts'
import { startCarrier } from '../../src/store/outage/carrier.ts'
import type { LinkState, OutageStore } from '../../src/store/outage/open.ts'

export interface RedisLinkInput {
  store: OutageStore
  bus: Bus
}

interface State {
  carrier: Stoppable
  forget: (() => void)[]
}

export interface LinkReport {
  state: LinkState
  /** Why the store is away. */
  reason?: string
  /** The journal: writes, bytes, and since when the oldest waits (wall time, ms). */
  items: number
  bytes: number
  oldestAt?: number
}

/** Keeps the link to the shared store: looks for it while it is away, sends the journal when it is back, and tells the bus. */
export const redisLink = defineActor({
  name: 'redis-link',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  state({ store, bus }: RedisLinkInput, ctx): State {
    const tell = announcer(store, bus, ctx.clock)
    const forget = [
      store.onDrained(({ replayed, duplicates, conflicts }) => {
        tell.drained(replayed, duplicates, conflicts.length)
        for (const { id, subject } of conflicts) bus.publish('conflict.recorded', { conflict: id, key: subject })
      }),
      store.onResolved(({ id, subject }, choice) => bus.publish('conflict.resolved', { conflict: id, key: subject, choice })),
    ]
    const carrier = startCarrier(store, { onChange: tell.changed, onDefect: (error) => ctx.self.tell({ type: 'defect', error }) })
    return { carrier, forget }
  },
  handlers: {
    report: (_: {}, ctx): LinkReport => {
      const { state, reason, journal } = ctx.input.store.link
      return { state, reason, items: journal.items, bytes: journal.bytes, oldestAt: journal.oldestAt === 0 ? undefined : journal.oldestAt }
    },
    /** From the work in the background: fails this incarnation, and the next one takes the link up where it is. */
    defect: ({ error }: { error: unknown }) => {
      throw error
    },
  },
  async stop(ctx) {
    for (const end of ctx.state.forget) end()
    await ctx.state.carrier.stop()
  },
})

/** Counts what one sync did, and says what the link is doing whenever that changes. */
function announcer(store: OutageStore, bus: Bus, clock: Clock): { changed(state: LinkState): void; drained(replayed: number, duplicates: number, conflicts: number): void } {
  let counts = { replayed: 0, duplicates: 0, conflicts: 0 }
  let downSince = clock.monotonic()
  return {
    drained(replayed, duplicates, conflicts) {
      counts = { replayed: counts.replayed + replayed, duplicates: counts.duplicates + duplicates, conflicts: counts.conflicts + conflicts }
    },
    changed(state) {
      switch (state) {
        case 'degraded':
          downSince = clock.monotonic()
          bus.publish('link.degraded', { reason: store.link.reason ?? 'not reached yet' })
          break
        case 'syncing':
          bus.publish('link.restored', { downMs: clock.monotonic() - downSince, items: store.link.journal.items })
          break
        case 'connected':
          bus.publish('link.connected', counts)
          counts = { replayed: 0, duplicates: 0, conflicts: 0 }
      }
    },
  }
}
