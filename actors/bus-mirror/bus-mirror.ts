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

/** Joins the bus of this node with those of the others, as soon as the shared store can be reached. */
export const busMirror = defineActor({
  name: 'bus-mirror',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  state(_input: BusMirrorInput, ctx): { mirror?: Mirror } {
    ctx.after(0, { type: 'join' })
    return {}
  },
  handlers: {
    join: async (_: {}, ctx) => {
      const { epoch, ...options } = ctx.input
      try {
        const mirror = createMirror({ ...options, epoch: await epoch.begun({ signal: ctx.signal }) })
        await mirror.start()
        ctx.state.mirror = mirror
      } catch (error) {
        if (ctx.signal.aborted) return
        if (!(error instanceof StoreUnavailable)) throw error
        ctx.after(retryMs, { type: 'join' })
      }
    },
    stats: (_: {}, ctx): MirrorStats | undefined => ctx.state.mirror?.stats(),
  },
  stop: (ctx) => ctx.state.mirror?.stop(),
})
