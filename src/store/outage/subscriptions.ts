import type { Stoppable } from '../ports.ts'
import type { RedisStore } from '../redis/open.ts'

/** Subscriptions that may be asked for while the shared store is away. Once made, the store keeps them up by itself. */
export interface Subscriptions {
  /** Settles when the subscription is made, or at once while the store is away: it is made when it is back. */
  add(subscribe: (store: RedisStore) => Promise<Stoppable>): Promise<Stoppable>
  /** The store is there: makes what was asked for meanwhile. */
  reached(store: RedisStore): void
  away(): void
  stop(): Promise<void>
}

interface Wanted {
  subscribe(store: RedisStore): Promise<Stoppable>
  made?: Promise<Stoppable>
}

export function createSubscriptions(onProblem: (error: unknown) => void): Subscriptions {
  const wanted = new Set<Wanted>()
  let present: RedisStore | undefined

  function make(subscription: Wanted, store: RedisStore): Promise<Stoppable> {
    const made = subscription.subscribe(store)
    subscription.made = made
    made.catch(() => {
      subscription.made = undefined
    })
    return made
  }

  async function end(subscription: Wanted): Promise<void> {
    wanted.delete(subscription)
    await subscription.made?.then((made) => made.stop(), () => undefined)
  }

  return {
    async add(subscribe) {
      const subscription: Wanted = { subscribe }
      wanted.add(subscription)
      if (present !== undefined) await make(subscription, present)
      return { stop: () => end(subscription) }
    },
    reached(store) {
      present = store
      for (const subscription of wanted) if (subscription.made === undefined) make(subscription, store).catch(onProblem)
    },
    away() {
      present = undefined
    },
    async stop() {
      await Promise.all([...wanted].map(end))
    },
  }
}
