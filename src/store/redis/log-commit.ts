import { StoreFull } from '../../kernel/errors.ts'
import { createBatcher } from '../batcher.ts'
import type { Append, AppendResult, Commit, CommitResult, EntryId } from '../ports.ts'
import type { Backend } from './link.ts'
import { orThrow, type Appender } from './log-append.ts'
import { ownerFields } from './owner.ts'
import { groupBy, partitionOf, ringChannel, roomKeys } from './partition.ts'

const maxCommits = 256
const maxBytes = 1024 ** 2
const maxQueuedCalls = 20_000

export function createCommitter(backend: Backend, appender: Appender, persist: () => Promise<void>): (commits: readonly Commit[]) => Promise<CommitResult[]> {
  const { keys } = backend
  const publish = backend.cluster ? 'SPUBLISH' : 'PUBLISH'

  /** One call of commit.lua: commits of one partition, with those of their posts that are in it too. */
  async function runPart(commits: readonly Commit[], look: boolean, run: Backend['run']): Promise<string[]> {
    const rooms = new Map<string, number>()
    const contexts = new Map<string, number>()
    const roomIndexes: (string | number)[] = []
    const contextArgs: (string | number)[] = []
    const commitArgs: (string | number)[] = []
    const roomKeyList: string[] = []
    const extraKeys: string[] = []

    const roomIndex = (room: string): number => {
      let index = rooms.get(room)
      if (index === undefined) {
        rooms.set(room, (index = rooms.size + 1))
        roomKeyList.push(...roomKeys(keys, room))
        roomIndexes.push(room, ringChannel(keys, room))
      }
      return index
    }
    let last: { commit: Commit; index: number } | undefined
    /** Most commits of a batch are of one reader, and come with the same owner object. */
    const contextIndex = (commit: Commit): number => {
      if (last === undefined || !isOfOneReader(commit, last.commit)) last = { commit, index: findContext(commit) }
      return last.index
    }
    const findContext = (commit: Commit): number => {
      const { room, owner } = commit
      const name = commit.kind === 'work' ? `w\0${room}\0${commit.group}\0${owner.name}\0${owner.fence}` : `c\0${room}\0${commit.member}\0${owner.fence}`
      let index = contexts.get(name)
      if (index === undefined) {
        contexts.set(name, (index = contexts.size + 1))
        if (commit.kind === 'work') {
          const { fenceField, triesPrefix } = ownerFields(commit.group, owner)
          contextArgs.push('w', roomIndex(room), extraKeys.push(keys.roomFences(room)), extraKeys.push(keys.roomTries(room)),
            commit.group, owner.name, owner.fence, fenceField, triesPrefix)
        } else contextArgs.push('c', roomIndex(room), extraKeys.push(keys.roomCursors(room)), commit.member, owner.fence)
      }
      return index
    }

    for (const commit of commits) {
      const posts = commit.effects?.posts ?? []
      const records = commit.effects?.records ?? []
      const dead = commit.kind === 'cursor' ? commit.dead : undefined
      commitArgs.push(`${contextIndex(commit)} ${commit.entry} ${posts.length} ${records.length} ${dead ? 1 : 0}`)
      if (dead) commitArgs.push(extraKeys.push(keys.roomDead(commit.room)), dead.reason, dead.attempts)
      for (const post of posts) commitArgs.push(roomIndex(post.room), post.messageId, post.body)
      for (const { key, value, ttlMs } of records) {
        commitArgs.push(extraKeys.push(keys.roomRecord(commit.room, key)), value === undefined ? '' : JSON.stringify(value), ttlMs ?? '')
      }
    }
    const args = [look ? 1 : 0, publish, rooms.size, contexts.size, commits.length, ...roomIndexes, ...contextArgs, ...commitArgs]
    return (await run('commit', [...roomKeyList, ...extraKeys], args)) as string[]
  }

  /** Commits of one partition whose posts are all in it. */
  async function commitPart(commits: readonly Commit[]): Promise<(CommitResult | Error)[]> {
    try {
      const results = (await runPart(commits, false, backend.run)).map(readReply)
      remember(commits.filter((_, index) => results[index]!.ok))
      return results
    } catch (error) {
      // Out of memory the script writes nothing, and acknowledgements alone still work: they make room.
      const plain = commits.filter((commit) => !hasEffects(commit))
      if (!(error instanceof StoreFull) || plain.length === 0 || plain.length === commits.length) return commits.map(() => error as Error)
      const acknowledged = await commitPart(plain)
      return commits.map((commit) => (hasEffects(commit) ? (error as Error) : (acknowledged.shift() as CommitResult | Error)))
    }
  }

  /**
   * A commit that posts into other slot groups of a cluster: looks everywhere first, then appends those posts, then commits
   * the rest. The look makes a refusal leave nothing behind; a crash in between leaves posts that a repeat finds by their ids.
   */
  async function commitAcross(commit: Commit): Promise<CommitResult | Error> {
    const home = partitionOf(backend.cluster, commit.room)
    const posts = commit.effects?.posts ?? []
    const isAway = (post: Append): boolean => partitionOf(backend.cluster, post.room) !== home
    const away = posts.filter(isAway)
    const local: Commit = { ...commit, effects: { posts: posts.filter((post) => !isAway(post)), records: commit.effects?.records ?? [] } }
    try {
      const [looked, fitting] = await Promise.all([runPart([local], true, backend.run), appender.look(away)])
      const here = readReply(looked[0] as string)
      if (!here.ok) return here
      const refused = refusalOf(away, fitting)
      if (refused !== undefined) return refused
      const there = await appender.append(away)
      const refusedSince = refusalOf(away, there)
      if (refusedSince !== undefined) return refusedSince
      const [result] = await commitPart([local])
      if (result instanceof Error || !result!.ok) return result as CommitResult | Error
      const own = [...result!.posted]
      const others = there.map((answer) => (answer as { entry: EntryId }).entry)
      return { ok: true, posted: posts.map((post) => (isAway(post) ? others.shift() : own.shift()) as EntryId) }
    } catch (error) {
      return error as Error
    }
  }

  function remember(commits: readonly Commit[]): void {
    if (commits.length === 0) return
    const bytes = commits.reduce((sum, commit) => sum + 200 + sizeOf(commit), 0)
    backend.recent.keep(bytes, async () => void (await runPart(commits, false, backend.runUnchecked)))
  }

  /** One batch. Commits of a room keep their order: those that reach across partitions run after the others before them. */
  async function flush(calls: readonly (readonly Commit[])[]): Promise<(CommitResult[] | Error)[]> {
    const flat = calls.flat()
    const results: (CommitResult | Error)[] = []
    const groups = groupBy(flat.keys(), (index) => partitionOf(backend.cluster, flat[index]!.room))
    await Promise.all([...groups].map(async ([home, indexes]) => {
      const reaches = (index: number): boolean => backend.cluster && (flat[index]!.effects?.posts ?? []).some((post) => partitionOf(true, post.room) !== home)
      let from = 0
      while (from < indexes.length) {
        if (reaches(indexes[from]!)) {
          results[indexes[from]!] = await commitAcross(flat[indexes[from]!]!)
          from++
          continue
        }
        let to = from + 1
        while (to < indexes.length && !reaches(indexes[to]!)) to++
        const part = indexes.slice(from, to)
        const answers = await commitPart(part.map((index) => flat[index]!))
        for (const [position, index] of part.entries()) results[index] = answers[position] as CommitResult | Error
        from = to
      }
    }))
    await persist()
    let at = 0
    return calls.map((call) => {
      const own = results.slice(at, at + call.length)
      at += call.length
      return own.find((result): result is Error => result instanceof Error) ?? (own as CommitResult[])
    })
  }

  const batcher = createBatcher<readonly Commit[], CommitResult[] | Error>({
    what: 'commits',
    maxItems: maxCommits,
    maxBytes,
    maxQueued: maxQueuedCalls,
    inFlight: 1,
    sizeOf: (call) => call.reduce((sum, commit) => sum + sizeOf(commit), 0),
    flush,
  })

  return async (commits) => {
    if (commits.length === 1) return orThrow(await batcher.add(commits))
    if (commits.length === 0) return []
    const pieces: (readonly Commit[])[] = []
    for (let from = 0; from < commits.length; from += maxCommits) pieces.push(commits.slice(from, from + maxCommits))
    return (await Promise.all(pieces.map((piece) => batcher.add(piece)))).flatMap(orThrow)
  }
}

