import { entrySequence } from '../store/ports.ts'
import type { AppendResult, Commit, CommitResult, Delivery, EntryId, Owner } from '../store/ports.ts'
import { epochMs } from './machine.ts'
import type { Process } from './machine.ts'
import type { SimNode } from './node.ts'
import type { Scheduler } from './scheduler.ts'
import type { CallName } from './server/server.ts'
import type { RoomState } from './server/room.ts'

export interface Problem {
  property: string
  detail: string
  /** ms of virtual time. */
  at: number
}

/** What one member of a room has been given. */
export interface ReaderOracle {
  /** Without an entry it comes from the journal of its own node. */
  began(entry: EntryId | undefined, id: string): void
  done(id: string): void
}

interface Handed {
  owner: string
  committed: boolean
}

/** Most problems noted: those after the first few say the same. */
const mostProblems = 20
/** A role's grants last so long, and a server that lost one may give it away at once. */
const roleTtlMs = 10_000

/** Knows what must hold, and looks at every step where it could fail. */
export class Oracle {
  readonly problems: Problem[] = []
  /** Posts that were accepted: id -> room, and the process that was told so. */
  readonly acks = new Map<string, { room: string; by: Process }>()
  readonly #seen = new Map<string, Set<string>>()
  readonly #members: { room: string; member: string; upTo: number; seen: Set<string> }[] = []
  readonly #handed = new Map<string, Handed>()
  readonly #fences = new Map<string, number>()
  readonly #grants = new Map<string, number>()
  readonly #gains = new Map<string, number>()
  readonly #stored = new Set<string>()
  #leasesUnsureUntil = 0
  /** Wall time of the server at its last loss. */
  #lostAt = 0

  constructor(private readonly scheduler: Scheduler, private readonly nodes: readonly SimNode[], private readonly rooms: () => ReadonlyMap<string, RoomState>) {}

  problem(property: string, detail: string): void {
    if (this.problems.length < mostProblems) this.problems.push({ property, detail, at: this.scheduler.now })
  }

  /** A post was accepted. */
  acknowledged(room: string, id: string, journalled: boolean, by: Process): void {
    this.acks.set(id, { room, by })
    if (!journalled && !this.#isStored(room, id)) this.problem('no acknowledged post is lost', `${id} was acknowledged and is not in ${room}`)
  }

  /**
   * A process ended, or the server lost its last writes. A post that the server lost, and that the process which was told of it
   * did not live to send again, is beyond what is promised: two failures within a second. Unless its journal has it.
   */
  forgive(): void {
    for (const [id, { room, by }] of this.acks) {
      if (by.alive || this.#isStored(room, id)) continue
      const node = this.nodes.find(({ machine }) => machine === by.machine)
      if (!node?.disk.journal().includes(`"messageId":"${id}"`)) this.acks.delete(id)
    }
  }

  /** Accepted posts that are in no room. */
  missing(): string[] {
    return [...this.acks].filter(([id, { room }]) => !this.#isStored(room, id)).map(([id]) => id)
  }

  #isStored(room: string, id: string): boolean {
    return this.rooms().get(room)?.ids.has(id) === true
  }

  reader(room: string, member: string): ReaderOracle {
    const key = `${room}/${member}`
    const seen = this.#seen.get(key) ?? new Set<string>()
    this.#seen.set(key, seen)
    const known = this.#members.find((one) => one.room === room && one.member === member)
    const position = known ?? { room, member, upTo: 0, seen }
    if (known === undefined) this.#members.push(position)
    return {
      began: (entry) => {
        if (entry === undefined) return
        this.#advance(position)
        // Read before the server lost its end: what comes again is numbered anew, and later.
        if (Number.parseInt(entry, 10) < this.#lostAt) return
        const number = entrySequence(entry)
        if (number > position.upTo + 1) this.problem('order per room', `${member} was given ${entry} of ${room} and has not seen ${this.rooms().get(room)?.entries[position.upTo]?.entry}`)
      },
      done: (id) => void seen.add(id),
    }
  }

  /** The number up to which a member has seen everything there is. */
  #advance(position: { room: string; upTo: number; seen: Set<string> }): void {
    const room = this.rooms().get(position.room)
    if (room === undefined) return
    while (position.upTo < room.entries.length && position.seen.has(room.entries[position.upTo]!.messageId)) position.upTo++
  }

  /** Members that have not seen all of their room. */
  behind(): string[] {
    return this.#members.flatMap((position) => {
      this.#advance(position)
      const { room, member, upTo } = position
      const total = this.rooms().get(room)?.entries.length ?? 0
      return upTo < total ? [`${member} has seen ${upTo} of ${total} in ${room}`] : []
    })
  }

