import { entrySequence } from '../../store/ports.ts'
import type { EntryId, LogEntry } from '../../store/ports.ts'
import type { RoomState } from '../server/room.ts'
import type { Report } from './report.ts'

/** What one member of a room has been given. */
export interface ReaderOracle {
  /** Without an entry it comes from the journal of its own node. */
  began(entry: EntryId | undefined, id: string): void
  done(id: string): void
}

interface Position {
  room: string
  member: string
  /** Everything up to this number, as the room is now, was seen. */
  upTo: number
  seen: Set<string>
}

/**
 * Each member is given a room in its order: whatever stands before an entry it has seen, in the room as it is, or, of an entry
 * that the server has lost since, in the room as it was then.
 */
export class Readers {
  readonly #positions = new Map<string, Position>()
  /** Rooms as they were each time when the server lost their end. */
  readonly #past: ReadonlyMap<string, RoomState>[] = []

  constructor(private readonly report: Report, private readonly rooms: () => ReadonlyMap<string, RoomState>) {}

  reader(room: string, member: string): ReaderOracle {
    const position = this.#position(room, member)
    return {
      began: (entry, id) => {
        if (entry === undefined) return
        const missed = this.#missed(position, entry, id)
        if (missed !== undefined) this.report('order per room', `${member} was given ${entry} (${id}) of ${room} and ${missed}`)
      },
      done: (id) => void position.seen.add(id),
    }
  }

  /** It was given up after so many attempts: the member goes on without it, also when the server has lost it meanwhile. */
  buried(room: string, member: string, entry: EntryId): void {
    for (const rooms of [this.rooms(), ...this.#past]) {
      const found = rooms.get(room)?.find(entry)
      if (found !== undefined) this.#position(room, member).seen.add(found.messageId)
    }
  }

  lost(before: ReadonlyMap<string, RoomState>): void {
    this.#past.push(before)
    for (const position of this.#positions.values()) position.upTo = 0
  }

  /** Members that have not seen all of their room. */
  behind(): string[] {
    return [...this.#positions.values()].flatMap((position) => {
      this.#advance(position)
      const { room, member, upTo } = position
      const total = this.rooms().get(room)?.sequence ?? 0
      return upTo < total ? [`${member} has seen ${upTo} of ${total} in ${room}`] : []
    })
  }

  #position(room: string, member: string): Position {
    const key = `${room}/${member}`
    const known = this.#positions.get(key)
    if (known !== undefined) return known
    const fresh = { room, member, upTo: 0, seen: new Set<string>() }
    this.#positions.set(key, fresh)
    return fresh
  }

  #missed(position: Position, entry: EntryId, id: string): string | undefined {
    const number = entrySequence(entry)
    const room = this.rooms().get(position.room)
    if (isThere(room?.at(number), entry, id)) {
      this.#advance(position)
      return number > position.upTo + 1 ? `has not seen ${room?.at(position.upTo + 1)?.entry}` : undefined
    }
    // A later loss leaves less of an earlier room: it is enough that the order was right once.
    let missed: string | undefined = 'it never was in that room'
    for (const past of this.#past) {
      const then = past.get(position.room)
      if (!isThere(then?.at(number), entry, id)) continue
      const unseen = then!.entries.find((one) => entrySequence(one.entry) < number && !position.seen.has(one.messageId))
      if (unseen === undefined) return undefined
      missed = `has not seen ${unseen.entry}, which stood before it until the server lost it`
    }
    return missed
  }

  #advance(position: Position): void {
    const room = this.rooms().get(position.room)
    if (room === undefined) return
    // What the cap took away was told to whoever had not seen it.
    position.upTo = Math.max(position.upTo, room.sequence - room.entries.length)
    for (let next = room.at(position.upTo + 1); next !== undefined && position.seen.has(next.messageId); next = room.at(position.upTo + 1)) position.upTo++
  }
}

function isThere(found: LogEntry | undefined, entry: EntryId, id: string): boolean {
  return found?.entry === entry && found.messageId === id
}
