import { defineActor } from '../../src/kernel/define.ts'
import type { ActorRef } from '../../src/kernel/types.ts'
import type { EntryId } from '../../src/store/ports.ts'
import { defaultDrainMs } from './limits.ts'
import type { RoomNode } from './node.ts'
import type { Wakeable } from './wakeups.ts'

/** One life of a reader, from a start of its cell to the end of it. */
export interface ReaderLife {
  /** Reads what there is to read, as far as there is room for it. */
  pump(): Promise<void>
  /** Continues after a pause. */
  resume(): Promise<void>
  sweep?(): Promise<void>
  rung(entry: EntryId): void
  reset?(): void
  /** Takes nothing new and lets what is running finish. */
  drain(ms: number): Promise<void>
  /** Ends everything at once; what is unfinished stays pending. */
  abandon(reason: unknown): void
}

export interface ReaderControls {
  /** Asks for a pump; many requests are one. */
  wake(): void
  /** Fails the cell: it is restarted, and drains what it owned. */
  fail(error: unknown): void
  /** Pumps again after `ms`. */
  pause(ms: number): void
}

type ReaderMessage = { type: 'pump' } | { type: 'resume' } | { type: 'sweep' } | { type: 'failed'; error: unknown }
type StartLife = (controls: ReaderControls) => ReaderLife

/** A call of the store that takes longer than this is stuck: the reader is restarted. */
const stuckMs = 60_000

/** What stays of a reader over the restarts of its cell. */
export class Reader implements Wakeable {
  life: ReaderLife | undefined
  queued = false
  swept = false
  private ref: ActorRef<ReaderMessage> | undefined
  private leave: (() => void) | undefined
  private stopped: Promise<void> | undefined
  private readonly whenStopped: (() => void)[]

  constructor(private readonly node: RoomNode, readonly room: string, readonly name: string, readonly start: StartLife, ...onStopped: (() => void)[]) {
    this.whenStopped = onStopped
  }

  onStopped(run: () => void): void {
    this.whenStopped.push(run)
  }

  async run(): Promise<void> {
    this.leave = await this.node.wakeups.add(this.room, this)
    try {
      this.ref = await this.node.system.spawn(readerCell, {
        id: this.name, input: this, supervision: { restart: 'permanent', maxRestarts: 50, windowMs: 60_000, backoff: { minMs: 100, maxMs: 30_000 } },
      }) as ActorRef<ReaderMessage>
    } catch (error) {
      this.leave()
      throw error
    }
  }

  rung(entry: EntryId): void {
    this.life?.rung(entry)
  }

  reset(): void {
    this.life?.reset?.()
  }

  sweep(): void {
    if (this.swept || !this.life?.sweep || !this.ref || this.stopped) return
    this.swept = true
    this.ref.tell({ type: 'sweep' })
  }

  stop(options: { drainMs?: number } = {}): Promise<void> {
    this.stopped ??= this.end(options.drainMs ?? defaultDrainMs)
    return this.stopped
  }

  private async end(drainMs: number): Promise<void> {
    this.leave?.()
    await this.life?.drain(drainMs)
    // What is still in the mailbox is a pump that has nothing to do.
    await this.ref?.stop({ drainMs: 1_000 })
    this.node.unclaim(this.name)
    for (const run of this.whenStopped) run()
  }
}

/** The supervised cell that a reader of a room runs in. */
const readerCell = defineActor({
  name: 'room-reader',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  state: (reader: Reader, ctx): ReaderLife => {
    const controls: ReaderControls = {
      wake: () => {
        if (reader.queued) return
        reader.queued = true
        ctx.self.tell({ type: 'pump' })
      },
      fail: (error) => ctx.self.tell({ type: 'failed', error }),
      pause: (ms) => void ctx.after(ms, { type: 'resume' }),
    }
    reader.queued = reader.swept = false
    reader.life = reader.start(controls)
    controls.wake()
    return reader.life
  },
  handlers: {
    pump: async (_: {}, ctx) => {
      ctx.input.queued = false
      await ctx.state.pump()
    },
    resume: async (_: {}, ctx) => {
      await ctx.state.resume()
    },
    sweep: async (_: {}, ctx) => {
      ctx.input.swept = false
      await ctx.state.sweep?.()
    },
    failed: ({ error }: { error: unknown }) => {
      throw error
    },
  },
  stop: (ctx, reason) => ctx.state.abandon(reason.kind === 'failed' ? reason.error : new Error(`the reader of "${ctx.input.room}" stopped`)),
  deadlineMs: stuckMs,
})
