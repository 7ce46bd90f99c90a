import type { DeadEntry, EntryId, LogConfig, LogEntry } from '../../store/ports.ts'
import { compareEntryIds, entrySequence } from '../../store/ports.ts'

export interface Held {
  owner: string
  attempt: number
  touched: number
}

export interface Group {
  last: EntryId
  pending: Map<EntryId, Held>
  fences: Map<string, number>
}

export interface Member {
  cursor: EntryId
  fence: number
}

/** One room as the simulated server keeps it. */
export class RoomState {
  /** In order, numbered without gaps. */
  entries: LogEntry[] = []
  sequence = 0
  bytes = 0
  lastMs = 1
  readonly ids = new Map<string, EntryId>()
  readonly groups = new Map<string, Group>()
  readonly members = new Map<string, Member>()
  readonly records = new Map<string, { json: string; until: number }>()
  dead: DeadEntry[] = []
  deadSequence = 0

  constructor(readonly name: string, public config: LogConfig) {}

  fits(more: number): boolean {
    return this.bytes + more <= this.config.quotaBytes
  }

  /** `wanted` is an id the entry had before a restart lost it: kept when it is the next number. */
  add(now: number, messageId: string, body: string, wanted?: EntryId): EntryId {
    const sequence = ++this.sequence
    const keeps = wanted !== undefined && entrySequence(wanted) === sequence
    this.lastMs = Math.max(this.lastMs, keeps ? Number.parseInt(wanted, 10) : Math.floor(now))
    const entry = `${this.lastMs}-${sequence}`
    this.entries.push({ entry, messageId, body })
    this.ids.set(messageId, entry)
    this.bytes += Buffer.byteLength(body)
    this.#trim()
    return entry
  }

  /** The entry of this number. */
  at(number: number): LogEntry | undefined {
    return this.entries[number - 1 - (this.sequence - this.entries.length)]
  }

  find(entry: EntryId): LogEntry | undefined {
    const found = this.entries[this.#indexAfter(entry) - 1]
    return found?.entry === entry ? found : undefined
  }

  after(entry: EntryId, limit: number): LogEntry[] {
    const from = this.#indexAfter(entry)
    return this.entries.slice(from, from + limit)
  }

  range({ after, before, limit, reverse }: { after?: EntryId; before?: EntryId; limit: number; reverse?: boolean }): LogEntry[] {
    const from = after === undefined ? 0 : this.#indexAfter(after)
    let to = this.entries.length
    if (before !== undefined) {
      to = this.#indexAfter(before)
      if (this.entries[to - 1]?.entry === before) to--
    }
    return reverse ? this.entries.slice(Math.max(from, to - limit), Math.max(from, to)).reverse() : this.entries.slice(from, Math.max(from, Math.min(to, from + limit)))
  }

  bury(now: number, entry: LogEntry, group: string, reason: string, attempts: number): void {
    const time = Math.floor(now)
    this.dead.push({ entry: `${time}-${++this.deadSequence}`, original: entry.entry, messageId: entry.messageId, body: entry.body, group, reason, attempts, time })
  }

  /** The number of entries at or before this position. */
  #indexAfter(entry: EntryId): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareEntryIds((this.entries[middle] as LogEntry).entry, entry) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #trim(): void {
    while (this.entries.length > this.config.cap) {
      const first = this.entries[0] as LogEntry
      for (const { pending, last } of this.groups.values()) {
        if (pending.has(first.entry) || compareEntryIds(first.entry, last) > 0) return
      }
      this.bytes -= Buffer.byteLength(first.body)
      this.entries.shift()
    }
  }
}
