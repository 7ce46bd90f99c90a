import { HivemindError, messageOf } from '../../src/kernel/errors.ts'
import { compareEntryIds, entrySequence, type EntryId } from '../../src/store/ports.ts'
import type { RoomNode } from './node.ts'
import { decodeEntry } from './tail.ts'

/** Tells observers of `room.posted` on this node what other nodes post. */
export interface Watcher {
  /** Posted by this node: true when it is still to be told. */
  posted(room: string, entry: EntryId): boolean
  rung(rooms: ReadonlyMap<string, EntryId>): void
}

const pageSize = 100
/** Rooms whose position is remembered; of one that is not, the next message is the first to be told. */
const maxWatched = 1_000

interface Watched {
  /** Everything up to here was told. */
  position: EntryId
  /** The last one that rang. */
  end: EntryId
  /** Told already, beyond the position. */
  own: Set<EntryId>
  reading: boolean
}

/** Rooms that ring are read for this only while somebody observes `room.posted`, and only for what other nodes posted. */
export function createWatcher(node: RoomNode): Watcher {
  const watched = new Map<string, Watched>()

  /** As of now: what comes at `entry` or later is told. */
  const watch = (room: string, entry: EntryId): Watched => {
    const known = watched.get(room)
    if (known) return known
    if (watched.size >= maxWatched) watched.delete(watched.keys().next().value!)
    const fresh = { position: before(entry), end: before(entry), own: new Set<EntryId>(), reading: false }
    watched.set(room, fresh)
    return fresh
  }

  const pass = (room: Watched): void => {
    for (let next = after(room.position, room.own); next !== undefined; next = after(room.position, room.own)) {
      room.own.delete(next)
      room.position = next
    }
  }

  async function read(name: string, room: Watched): Promise<void> {
    const known = await node.known(name)
    while (compareEntryIds(room.position, room.end) < 0) {
      const page = await node.log.range(name, { after: room.position, limit: pageSize })
      for (const entry of page) {
        room.position = entry.entry
        const { message } = decodeEntry(entry, node.catalogue)
        if (!room.own.delete(entry.entry) && message && known.meta.visibility !== 'private') {
          node.bus.publish('room.posted', { room: name, entry: entry.entry, id: message.id, type: message.type, source: message.source })
        }
      }
      if (page.length === 0) room.end = room.position
    }
  }

  const follow = (name: string, room: Watched): void => {
    if (room.reading || compareEntryIds(room.end, room.position) <= 0) return
    room.reading = true
    let failed = false
    read(name, room).catch((error: unknown) => {
      failed = true
      // The rest is told with the next ring; observers of the bus are promised no more.
      if (!(error instanceof HivemindError)) node.system.logger.warn({ room: name, problem: messageOf(error) }, 'a room could not be read for observers of the bus')
    }).finally(() => {
      room.reading = false
      pass(room)
      // A ring may have come at the very end.
      if (!failed) follow(name, room)
    })
  }

  return {
    posted(name, entry) {
      const room = watch(name, entry)
      if (compareEntryIds(entry, room.position) <= 0) return false
      room.own.add(entry)
      if (!room.reading) pass(room)
      return true
    },
    rung(rooms) {
      const observed = node.bus.observed('room.posted')
      for (const [name, entry] of rooms) {
        const room = watch(name, entry)
        if (!observed && !room.reading) {
          room.position = room.end = entry
          room.own.clear()
          continue
        }
        if (compareEntryIds(entry, room.end) > 0) room.end = entry
        follow(name, room)
      }
    },
  }
}

function before(entry: EntryId): EntryId {
  const dash = entry.indexOf('-')
  return `${entry.slice(0, dash)}-${Number(entry.slice(dash + 1)) - 1}`
}

/** The entry of `own` that directly follows `position`. */
function after(position: EntryId, own: ReadonlySet<EntryId>): EntryId | undefined {
  for (const entry of own) {
    if (entrySequence(entry) === entrySequence(position) + 1) return entry
  }
  return undefined
}
