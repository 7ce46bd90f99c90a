import type { Append, AppendResult, Commit, CommitResult, Delivery, EntryId, Owner } from '../store/ports.ts'
import { Bulletins } from './rules/bulletins.ts'
import { Groups } from './rules/groups.ts'
import { Holders } from './rules/holders.ts'
import { Posts } from './rules/posts.ts'
import { Readers } from './rules/readers.ts'
import type { Process } from './machine.ts'
import type { SimNode } from './node.ts'
import type { Scheduler } from './scheduler.ts'
import type { CallName, SimServer } from './server/server.ts'
import type { RoomState } from './server/room.ts'

export interface Problem {
  property: string
  detail: string
  /** ms of virtual time. */
  at: number
}

export interface OracleParts {
  scheduler: Scheduler
  nodes: readonly SimNode[]
  server: Pick<SimServer, 'rooms' | 'inspect'>
  /** Failed attempts after which each work group gives a message up. */
  attempts: ReadonlyMap<string, number>
}

/** Most problems noted: those after the first few say the same. */
const mostProblems = 20

/** Knows what must hold, and looks at every step where it could fail. */
export class Oracle {
  readonly problems: Problem[] = []
  readonly posts: Posts
  readonly readers: Readers
  readonly groups: Groups
  readonly holders: Holders
  readonly bulletins: Bulletins
  readonly #scheduler: Scheduler

  constructor({ scheduler, nodes, server, attempts }: OracleParts) {
    const rooms = (): ReadonlyMap<string, RoomState> => server.rooms
    this.#scheduler = scheduler
    this.posts = new Posts(this.problem, nodes, rooms)
    this.readers = new Readers(this.problem, rooms)
    this.groups = new Groups(this.problem, rooms, attempts)
    this.holders = new Holders(this.problem, scheduler, nodes, (lease) => {
      const held = server.inspect(lease)
      return held && { holder: held.holder, fence: held.fence, until: scheduler.now + held.remainingMs }
    })
    this.bulletins = new Bulletins(this.problem, nodes)
  }

  readonly problem = (property: string, detail: string): void => {
    if (this.problems.length < mostProblems) this.problems.push({ property, detail, at: this.#scheduler.now })
  }

  /** The server plays its file again: what was counted on it is counted anew. */
  replaying(): void {
    this.posts.replaying()
    this.groups.replaying()
  }

  /** It did, and lacks what was written in the last `lostMs`; `before` are the rooms as they were. */
  lost(before: ReadonlyMap<string, RoomState>, lostMs: number): void {
    this.posts.lost(before)
    this.readers.lost(before)
    this.holders.lost(lostMs)
    this.bulletins.lost()
  }

  /** An answer of the server has reached a process. */
  answered(process: Process, name: CallName, args: readonly unknown[], result: unknown): void {
    if (name === 'log.append') this.posts.told(process, args[0] as Append[], result as AppendResult[])
  }

  /** Each call that the server has carried out, also those it plays back. */
  executed(name: CallName, args: readonly unknown[], result: unknown, again: boolean): void {
    switch (name) {
      case 'log.append':
        for (const [index, { room, messageId }] of (args[0] as Append[]).entries()) {
          const answer = (result as AppendResult[])[index] as AppendResult
          if (answer.ok && !answer.duplicate) this.posts.stored(room, messageId)
        }
        return
      case 'log.take':
      case 'log.owned':
      case 'log.takeOver': {
        const [room, group, owner] = args as [string, string, Owner]
        return this.groups.handed(room, group, owner, result as Delivery[], again)
      }
      case 'log.retry': {
        const [room, group, , entry] = args as [string, string, Owner, EntryId]
        if (result !== undefined && !again) this.groups.retried(room, group, entry)
        return
      }
      case 'log.bury': {
        const [room, group, owner, entry] = args as [string, string, Owner, EntryId]
        if (result === true) this.groups.buried(room, group, owner, entry)
        return
      }
      case 'log.commit':
        for (const [index, commit] of (args[0] as Commit[]).entries()) this.#committed(commit, (result as CommitResult[])[index] as CommitResult)
        return
      case 'acquire': {
        const [lease, holder, ttlMs] = args as [string, string, number]
        if (result !== undefined && !again) this.holders.acquired(lease, holder, ttlMs, result as number)
        return
      }
      case 'renew': {
        const [lease, holder, fence, ttlMs] = args as [string, string, number, number]
        if (result === true && !again) this.holders.renewed(lease, holder, ttlMs, fence)
        return
      }
      case 'release':
        if (result === true && !again) this.holders.released(args[0] as string)
    }
  }

  #committed(commit: Commit, result: CommitResult): void {
    if (!result.ok) return
    for (const { room, messageId } of commit.effects?.posts ?? []) this.posts.posted(room, messageId)
    this.groups.committed(commit)
    if (commit.kind === 'cursor' && commit.dead !== undefined) this.readers.buried(commit.room, commit.member, commit.entry)
  }
}
