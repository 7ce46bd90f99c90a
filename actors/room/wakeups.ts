import type { Clock, Timer } from '../../src/kernel/clock.ts'
import { Cancelled } from '../../src/kernel/errors.ts'
import type { EntryId, Log, Stoppable } from '../../src/store/ports.ts'

export interface Wakeable {
  /** The room has entries up to `entry`. */
  rung(entry: EntryId): void
  /** The log came back without its last entries: what it gives out next may be told by no ring that is newer than the last one. */
  reset?(): void
  /** Called now and then: to extend what is being worked on and to take over what others left. */
  sweep?(): void
}

/** Wakes the readers of this node: one listener on the log and one timer for all rooms. */
export interface Wakeups {
  /** Resolves, with the way to end it, once no ring can be missed any more. */
  add(room: string, reader: Wakeable): Promise<() => void>
  /** Begins to hear rings, if it does not yet. */
  listen(): Promise<unknown>
  /** Who is told all rings, whether or not the room has readers here. */
  onRing(listener: (rooms: ReadonlyMap<string, EntryId>) => void): void
  /** Who is told, before the readers, that the log came back without its last entries. */
  onReset(listener: () => void): void
  /** As a ring would. */
  wake(room: string, entry: EntryId): void
  stop(): Promise<void>
}

export function createWakeups(log: Log, clock: Clock, sweepMs: number): Wakeups {
  const readers = new Map<string, Set<Wakeable>>()
  let listening: Promise<Stoppable> | undefined
  let sweeper: Timer | undefined
  let overhearing: ((rooms: ReadonlyMap<string, EntryId>) => void) | undefined
  let beforeReset: (() => void) | undefined
  let stopped = false

  const wake = (room: string, entry: EntryId): void => {
    for (const reader of readers.get(room) ?? []) reader.rung(entry)
  }
  const onRing = (rooms: ReadonlyMap<string, EntryId>): void => {
    overhearing?.(rooms)
    for (const [room, entry] of rooms) wake(room, entry)
  }
  const onReset = (): void => {
    beforeReset?.()
    for (const waiting of readers.values()) {
      for (const reader of waiting) reader.reset?.()
    }
  }
  const sweep = (): void => {
    for (const waiting of readers.values()) {
      for (const reader of waiting) reader.sweep?.()
    }
    sweeper = readers.size === 0 ? undefined : clock.timer(sweepMs, sweep, { background: true })
  }
  const listen = (): Promise<Stoppable> => {
    if (stopped) return Promise.reject(new Cancelled('hearing rings', new Error('the rooms of this node are stopped')))
    listening ??= log.listen(onRing, onReset).catch((error: unknown) => {
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
    listen,
    onRing(listener) {
      overhearing = listener
    },
    onReset(listener) {
      beforeReset = listener
    },
    wake,
    async stop() {
      stopped = true
      sweeper?.cancel()
      readers.clear()
      const running = listening
      listening = undefined
      await (await running)?.stop()
    },
  }
}
