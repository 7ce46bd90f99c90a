import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { compareEntryIds, type EntryId, type Signals, type Stoppable } from '../../src/store/ports.ts'

interface Ring {
  entries: { entry: EntryId; payload: string }[]
  /** Newest entry that was dropped. */
  dropped: EntryId
  last: EntryId
}

interface Subscriber {
  channel: string
  link: FakeLink
  onPayload: (payload: string) => void
  onGap: () => void
}

/** A shared store in memory, with a link per node that can misbehave. */
export class FakeHub {
  readonly rings = new Map<string, Ring>()
  readonly subscribers = new Set<Subscriber>()
  /** Everything ever appended, in order. */
  readonly appended: string[] = []
  #count = 0

  link(): FakeLink {
    return new FakeLink(this)
  }

  ring(name: string): Ring {
    const ring = this.rings.get(name) ?? { entries: [], dropped: '0-0', last: '0-0' }
    this.rings.set(name, ring)
    return ring
  }

  append(name: string, cap: number, payload: string): EntryId {
    const ring = this.ring(name)
    ring.last = `${1_000 + ++this.#count}-0`
    ring.entries.push({ entry: ring.last, payload })
    this.appended.push(payload)
    while (ring.entries.length > cap) ring.dropped = ring.entries.shift()!.entry
    return ring.last
  }

  publish(channel: string, payload: string): void {
    for (const subscriber of this.subscribers) if (subscriber.channel === channel) subscriber.link.receive(() => subscriber.onPayload(payload))
  }

  /** All data is gone, as after FLUSHALL. */
  flush(): void {
    this.rings.clear()
  }
}

export class FakeLink implements Signals {
  readonly #hub: FakeHub
  #down = false
  #dead = false
  #delayed: (() => void)[] | undefined
  /** The next payloads that come in are lost, or come twice. */
  dropNext = 0
  duplicateNext = 0
  /** The next appends are done, and the answer to them is lost. */
  loseReplies = 0

  constructor(hub: FakeHub) {
    this.#hub = hub
  }

  receive(deliver: () => void): void {
    if (this.#down || this.#dead) return
    if (this.dropNext > 0) {
      this.dropNext--
      return
    }
    const times = this.duplicateNext > 0 ? 2 : 1
    if (times === 2) this.duplicateNext--
    for (let time = 0; time < times; time++) {
      if (this.#delayed) this.#delayed.push(deliver)
      else queueMicrotask(() => this.#dead || deliver())
    }
  }

  goDown(): void {
    this.#down = true
    this.#delayed = this.#delayed && []
  }

  /** The link is back; subscriptions are made again and told so. */
  comeUp(): void {
    if (!this.#down) return
    this.#down = false
    this.resubscribe()
  }

  /** A short break of the subscription alone. */
  resubscribe(): void {
    if (this.#down || this.#dead) return
    for (const subscriber of this.#hub.subscribers) if (subscriber.link === this) queueMicrotask(() => this.#dead || subscriber.onGap())
  }

  delay(): void {
    this.#delayed ??= []
  }

  release(): void {
    const delayed = this.#delayed ?? []
    this.#delayed = undefined
    for (const deliver of delayed) queueMicrotask(() => this.#dead || deliver())
  }

  /** The process behind this link is gone: nothing more goes in or out. */
  die(): void {
    this.#dead = true
    for (const subscriber of this.#hub.subscribers) if (subscriber.link === this) this.#hub.subscribers.delete(subscriber)
  }

  async #check(): Promise<void> {
    if (this.#dead) await new Promise(() => undefined)
    if (this.#down) throw new StoreUnavailable('the link is down')
  }

  async publish(channel: string, payload: string): Promise<void> {
    await this.#check()
    this.#hub.publish(channel, payload)
  }

  async subscribe(channel: string, onPayload: (payload: string) => void, onGap: () => void): Promise<Stoppable> {
    await this.#check()
    const subscriber = { channel, link: this, onPayload, onGap }
    this.#hub.subscribers.add(subscriber)
    return { stop: async () => void this.#hub.subscribers.delete(subscriber) }
  }

  async ring(ring: string, cap: number, channel: string, payload: string): Promise<EntryId> {
    await this.#check()
    const entry = this.#hub.append(ring, cap, payload)
    this.#hub.publish(channel, payload)
    if (this.loseReplies > 0) {
      this.loseReplies--
      throw new StoreUnavailable('the answer was lost')
    }
    return entry
  }

  async readRing(name: string, after: EntryId, limit: number): Promise<{ entries: { entry: EntryId; payload: string }[]; truncated: boolean }> {
    await this.#check()
    const ring = this.#hub.ring(name)
    return {
      entries: ring.entries.filter(({ entry }) => compareEntryIds(entry, after) > 0).slice(0, limit),
      truncated: compareEntryIds(ring.dropped, after) > 0,
    }
  }

  async ringEnd(ring: string): Promise<EntryId> {
    await this.#check()
    return this.#hub.ring(ring).last
  }
}
