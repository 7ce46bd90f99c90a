import { StoreUnavailable } from '../../kernel/errors.ts'
import type { RedisStore } from '../redis/open.ts'
import { sizeOf, type Journal, type JournalItem } from './journal.ts'
import type { LinkState, OutageLink } from './link.ts'
import type { Statement } from './tables.ts'

/** Puts an item into the journal, together with what the folder is to remember. */
export type Keep = (item: JournalItem, also: Statement[]) => Promise<void>

/** The door to the shared store: every call passes it, and it knows what to do when nobody is behind it. */
export interface Gate {
  readonly state: LinkState
  /** The shared store, or `StoreUnavailable` at once while it is away. */
  shared(): RedisStore
  /** A call of the shared store; a failure to reach it is told to the link and passed on. */
  call<Result>(work: (store: RedisStore) => Promise<Result>): Promise<Result>
  /** A read: from the shared store, or by `fallback` while it is away. */
  read<Result>(work: (store: RedisStore) => Promise<Result>, fallback: () => Promise<Result>): Promise<Result>
  /**
   * A write: sent, or kept by `journalled`, which calls `keep` once at most. `item` tells how much room it needs.
   * One that puts it there by other means tells `noted`.
   * A write whose answer was lost is kept as well: the journal's items may be applied twice without effect.
   */
  write<Result>(item: JournalItem, send: (store: RedisStore) => Promise<Result>, journalled: (keep: Keep, noted: () => void) => Promise<Result>): Promise<Result>
  /** Writes that were accepted for the journal and are not in it yet. */
  readonly keeping: number
  /** Settles when those that are being kept now are. */
  kept(): Promise<void>
}

export interface GateOptions {
  link: OutageLink
  journal: Journal
  /** Absent until it was reached for the first time. */
  store(): RedisStore | undefined
}

export function createGate({ link, journal, store }: GateOptions): Gate {
  const keeping = new Set<Promise<unknown>>()
  const away = (): StoreUnavailable => new StoreUnavailable(`the shared store is away${link.reason === undefined ? '' : ` (${link.reason})`}: this call needs it`)

  function shared(): RedisStore {
    const present = store()
    if (present === undefined || link.state === 'degraded') throw away()
    return present
  }

  async function call<Result>(work: (present: RedisStore) => Promise<Result>): Promise<Result> {
    const present = shared()
    try {
      return await work(present)
    } catch (error) {
      if (error instanceof StoreUnavailable) link.down(error)
      throw error
    }
  }

  async function keepItem<Result>(bytes: number, journalled: (keep: Keep, noted: () => void) => Promise<Result>): Promise<Result> {
    let kept = 0
    const keep: Keep = async (item, also) => {
      await journal.add(item, bytes, also)
      kept++
    }
    try {
      return await journalled(keep, () => void kept++)
    } finally {
      if (kept === 0) link.send({ type: 'unkept', items: 1, bytes })
    }
  }

  return {
    get state() {
      return link.state
    },
    shared,
    call,
    get keeping() {
      return keeping.size
    },
    async kept() {
      await Promise.allSettled(keeping)
    },
    async read(work, fallback) {
      if (link.state === 'degraded') return fallback()
      try {
        return await call(work)
      } catch (error) {
        if (error instanceof StoreUnavailable) return fallback()
        throw error
      }
    },
    async write(item, send, journalled) {
      let bytes: number | undefined
      for (;;) {
        // While connected nothing is kept, so that the size does not matter.
        if (link.state !== 'connected') bytes ??= sizeOf(item)
        switch (link.decide(bytes ?? 0)) {
          case 'forward':
            try {
              return await call(send)
            } catch (error) {
              if (!(error instanceof StoreUnavailable)) throw error
            }
            break
          case 'hold':
            await link.changed()
            break
          case 'keep': {
            const kept = keepItem(bytes as number, journalled)
            keeping.add(kept)
            return kept.finally(() => keeping.delete(kept))
          }
        }
      }
    },
  }
}
