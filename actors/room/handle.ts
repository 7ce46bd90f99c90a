import { InvalidArgument, RoomFull, RoomUnknown, StoreUnavailable } from '../../src/kernel/errors.ts'
import { addOptions } from '../../src/messages/create.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import { firstEntryId, type Append, type AppendResult, type DeadEntry, type EntryId, type LogInfo, type PendingEntry } from '../../src/store/ports.ts'
import { checkAccess, configFor, type RoomMeta } from './access.ts'
import { checkCount, checkName, defaultDeadlineMs, defaultMaxAttempts } from './limits.ts'
import { MemberLife, type MemberSpec } from './member.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import type { KnownRoom, RoomNode } from './node.ts'
import { Reader } from './reader.ts'
import type {
  History, HistoryOptions, JoinOptions, ManyPost, Membership, PostOptions, PostResult, ReadOptions, Room, RoomChanges, RoomFilter, RoomHandler, Subscription,
  Visibility, WorkOptions,
} from './types.ts'
import { WorkLife, type WorkSpec } from './work.ts'

interface Draft {
  envelope: Envelope
  append: Append
}

const longestPage = 1_000
/** Entries of the dead-letter log read at once by a replay of all. */
const replayPage = 200

/** A room as one caller sees it. Thousands may be open: it holds three references and a set that is made when needed. */
export class RoomHandle implements Room {
  private readers: Set<Reader> | undefined
  private closed: Promise<void> | undefined

  constructor(private readonly node: RoomNode, private readonly room: KnownRoom, private readonly as: string | undefined, private readonly onClosed: (handle: RoomHandle) => void) {}

  get name(): string {
    return this.room.name
  }

  get visibility(): Visibility {
    return this.room.meta.visibility
  }

  get members(): readonly string[] {
    return this.room.meta.members
  }

  async post(type: string, data: unknown, options: PostOptions = {}): Promise<PostResult> {
    const draft = this.draft(type, data, options)
    const [result] = await this.node.log.append([draft.append])
    return this.posted(draft, result!)
  }

  async postMany(posts: readonly ManyPost[]): Promise<PostResult[]> {
    const drafts = posts.map((post) => this.draft(post.type, post.data, post))
    const results = await this.node.log.append(drafts.map(({ append }) => append))
    return drafts.map((draft, index) => this.posted(draft, results[index]!))
  }

  async history(options: HistoryOptions = {}): Promise<History> {
    this.may(options.as ?? this.as, 'read')
    checkCount('limit', options.limit)
    const limit = Math.min(options.limit ?? 100, longestPage)
    const entries = await this.node.log.range(this.name, { after: options.after, before: options.before, limit, reverse: options.reverse })
    return {
      messages: entries.map(({ entry, body }) => decodeMessage(body, entry, this.node.catalogue)),
      next: entries.length === limit ? entries.at(-1)!.entry : undefined,
    }
  }

  async join(member: string, handler: RoomHandler, options: JoinOptions = {}): Promise<Membership> {
    checkName('member', member)
    this.may(member, 'join')
    const position = { cursor: firstEntryId }
    const spec: MemberSpec = { room: this.room, member, ...readOptions(handler, options, 'end'), onTruncated: options.onTruncated, position }
    const tail = this.node.tailOf(this.name)
    const name = actorId('room', this.name, 'member', member)
    if (!this.node.claim(name)) throw new InvalidArgument('member', `"${member}" has joined "${this.name}" on this node already: stop that membership first`)
    tail.join()
    const reader = new Reader(this.node, this.name, name, (controls) => new MemberLife(this.node, spec, controls, name), () => tail.leave())
    await this.start(reader, async () => {
      position.cursor = await this.node.log.openCursor(this.name, member, this.node.owner(), spec.from)
    })
    return {
      get cursor() {
        return position.cursor
      },
      stop: (stopOptions) => reader.stop(stopOptions),
    }
  }

  async work(group: string, handler: RoomHandler, options: WorkOptions = {}): Promise<Subscription> {
    checkName('group', group)
    if (options.consumer !== undefined) checkName('consumer', options.consumer)
    checkCount('concurrency', options.concurrency)
    const as = options.as ?? this.as ?? group
    this.may(as, 'work in')
    const idOf = (consumer: string): string => actorId('room', this.name, 'work', group, consumer)
    let number = 1
    while (!this.node.claim(idOf(options.consumer ?? String(number)))) {
      if (options.consumer !== undefined) throw new InvalidArgument('consumer', `"${options.consumer}" works in group "${group}" of "${this.name}" on this node already: stop it first, or choose another name`)
      number++
    }
    const consumer = options.consumer ?? String(number)
    const spec: WorkSpec = { room: this.room, group, consumer, as, concurrency: options.concurrency ?? 1, ...readOptions(handler, options, 'start') }
    const name = idOf(consumer)
    const reader = new Reader(this.node, this.name, name, (controls) => new WorkLife(this.node, spec, controls, name))
    await this.start(reader, () => this.node.log.openGroup(this.name, group, spec.from))
    return { stop: (stopOptions) => reader.stop(stopOptions) }
  }

