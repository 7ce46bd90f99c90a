import type { Bus } from '../../src/bus/bus.ts'
import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import { Cancelled, messageOf, RoomUnknown } from '../../src/kernel/errors.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'
import type { Catalogue } from '../../src/messages/catalogue.ts'
import { messageIds } from '../../src/messages/ids.ts'
import type { Log, LogConfig, Owner } from '../../src/store/ports.ts'
import { checkOptions, configFor, maySee, metaOf } from './access.ts'
import { createCommitter } from './committer.ts'
import { createDeliveryTable, type DeliveryTable } from './delivery-table.ts'
import { RoomHandle } from './handle.ts'
import { resolveLimits } from './limits.ts'
import type { KnownRoom, RoomNode } from './node.ts'
import { Tail } from './tail.ts'
import type { Room, RoomLimits, RoomOptions, Rooms, RoomSummary } from './types.ts'
import { createWakeups } from './wakeups.ts'
import { createWatcher } from './watcher.ts'

export interface RoomsOptions {
  log: Log
  catalogue: Catalogue
  bus: Bus
  clock: Clock
  randomness: Randomness
  system: ActorSystem
  /** Of the node: the sender of what is posted without an identity. */
  name: string
  /** Who this node is to the log: a name that is stable over restarts, and a fence that grows with each. */
  owner: () => Owner
  limits?: RoomLimits
}

/** After this long a room's config and rights are read again, so that a change made elsewhere is heeded. */
const freshMs = 5_000
/** Rooms that are remembered without an open handle: targets of effects. */
const maxUnopened = 1_000
const listPage = 100

/** The rooms of one node. One listener on the log and one timer serve them all. */
export function createRooms(options: RoomsOptions): Rooms {
  const { log, bus, clock } = options
  const limits = resolveLimits(options.limits)
  const rooms = new Map<string, KnownRoom>()
  const tails = new Map<string, Tail>()
  const tables = new Map<number, DeliveryTable>()
  const claims = new Set<string>()
  const handles = new Set<RoomHandle>()
  let stopped: Promise<void> | undefined

  const remember = (name: string, config: LogConfig): KnownRoom => {
    const known = rooms.get(name) ?? { name, config, meta: metaOf(config), readAt: 0, handles: 0 }
    if (!sameConfig(known.config, config)) {
      known.config = config
      known.meta = metaOf(config)
    }
    known.readAt = clock.monotonic()
    rooms.set(name, known)
    return known
  }
  const forgetUnopened = (): void => {
    for (const [name, room] of rooms) {
      if (rooms.size <= maxUnopened) return
      if (room.handles === 0) rooms.delete(name)
    }
  }
  const isTold = (room: KnownRoom): boolean => room.meta.visibility !== 'private'

  const node: RoomNode = {
    log, catalogue: options.catalogue, bus, clock, randomness: options.randomness, system: options.system, limits, name: options.name,
    committer: createCommitter(log),
    // Three looks within the time after which an entry counts as abandoned.
    wakeups: createWakeups(log, clock, limits.takeOverMs / 3),
    owner: options.owner,
    nextId: messageIds(options.randomness),
    tableFor(maxAttempts) {
      const table = tables.get(maxAttempts) ?? createDeliveryTable({ maxAttempts, retry: limits.retry })
      tables.set(maxAttempts, table)
      return table
    },
    tailOf(room) {
      const tail = tails.get(room) ?? new Tail(log, options.catalogue, room, () => tails.delete(room))
      tails.set(room, tail)
      return tail
    },
    async known(name) {
      const known = rooms.get(name)
      if (known) return node.fresh(known)
      const info = await log.info(name)
      if (!info) throw new RoomUnknown(name)
      const room = remember(name, info.config)
      forgetUnopened()
      return room
    },
    fresh(room) {
      const now = clock.monotonic()
      if (now - room.readAt > freshMs) {
        room.readAt = now
        node.refresh(room).catch((error: unknown) => options.system.logger.warn({ room: room.name, problem: messageOf(error) }, 'the rights of a room could not be read again'))
      }
      return room
    },
    async refresh(room) {
      const info = await log.info(room.name)
      if (!info) throw new RoomUnknown(room.name)
      remember(room.name, info.config)
    },
    posted(room, entry, { id, type, source }, body) {
      const tail = tails.get(room.name)
      if (tail) {
        tail.offer(entry, id, body)
        node.wakeups.wake(room.name, entry)
      }
      if (isTold(room) && bus.observed('room.posted') && watcher.posted(room.name, entry)) bus.publish('room.posted', { room: room.name, entry, id, type, source })
    },
    announceDead(room, dead) {
      if (isTold(room)) bus.publish('room.dead-lettered', { room: room.name, ...dead })
    },
    announceTruncated(room, truncated) {
      if (isTold(room)) bus.publish('room.truncated', truncated)
    },
    claim(reader) {
      if (claims.has(reader)) return false
      claims.add(reader)
      return true
    },
    unclaim: (reader) => void claims.delete(reader),
  }

  const watcher = createWatcher(node)
  node.wakeups.onRing((rung) => watcher.rung(rung))
  node.wakeups.onReset(() => {
    for (const tail of tails.values()) tail.forget()
  })

  return {
    async open(name: string, roomOptions: RoomOptions = {}): Promise<Room> {
      if (stopped) throw new Cancelled(`opening "${name}"`, new Error('the hive is stopping'))
      const wanted = configFor(name, roomOptions, limits)
      const { config, created } = await log.open(name, wanted)
      if (!created) checkOptions(name, config, roomOptions)
      const known = remember(name, config)
      known.handles++
      const handle = new RoomHandle(node, known, roomOptions.as, (closed) => {
        handles.delete(closed)
        if (--known.handles === 0 && rooms.get(name) === known) rooms.delete(name)
      })
      handles.add(handle)
      // For observers of the bus; readers wait for it themselves.
      node.wakeups.listen().catch((error: unknown) => options.system.logger.debug({ problem: messageOf(error) }, 'the rings of the log cannot be heard yet'))
      if (created && known.meta.visibility !== 'private') bus.publish('room.opened', { room: name, visibility: known.meta.visibility })
      return handle
    },

    async list({ as, after, limit = listPage } = {}) {
      const found: RoomSummary[] = []
      for (let from = after; found.length < limit;) {
        const names = await log.list({ after: from, limit: listPage })
        const infos = await Promise.all(names.map((name) => log.info(name)))
        for (const info of infos) {
          if (info && maySee(metaOf(info.config), as)) found.push({ name: info.room, visibility: metaOf(info.config).visibility })
        }
        if (names.length < listPage) break
        from = names.at(-1)
      }
      return found.slice(0, limit)
    },

    stop() {
      stopped ??= Promise.all([...handles].map((handle) => handle.close())).then(() => node.wakeups.stop())
      return stopped
    },
  }
}

function sameConfig(a: LogConfig, b: LogConfig): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
