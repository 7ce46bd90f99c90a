import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { createRooms } from '../../actors/room/rooms.ts'
import type { RoomLimits, Rooms } from '../../actors/room/types.ts'
import { createBus, type Bus } from '../../src/bus/bus.ts'
import { systemClock, systemRandomness, type Clock } from '../../src/kernel/clock.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import type { ActorSystem, KernelEvent } from '../../src/kernel/types.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import { defineMessage } from '../../src/messages/define.ts'
import type { Log } from '../../src/store/ports.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { createModelLog } from '../contract/log-model.ts'
import { sharedRedis } from '../shared-redis.ts'

export interface Backing {
  /** A client of its own on the same data, as another process would have. */
  connect(): Promise<{ log: Log; close(): Promise<void> }>
  close(): Promise<void>
}

export const backings: Record<'model' | 'sqlite' | 'redis', () => Promise<Backing>> = {
  model: async () => {
    const log = createModelLog(() => Date.now())
    return { connect: async () => ({ log, close: async () => undefined }), close: async () => undefined }
  },
  sqlite: async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-rooms-'))
    return { connect: () => openSqliteStore({ dataDir }), close: () => rm(dataDir, { recursive: true, force: true }) }
  },
  redis: async () => {
    const { url, prefix } = sharedRedis()
    return { connect: () => openRedisStore({ url, prefix }), close: async () => undefined }
  },
}

export const task = defineMessage('test.task', z.object({ n: z.number() }), { kind: 'content' })

export interface Node {
  rooms: Rooms
  log: Log
  bus: Bus
  system: ActorSystem
  events: KernelEvent[]
  stop(): Promise<void>
}

export interface NodeOptions {
  log: Log
  name?: string
  fence?: number
  limits?: RoomLimits
  clock?: Clock
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Rooms on one node, with everything around them that a hive gives. */
export function createNode({ log, name = 'n1', fence = 1, limits, clock = systemClock }: NodeOptions): Node {
  const events: KernelEvent[] = []
  const system = createActorSystem({ clock, logger: silent, onEvent: (event) => events.push(event) })
  const catalogue = createCatalogue([task])
  const bus = createBus({ catalogue, clock, randomness: systemRandomness, source: name })
  const rooms = createRooms({
    log, catalogue, bus, clock, randomness: systemRandomness, system, name, owner: () => ({ name, fence }),
    limits: { retry: { minMs: 1, maxMs: 5 }, ...limits },
  })
  return {
    rooms, log, bus, system, events,
    stop: async () => {
      await rooms.stop()
      await system.stop()
      bus.stop()
    },
  }
}

/** A promise that is settled from outside. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: unknown) => void } {
  let open!: (value: T) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

/** Collects values; `reached(n)` resolves when there are n. */
export function collector<T>(): { values: T[]; add: (value: T) => void; reached: (count: number) => Promise<T[]> } {
  const values: T[] = []
  let waiting: { count: number; resolve: (values: T[]) => void }[] = []
  return {
    values,
    add: (value) => {
      values.push(value)
      waiting = waiting.filter(({ count, resolve }) => {
        if (values.length < count) return true
        resolve(values)
        return false
      })
    },
    reached: (count) => (values.length >= count ? Promise.resolve(values) : new Promise((resolve) => waiting.push({ count, resolve }))),
  }
}