  async pending(group: string, options: { after?: EntryId; count?: number } = {}): Promise<PendingEntry[]> {
    this.may(this.as, 'read')
    return this.node.log.pending(this.name, group, options)
  }

  async deadLetters(options: { after?: EntryId; count?: number } = {}): Promise<DeadEntry[]> {
    this.may(this.as, 'read')
    return this.node.log.deadLetters(this.name, options)
  }

  async replay(entries?: readonly EntryId[]): Promise<number> {
    this.may(this.as, 'post to')
    if (entries) return this.node.log.replay(this.name, entries)
    let count = 0
    for (;;) {
      const page = await this.node.log.deadLetters(this.name, { count: replayPage })
      const replayed = page.length === 0 ? 0 : await this.node.log.replay(this.name, page.map(({ entry }) => entry))
      count += replayed
      if (page.length < replayPage || replayed === 0) return count
    }
  }

  async info(): Promise<LogInfo> {
    this.may(this.as, 'read')
    const info = await this.node.log.info(this.name)
    if (!info) throw new RoomUnknown(this.name)
    return info
  }

  async configure(changes: RoomChanges): Promise<void> {
    const { room } = this
    await this.node.refresh(room)
    this.may(this.as, 'configure')
    const { visibility, members } = room.meta
    const config = configFor(this.name, {
      visibility, as: this.as, members: changes.members ?? members, cap: changes.cap ?? room.config.cap, quotaBytes: changes.quotaBytes ?? room.config.quotaBytes,
    }, this.node.limits)
    await this.node.log.configure(this.name, { ...config, dedupeMs: room.config.dedupeMs })
    room.config = config
    room.meta = config.meta as RoomMeta
  }

  close(): Promise<void> {
    this.closed ??= Promise.all([...this.readers ?? []].map((reader) => reader.stop())).then(() => this.onClosed(this))
    return this.closed
  }

  /** Checks everything that can be checked here. */
  private draft(type: string, data: unknown, options: PostOptions): Draft {
    const { node } = this
    const as = options.as ?? this.as
    this.may(as, 'post to')
    if (options.id !== undefined) checkName('id', options.id)
    const envelope: Envelope = {
      id: options.id ?? node.nextId(), type, source: as ?? node.name, time: node.clock.now(), data: node.catalogue.check(type, data),
    }
    addOptions(envelope, options)
    return { envelope, append: { room: this.name, messageId: envelope.id, body: encodeMessage(envelope, node.limits.messageBytes) } }
  }

  private posted({ envelope, append }: Draft, result: AppendResult): PostResult {
    if (!result.ok) {
      if (result.reason === 'room_full') throw new RoomFull(this.name, result.bytes, result.quotaBytes)
      throw new RoomUnknown(this.name)
    }
    const { entry, duplicate } = result
    if (entry === undefined) return { id: envelope.id, duplicate, journalled: true }
    if (!duplicate) this.node.posted(this.room, entry, envelope, append.body)
    return { id: envelope.id, entry, duplicate }
  }

  /** The first contact with the store is made here, so that what is wrong is told to the caller. */
  private async start(reader: Reader, open: () => Promise<void>): Promise<void> {
    if (this.closed) throw new InvalidArgument('room', `this handle of "${this.name}" is closed: open the room again`)
    this.readers ??= new Set()
    this.readers.add(reader)
    reader.onStopped(() => this.readers?.delete(reader))
    try {
      await open().catch((error: unknown) => {
        // During an outage the reader begins with what is posted here, and opens its place in the room when the store is back.
        if (!(error instanceof StoreUnavailable) || this.node.log.local === undefined) throw error
      })
      await reader.run()
    } catch (error) {
      await reader.stop()
      throw error
    }
  }

  private may(as: string | undefined, action: string): void {
    checkAccess(this.name, this.node.fresh(this.room).meta, as, action)
  }
}

function readOptions(handler: RoomHandler, options: ReadOptions, from: 'start' | 'end'): Pick<WorkSpec, 'handler' | 'maxAttempts' | 'deadlineMs' | 'from'> {
  if (typeof handler !== 'function') throw new InvalidArgument('handler', 'give a function (message, ctx) => ...')
  checkCount('maxAttempts', options.maxAttempts)
  if (options.deadlineMs !== undefined && !(options.deadlineMs > 0)) throw new InvalidArgument('deadlineMs', `give a time in ms above 0, or Infinity, not ${options.deadlineMs}`)
  const start = options.from ?? from
  if (!/^(start|end|\d+-\d+)$/.test(start)) throw new InvalidArgument('from', `give 'start', 'end' or an entry id, not ${JSON.stringify(start)}`)
  return {
    handler: options.filter ? filtered(handler, options.filter) : handler,
    maxAttempts: options.maxAttempts ?? defaultMaxAttempts,
    deadlineMs: options.deadlineMs ?? defaultDeadlineMs,
    from: start === 'start' ? firstEntryId : start,
  }
}

function filtered(handler: RoomHandler, filter: RoomFilter): RoomHandler {
  return (message, ctx) => (filter(message) ? handler(message, ctx) : undefined)
}

/** An actor id of parts that may hold any text. */
function actorId(...parts: string[]): string {
  return parts.map((part) => part.replace(/[/:%]/g, encodeURIComponent)).join(':')
}
