import type { Commit, Delivery, EntryId, Owner } from '../../store/ports.ts'
import type { RoomState } from '../server/room.ts'
import type { Report } from './report.ts'

interface Handed {
  owner: string
  /** How it ended, once it has. */
  ending?: 'committed' | 'buried'
}

interface Group {
  entries: Map<EntryId, Handed>
  /** Highest fence under which each owner has asked. */
  fences: Map<string, number>
}

/** Work groups: one owner at a time, an ending once, the newest fence alone; a commit with all of its effects, or none. */
export class Groups {
  #groups = new Map<string, Group>()
  /** Attempts that were made at each entry, also those that the server has forgotten since. */
  readonly #attempts = new Map<string, number>()

  constructor(private readonly report: Report, private readonly rooms: () => ReadonlyMap<string, RoomState>, private readonly mostAttempts: ReadonlyMap<string, number>) {}

  replaying(): void {
    this.#groups = new Map()
  }

  handed(room: string, name: string, owner: Owner, deliveries: readonly Delivery[], again: boolean): void {
    if (deliveries.length === 0) return
    const group = this.#group(room, name)
    const highest = group.fences.get(owner.name) ?? 0
    if (owner.fence < highest) this.report('a stale fence is refused', `${owner.name} took from ${room} under ${owner.fence}, after ${highest}`)
    group.fences.set(owner.name, Math.max(highest, owner.fence))
    for (const { entry } of deliveries) {
      const before = group.entries.get(entry)
      if (before?.ending !== undefined) this.report('exactly once', `${entry} of ${room} was delivered after it was ${before.ending}`)
      // Whoever gets its own entries again goes on with the attempt it had.
      if (!again && before?.owner !== owner.name) this.#attempt(room, name, entry)
      group.entries.set(entry, { owner: owner.name })
    }
  }

  retried(room: string, name: string, entry: EntryId): void {
    this.#attempt(room, name, entry)
  }

  committed(commit: Commit): void {
    const { room, entry, owner } = commit
    this.#effects(commit)
    if (commit.kind !== 'work') return
    const group = this.#group(room, commit.group)
    this.#ended(group, room, entry, owner, 'committed')
  }

  buried(room: string, name: string, owner: Owner, entry: EntryId): void {
    const group = this.#group(room, name)
    const attempts = this.#attempts.get(`${room} ${name} ${entry}`) ?? 0
    const most = this.mostAttempts.get(name) ?? 0
    if (attempts < most) this.report('only poison is buried', `${entry} of ${room} was buried after ${attempts} of ${most} attempts`)
    this.#ended(group, room, entry, owner, 'buried')
  }

  #ended(group: Group, room: string, entry: EntryId, owner: Owner, ending: 'committed' | 'buried'): void {
    const held = group.entries.get(entry)
    if (held?.ending !== undefined) this.report('exactly once', `${entry} of ${room} was ${ending} after it was ${held.ending}`)
    if (held?.owner !== owner.name) this.report('a stale owner is refused', `${owner.name} ended ${entry} of ${room} (${ending}), which ${held?.owner ?? 'nobody'} holds`)
    const highest = group.fences.get(owner.name) ?? 0
    if (owner.fence < highest) this.report('a stale fence is refused', `${owner.name} ended ${entry} of ${room} (${ending}) under ${owner.fence}, after ${highest}`)
    group.entries.set(entry, { owner: owner.name, ending })
  }

  #attempt(room: string, name: string, entry: EntryId): void {
    const key = `${room} ${name} ${entry}`
    this.#attempts.set(key, (this.#attempts.get(key) ?? 0) + 1)
  }

  #effects({ room, entry, effects }: Commit): void {
    for (const post of effects?.posts ?? []) {
      if (this.rooms().get(post.room)?.ids.has(post.messageId) !== true) this.report('effects before the acknowledgement', `${entry} of ${room} was acknowledged without ${post.messageId}`)
    }
    for (const { key, value } of effects?.records ?? []) {
      if (this.rooms().get(room)?.records.get(key)?.json !== JSON.stringify(value)) this.report('effects before the acknowledgement', `${entry} of ${room} was acknowledged without the record ${key}`)
    }
  }

  #group(room: string, name: string): Group {
    const key = `${room} ${name}`
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const fresh = { entries: new Map<EntryId, Handed>(), fences: new Map<string, number>() }
    this.#groups.set(key, fresh)
    return fresh
  }
}
