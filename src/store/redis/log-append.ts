import type { Append, AppendResult, EntryId } from '../ports.ts'
import { createBatcher } from '../batcher.ts'
import type { Backend } from './link.ts'
import { groupBy, partitionOf, ringChannel, roomKeys } from './partition.ts'

/** Calls larger than this are cut: one script should not hold the server for long. */
const maxPosts = 256
const maxBytes = 1024 ** 2
const maxQueuedCalls = 20_000

export interface Appender {
  append(appends: readonly Append[]): Promise<AppendResult[]>
  /** What `append` would answer to posts of one commit (their bytes count together), writing nothing. */
  look(appends: readonly Append[]): Promise<AppendResult[]>
}

/** One script call: posts of one partition, with the ids they had when they are repeated. */
interface Part {
  items: { append: Append; index: number; entry: EntryId }[]
}

export function createAppender(backend: Backend, persist: () => Promise<void>): Appender {
  const { keys } = backend
  const publish = backend.cluster ? 'SPUBLISH' : 'PUBLISH'

  async function runPart(part: Part, mode: 'append' | 'look' | 'restore', run: Backend['run']): Promise<AppendResult[]> {
    const rooms = groupBy(part.items, ({ append }) => append.room)
    const scriptKeys: string[] = []
    const args: (string | number)[] = [mode, publish, rooms.size]
    const order: number[] = []
    for (const [room, items] of rooms) {
      scriptKeys.push(...roomKeys(keys, room))
      args.push(room, ringChannel(keys, room), items.length)
      for (const { append, index, entry } of items) {
        args.push(append.messageId, append.body)
        if (mode === 'restore') args.push(entry)
        order.push(index)
      }
    }
    const replies = (await run('append', scriptKeys, args)) as string[]
    const results: AppendResult[] = []
    for (const [position, index] of order.entries()) results[index] = readReply(replies[position] as string)
    return results
  }

  /** Results of all, each partition on its own; a partition that failed fails only the calls that touch it. */
  async function flush(calls: readonly (readonly Append[])[]): Promise<(AppendResult[] | Error)[]> {
    const flat = calls.flat()
    const results: (AppendResult | Error)[] = []
    const groups = groupBy(flat.keys(), (index) => partitionOf(backend.cluster, flat[index]!.room))
    await Promise.all([...groups.values()].map(async (indexes) => {
      const items = indexes.map((index, position) => ({ append: flat[index]!, index: position, entry: '' }))
      try {
        const answers = await runPart({ items }, 'append', backend.run)
        for (const [position, index] of indexes.entries()) results[index] = answers[position] as AppendResult
        remember(items.map(({ append }) => append), answers)
      } catch (error) {
        for (const index of indexes) results[index] = error as Error
      }
    }))
    await persist()
    let at = 0
    return calls.map((call) => {
      const own = results.slice(at, at + call.length)
      at += call.length
      return own.find((result): result is Error => result instanceof Error) ?? (own as AppendResult[])
    })
  }

  /**
   * Keeps what the server just acknowledged, with its ids, for a server that comes back without it. Also what was there before:
   * the first answer to it may have been lost, so that nobody else keeps it.
   */
  function remember(appends: readonly Append[], results: readonly AppendResult[]): void {
    const items: Part['items'] = []
    let bytes = 0
    for (const [index, append] of appends.entries()) {
      const result = results[index] as AppendResult
      if (!result.ok || result.entry === undefined) continue
      bytes += append.body.length + 200
      items.push({ append, index: items.length, entry: result.entry })
    }
    if (items.length > 0) backend.recent.keep(bytes, async () => void (await runPart({ items }, 'restore', backend.runUnchecked)))
  }

  const batcher = createBatcher<readonly Append[], AppendResult[] | Error>({
    what: 'appends to rooms',
    maxItems: maxPosts,
    maxBytes,
    maxQueued: maxQueuedCalls,
    inFlight: 1,
    sizeOf: (call) => call.reduce((sum, { body }) => sum + body.length, 0),
    flush,
  })

  return {
    async append(appends) {
      if (appends.length === 1) return orThrow(await batcher.add(appends))
      if (appends.length === 0) return []
      const answers = await Promise.all(cut(appends).map((call) => batcher.add(call)))
      return answers.flatMap(orThrow)
    },
    async look(appends) {
      const groups = groupBy(appends.keys(), (index) => partitionOf(backend.cluster, appends[index]!.room))
      const results: AppendResult[] = []
      await Promise.all([...groups.values()].map(async (indexes) => {
        const answers = await runPart({ items: indexes.map((index, position) => ({ append: appends[index]!, index: position, entry: '' })) }, 'look', backend.run)
        for (const [position, index] of indexes.entries()) results[index] = answers[position] as AppendResult
      }))
      return results
    },
  }
}

export function orThrow<Result>(answer: Result | Error): Result {
  if (answer instanceof Error) throw answer
  return answer
}

/** Pieces of at most `maxPosts` posts and about `maxBytes` bytes. */
function cut(appends: readonly Append[]): (readonly Append[])[] {
  const pieces: Append[][] = []
  let piece: Append[] = []
  let bytes = 0
  for (const append of appends) {
    if (piece.length > 0 && (piece.length === maxPosts || bytes + append.body.length > maxBytes)) {
      pieces.push(piece)
      piece = []
      bytes = 0
    }
    piece.push(append)
    bytes += append.body.length
  }
  pieces.push(piece)
  return pieces
}

function readReply(reply: string): AppendResult {
  switch (reply[0]) {
    case '=':
      return { ok: true, entry: reply.slice(1), duplicate: true }
    case 'F': {
      const [bytes, quotaBytes] = reply.slice(1).split(' ').map(Number) as [number, number]
      return { ok: false, reason: 'room_full', bytes, quotaBytes }
    }
    case 'U':
      return { ok: false, reason: 'room_unknown' }
    default:
      return { ok: true, entry: reply, duplicate: false }
  }
}
