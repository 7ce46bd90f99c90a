import type { Process } from '../machine.ts'
import type { SimNode } from '../node.ts'
import type { RoomState } from '../server/room.ts'
import type { AppendResult } from '../../store/ports.ts'
import type { Report } from './report.ts'

/**
 * What was accepted is in its room, once. The one excuse: the server lost it with its last unsynced writes, and none of the
 * processes that it had told of it lived until they were connected again, which is when they have sent it again.
 */
export class Posts {
  /** Posts whose callers were told that they are accepted: id -> room. */
  readonly #accepted = new Map<string, string>()
  /** Processes that the server told that it has the post: they keep it for a server that comes back without it. */
  readonly #told = new Map<string, Set<Process>>()
  /** Were in a room when the server lost its last writes, and have not come back. */
  readonly #lost = new Set<string>()
  #stored = new Map<string, Set<string>>()

  constructor(private readonly report: Report, private readonly nodes: readonly SimNode[], private readonly rooms: () => ReadonlyMap<string, RoomState>) {}

  accepted(room: string, id: string, journalled: boolean): void {
    this.#accepted.set(id, room)
    if (!journalled && !this.#isThere(id)) this.#missing(id, 'was acknowledged')
  }

  /** An answer of the server has reached a process. */
  told(process: Process, posts: readonly { messageId: string }[], results: readonly AppendResult[]): void {
    for (const [index, { messageId }] of posts.entries()) {
      if (!results[index]!.ok) continue
      const processes = this.#told.get(messageId) ?? new Set()
      this.#told.set(messageId, processes.add(process))
    }
  }

  stored(room: string, id: string): void {
    const ids = this.#stored.get(room) ?? new Set()
    if (ids.has(id)) this.report('exactly once', `${id} is in ${room} twice`)
    this.#stored.set(room, ids.add(id))
    this.#lost.delete(id)
  }

  /** By a commit, which says nothing of posts that were there before. */
  posted(room: string, id: string): void {
    const ids = this.#stored.get(room) ?? new Set()
    this.#stored.set(room, ids.add(id))
  }

  /** The server plays its file again. */
  replaying(): void {
    this.#stored = new Map()
  }

  /** It has lost its last writes: `before` are the rooms as they were. */
  lost(before: ReadonlyMap<string, RoomState>): void {
    for (const [id, room] of this.#accepted) {
      if (before.get(room)?.ids.has(id) && !this.#isThere(id)) this.#lost.add(id)
    }
  }

  /** A process is connected again: what the server had told it, and lost, it has sent again. */
  repeated(process: Process): void {
    for (const id of this.#lost) {
      if (this.#told.get(id)?.has(process) && !this.#isThere(id)) this.#missing(id, `was lost with the last writes of the server, and ${process.machine.name} did not send it again`)
    }
  }

  /** Accepted posts that are nowhere, without an excuse. */
  missing(): string[] {
    const excused = (id: string): boolean => {
      if (!this.#lost.has(id)) return false
      for (const process of this.#told.get(id) ?? []) if (process.alive) return false
      return !this.nodes.some(({ disk }) => disk.journal().includes(`"messageId":"${id}"`))
    }
    return [...this.#accepted.keys()].filter((id) => !this.#isThere(id) && !excused(id))
  }

  #missing(id: string, how: string): void {
    this.report('no acknowledged post is lost', `${id} ${how}, and is not in ${this.#accepted.get(id)}`)
  }

  #isThere(id: string): boolean {
    return this.rooms().get(this.#accepted.get(id) ?? '')?.ids.has(id) === true
  }
}
