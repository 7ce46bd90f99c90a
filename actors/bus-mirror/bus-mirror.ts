import { createMirror } from '../../src/bus/mirror.ts'
import type { Mirror, MirrorOptions, MirrorStats } from '../../src/bus/mirror.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import type { NodeEpoch } from '../../src/store/node-epoch.ts'

export interface BusMirrorInput extends Omit<MirrorOptions, 'epoch'> {
  epoch: NodeEpoch
}

/** Wait before the next try while the shared store is away, ms. */
const retryMs = 500

/** Joins the bus of this node with those of the others, as soon as the shared store can be reached; what must arrive waits until then. */
export const busMirror = defineActor({
  name: 'bus-mirror',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  state({ epoch, ...options }: BusMirrorInput, ctx): { mirror: Mirror; joined: boolean } {
    ctx.after(0, { type: 'join' })
    return { mirror: createMirror({ ...options, epoch: () => epoch.owner().fence }), joined: false }
  },
  handlers: {
    join: async (_: {}, ctx) => {
      try {
        await ctx.input.epoch.begun({ signal: ctx.signal })
        await ctx.state.mirror.start()
        ctx.state.joined = true
      } catch (error) {
        if (ctx.signal.aborted) return
        if (!(error instanceof StoreUnavailable)) throw error
        ctx.after(retryMs, { type: 'join' })
      }
    },
    stats: (_: {}, ctx): MirrorStats | undefined => (ctx.state.joined ? ctx.state.mirror.stats() : undefined),
  },
  stop: (ctx) => ctx.state.mirror.stop(),
})
