import type { Clock, Timer } from '../../src/kernel/clock.ts'
import type { EntryId, Log, Stoppable } from '../../src/store/ports.ts'

export interface Wakeable {
  /** The room has entries up to `entry`. */
  rung(entry: EntryId): void
  /** Called now and then: to extend what is being worked on and to take over what others left. */
  sweep?(): void
}

/** Wakes the readers of this node: one listener on the log and one timer for all rooms. */
export interface Wakeups {
  /** Resolves, with the way to end it, once no ring can be missed any more. */
  add(room: string, reader: Wakeable): Promise<() => void>
  /** As a ring would. */
  wake(room: string, entry: EntryId): void
  stop(): Promise<void>
}

export function createWakeups(log: Log, clock: Clock, sweepMs: number): Wakeups {
  const readers = new Map<string, Set<Wakeable>>()
  let listening: Promise<Stoppable> | undefined
  let sweeper: Timer | undefined

  const wake = (room: string, entry: EntryId): void => {
    for (const reader of readers.get(room) ?? []) reader.rung(entry)
  }
  const onRing = (rooms: ReadonlyMap<string, EntryId>): void => {
    for (const [room, entry] of rooms) wake(room, entry)
  }
  const sweep = (): void => {
    for (const waiting of readers.values()) {
      for (const reader of waiting) reader.sweep?.()
    }
    sweeper = readers.size === 0 ? undefined : clock.timer(sweepMs, sweep, { background: true })
  }
  const listen = (): Promise<Stoppable> => {
    listening ??= log.listen(onRing).catch((error: unknown) => {
      listening = undefined
      throw error
    })
    return listening
  }

  return {
    async add(room, reader) {
      await listen()
      const there = readers.get(room) ?? new Set()
      readers.set(room, there.add(reader))
      sweeper ??= clock.timer(sweepMs, sweep, { background: true })
      return () => {
        there.delete(reader)
        if (there.size === 0 && readers.get(room) === there) readers.delete(room)
      }
    },
    wake,
    async stop() {
      sweeper?.cancel()
      readers.clear()
      const running = listening
      listening = undefined
      await (await running)?.stop()
    },
  }
}