  gained(node: string, role: string, fence: number): void {
    const highest = this.#gains.get(role) ?? 0
    if (fence <= highest) this.problem('fences strictly increase', `${node} holds ${role} under ${fence}, after ${highest}`)
    this.#gains.set(role, Math.max(fence, highest))
    if (this.scheduler.now < this.#leasesUnsureUntil) return
    for (const other of this.nodes) {
      if (other.name === node || other.life?.hive === undefined) continue
      if (other.life.hive.roles.held().some((held) => held.role === role)) this.problem('at most one holder', `${node} holds ${role} while ${other.name} does`)
    }
  }

  /** The server has lost its last writes: what was counted on it is counted anew from what it plays back. */
  forgetServer(): void {
    this.#leasesUnsureUntil = this.scheduler.now + roleTtlMs
    this.#lostAt = epochMs + this.scheduler.now
    this.#handed.clear()
    this.#fences.clear()
    this.#stored.clear()
    for (const position of this.#members) position.upTo = 0
  }

  /** Each call that the server has carried out, also those it plays back. */
  executed(name: CallName, args: readonly unknown[], result: unknown, again: boolean): void {
    switch (name) {
      case 'log.append':
        for (const [index, { room, messageId }] of (args[0] as { room: string; messageId: string }[]).entries()) {
          const answer = (result as AppendResult[])[index] as AppendResult
          if (answer.ok && !answer.duplicate) this.#store(room, messageId)
        }
        return
      case 'log.take':
      case 'log.owned':
      case 'log.takeOver':
        return this.#hand(args as [string, string, Owner], result as Delivery[])
      case 'log.commit':
        for (const [index, commit] of (args[0] as Commit[]).entries()) this.#commit(commit, (result as CommitResult[])[index] as CommitResult)
        return
      case 'acquire': {
        const [lease] = args as [string]
        if (result === undefined || again) return
        const last = this.#grants.get(lease) ?? 0
        if ((result as number) <= last) this.problem('fences strictly increase', `${lease} was granted under ${String(result)}, after ${last}`)
        this.#grants.set(lease, result as number)
      }
    }
  }

  #store(room: string, id: string): void {
    const key = `${room} ${id}`
    if (this.#stored.has(key)) this.problem('exactly once', `${id} is in ${room} twice`)
    this.#stored.add(key)
  }

  #hand([room, group, owner]: [string, string, Owner], deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const key = `${room} ${group} ${owner.name}`
    const highest = this.#fences.get(key) ?? 0
    if (owner.fence < highest) this.problem('a stale fence is refused', `${owner.name} took from ${room} under ${owner.fence}, after ${highest}`)
    this.#fences.set(key, Math.max(highest, owner.fence))
    for (const { entry } of deliveries) {
      const held = this.#handed.get(`${room} ${group} ${entry}`)
      if (held?.committed) this.problem('exactly once', `${entry} of ${room} was delivered after it was committed`)
      this.#handed.set(`${room} ${group} ${entry}`, { owner: owner.name, committed: false })
    }
  }

  #commit(commit: Commit, result: CommitResult): void {
    if (!result.ok) return
    for (const { room, messageId } of commit.effects?.posts ?? []) {
      if (this.rooms().get(room)?.ids.has(messageId) !== true) this.problem('effects before the acknowledgement', `${commit.entry} of ${commit.room} was acknowledged without ${messageId}`)
      this.#stored.add(`${room} ${messageId}`)
    }
    if (commit.kind !== 'work') return
    const key = `${commit.room} ${commit.group} ${commit.entry}`
    const held = this.#handed.get(key)
    if (held?.committed) this.problem('exactly once', `${commit.entry} of ${commit.room} was committed twice`)
    if (held?.owner !== commit.owner.name) this.problem('a stale owner is refused', `${commit.owner.name} committed ${commit.entry} of ${commit.room}, which ${held?.owner ?? 'nobody'} holds`)
    if (commit.owner.fence < (this.#fences.get(`${commit.room} ${commit.group} ${commit.owner.name}`) ?? 0)) {
      this.problem('a stale fence is refused', `${commit.owner.name} committed ${commit.entry} of ${commit.room} under ${commit.owner.fence}`)
    }
    this.#handed.set(key, { owner: commit.owner.name, committed: true })
  }
}
