import { compareEntryIds, entrySequence, firstEntryId, type EntryId, type Log, type LogEntry } from '../../src/store/ports.ts'
import type { Catalogue } from '../../src/messages/catalogue.ts'
import { decodeMessage } from './message.ts'
import type { RoomMessage } from './types.ts'

/** An entry as read; `message` is absent when its body cannot be understood, and `failure` says why. */
export interface Decoded {
  entry: EntryId
  messageId: string
  message: RoomMessage | undefined
  failure: unknown
}

export function decodeEntry(entry: LogEntry, catalogue: Catalogue): Decoded {
  try {
    return { entry: entry.entry, messageId: entry.messageId, message: decodeMessage(entry.body, entry.entry, catalogue), failure: undefined }
  } catch (error) {
    return { entry: entry.entry, messageId: entry.messageId, message: undefined, failure: error }
  }
}

/** What a member reads; `more` when there may be further entries that no ring will tell of. */
export interface Page {
  entries: Decoded[]
  more: boolean
}

/** Entries in one read, and kept for members that are slightly behind. */
const pageSize = 64
const keptEntries = 128
/** Characters; a larger message is read like one from another node, so that what is kept stays small. */
const longestOffer = 16_384

/**
 * The one reader of a room for all its members on this node. Members ask for what comes after their position; those near the end
 * are served from the last entries read, a member that lags reads for itself.
 */
export class Tail {
  private members = 0
  private kept: Decoded[] = []
  /** Everything after this and up to `end` is in `kept`. */
  private start: EntryId = firstEntryId
  private end: EntryId | undefined
  private reading: Promise<Page> | undefined

  constructor(private readonly log: Log, private readonly catalogue: Catalogue, private readonly room: string, private readonly onEmpty: () => void) {}

  join(): void {
    this.members++
  }

  leave(): void {
    if (--this.members === 0) this.onEmpty()
  }

  async read(after: EntryId): Promise<Page> {
    if (this.end === undefined || compareEntryIds(after, this.end) > 0) {
      this.kept = []
      this.start = this.end = after
    }
    if (compareEntryIds(after, this.start) < 0) return this.page(after)
    if (compareEntryIds(after, this.end) < 0) return { entries: following(this.kept, after), more: true }
    if (this.reading !== undefined) {
      // It began earlier than this member asks, and perhaps at another position.
      const entries = following((await this.reading).entries, after)
      return { entries, more: entries.length > 0 }
    }
    this.reading = this.readOn(after).finally(() => {
      this.reading = undefined
    })
    return this.reading
  }

  /** A message that this node has just posted: when it is the next one, nobody needs to read it. */
  offer(entry: EntryId, messageId: string, body: string): void {
    if (this.end === undefined || body.length > longestOffer || entrySequence(entry) !== entrySequence(this.end) + 1 || compareEntryIds(entry, this.end) < 0) return
    this.end = entry
    this.kept.push(decodeEntry({ entry, messageId, body }, this.catalogue))
    this.trim()
  }

  /** The log came back without its last entries: numbers are given anew, so that the next one need not follow what was read. */
  forget(): void {
    this.kept = []
    this.end = undefined
  }

  private async readOn(after: EntryId): Promise<Page> {
    const page = await this.page(after)
    const { entries } = page
    if (entries.length === 0 || this.end !== after) return page
    this.end = entries.at(-1)!.entry
    if (this.members > 1) this.kept.push(...entries)
    else this.kept = []
    this.trim()
    return page
  }

  private trim(): void {
    if (this.kept.length === 0) this.start = this.end!
    else if (this.kept.length > keptEntries) this.start = this.kept.splice(0, this.kept.length - keptEntries / 2).at(-1)!.entry
  }

  private async page(after: EntryId): Promise<Page> {
    const entries = await this.log.range(this.room, { after, limit: pageSize })
    return { entries: entries.map((entry) => decodeEntry(entry, this.catalogue)), more: entries.length === pageSize }
  }
}

function following(entries: readonly Decoded[], after: EntryId): Decoded[] {
  return entries.filter(({ entry }) => compareEntryIds(entry, after) > 0)
}
