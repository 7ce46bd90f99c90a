import { slotGroups } from '../keys.ts'
import { compareEntryIds, type EntryId, type Stoppable } from '../ports.ts'
import type { Backend } from './link.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface Rings {
  listen(onRing: (rooms: ReadonlyMap<string, EntryId>) => void, onReset?: () => void): Promise<Stoppable>
  stop(): Promise<void>
}

/** How late a lost ring may be noticed, ms. */
const sweepMs = 1_000

/**
 * Which rooms have new entries, in any process. Each post rings the channel of its slot group and counts the ring; rings that
 * arrive in one turn of the event loop are handed over together. Every second the sixteen counters are read, and only a group
 * whose counter moved without its ring having come is looked at room by room.
 */
export function createRings(backend: Backend, subscriptions: Subscriptions): Rings {
  const { keys, clock } = backend
  const groups = Array.from({ length: slotGroups }, (_, group) => group)
  const listeners = new Set<(rooms: ReadonlyMap<string, EntryId>) => void>()
  const resets = new Set<() => void>()
  const counters = groups.map(() => -1)
  /** Last entry rung per room; rooms that never rang are not in it. */
  const rung = new Map<string, EntryId>()
  let waiting = new Map<string, EntryId>()
  let running: Promise<Stoppable> | undefined
  let sweepTimer: { cancel(): void } | undefined
  let sweeping = false
  /** Asked for while one was running. */
  let again = false
  let offLink: (() => void) | undefined

  function ring(room: string, entry: EntryId): void {
    const known = rung.get(room)
    if (known !== undefined && compareEntryIds(entry, known) <= 0) return
    rung.set(room, entry)
    if (waiting.size === 0) setImmediate(handOver)
    waiting.set(room, entry)
  }

  function handOver(): void {
    const rooms = waiting
    waiting = new Map()
    for (const listener of listeners) guard(() => listener(rooms))
  }

  /** What a listener throws is its own affair: it stops none of the others. */
  function guard(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  function onRing(group: number, payload: string): void {
    const parts = payload.split('\0')
    const count = Number(parts[0])
    // Anything but the following count leaves the counter alone, and the sweep then looks.
    if (count === counters[group]! + 1 || counters[group]! < 0) counters[group] = count
    for (let at = 1; at + 1 < parts.length; at += 2) ring(parts[at]!, parts[at + 1]!)
  }

  async function sweep(): Promise<void> {
    const present = await backend.read((client) => Promise.all(groups.map((group) => client.hget(keys.roomsLast(group), ''))))
    const moved = groups.filter((group) => Number(present[group] ?? 0) !== counters[group])
    for (const group of moved) {
      const rooms = await backend.read((client) => client.hgetall(keys.roomsLast(group)))
      counters[group] = Number(rooms[''] ?? 0)
      for (const [room, entry] of Object.entries(rooms)) if (room !== '') ring(room, entry)
    }
  }

  function sweepSoon(): void {
    // While the link is down there is nothing to read; `up` sweeps.
    if (backend.state !== 'up') return
    if (sweeping) {
      again = true
      return
    }
    sweeping = true
    sweep().catch(backend.note).finally(() => {
      sweeping = false
      if (!again) return
      again = false
      sweepSoon()
    })
  }

  /** The server lacks its last entries, or all of them: what rang before tells nothing about what is there now. */
  function reset(): void {
    rung.clear()
    counters.fill(Number.NaN)
    for (const listener of resets) guard(listener)
    sweepSoon()
  }

  function scheduleSweep(): void {
    sweepTimer = clock.timer(sweepMs, () => {
      sweepSoon()
      scheduleSweep()
    }, { background: true })
  }

  async function start(): Promise<Stoppable> {
    const byChannel = new Map(groups.map((group) => [keys.roomsRing(group), group]))
    const subscription = await subscriptions.subscribe([...byChannel.keys()], (payload, channel) => onRing(byChannel.get(channel)!, payload), sweepSoon)
    const counts = await backend.read((client) => Promise.all(groups.map((group) => client.hget(keys.roomsLast(group), ''))))
    for (const group of groups) counters[group] = Math.max(counters[group]!, Number(counts[group] ?? 0))
    offLink = backend.on(({ type }) => {
      if (type === 'up') sweepSoon()
      if (type === 'restarted') reset()
    })
    scheduleSweep()
    return subscription
  }

  async function halt(): Promise<void> {
    sweepTimer?.cancel()
    offLink?.()
    const started = running
    running = undefined
    if (started !== undefined) await (await started).stop()
  }

  return {
    async listen(onRings, onReset = () => undefined) {
      const onResets = (): void => onReset()
      const listener = (rooms: ReadonlyMap<string, EntryId>): void => onRings(rooms)
      listeners.add(listener)
      resets.add(onResets)
      running ??= start()
      await running
      return {
        async stop() {
          listeners.delete(listener)
          resets.delete(onResets)
        },
      }
    },
    stop: halt,
  }
}
