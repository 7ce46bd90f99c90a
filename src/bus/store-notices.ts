import type { Clock } from '../kernel/clock.ts'
import type { Logger } from '../kernel/logger.ts'
import type { DataOf } from '../messages/map.ts'
import type { Bus } from './bus.ts'
import { createThrottle } from './throttle.ts'

/** What a person should know about a store and that is no failure of a call. */
export type StoreNotice =
  | { type: 'store.quarantined'; data: DataOf<'store.quarantined'> }
  | { type: 'store.warned'; data: DataOf<'store.warned'> }

export interface StoreNotices {
  tell(notice: StoreNotice): void
  /**
   * From now on the bus is told too. Of what was noticed before, when the stores were opened, it hears in a later turn of the event
   * loop, so that whoever awaited the hive has subscribed.
   */
  attach(bus: Bus): void
}

/** What is tried again and again is told once in a while. */
const againMs = 60_000
/** Messages are few, but some hold figures. */
const mostKept = 100

/** Notices go to the log and to the bus. The same one is told at most once a minute. */
export function createStoreNotices(logger: Logger, clock: Clock): StoreNotices {
  let throttle = createThrottle(clock, againMs)
  let kept = 0
  let waiting: StoreNotice[] = []
  let publish = (notice: StoreNotice): void => void waiting.push(notice)

  return {
    tell(notice) {
      if (++kept % mostKept === 0) throttle = createThrottle(clock, againMs)
      if (throttle(notice.data.message) === 0) return
      logger.warn({ notice: notice.type, ...('code' in notice.data && { code: notice.data.code }) }, notice.data.message)
      publish(notice)
    },
    attach(bus) {
      setImmediate(() => {
        publish = ({ type, data }) => void bus.publish(type, data)
        for (const notice of waiting) publish(notice)
        waiting = []
      }).unref()
    },
  }
}