function isOfOneReader(a: Commit, b: Commit): boolean {
  return a.room === b.room && a.owner === b.owner && (a.kind === 'work' ? b.kind === 'work' && a.group === b.group : b.kind === 'cursor' && a.member === b.member)
}

function hasEffects(commit: Commit): boolean {
  return commit.kind === 'cursor' || (commit.effects !== undefined && commit.effects.posts.length + commit.effects.records.length > 0)
}

function sizeOf(commit: Commit): number {
  return (commit.effects?.posts ?? []).reduce((sum, { body }) => sum + body.length, 0)
}

function refusalOf(posts: readonly Append[], results: readonly AppendResult[]): CommitResult | undefined {
  const index = results.findIndex((result) => !result.ok)
  if (index < 0) return undefined
  return { ok: false, reason: (results[index] as { reason: 'room_full' | 'room_unknown' }).reason, room: posts[index]!.room }
}

function readReply(reply: string): CommitResult {
  const rest = reply.slice(1)
  switch (reply[0]) {
    case '+':
      return { ok: true, posted: rest === '' ? [] : rest.split(' ') }
    case 'F':
      return { ok: false, reason: 'room_full', room: rest }
    case 'U':
      return { ok: false, reason: 'room_unknown', room: rest }
    default:
      return { ok: false, reason: 'stale' }
  }
}
