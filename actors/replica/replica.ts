import type { Bus } from '../../src/bus/bus.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { HivemindError, messageOf } from '../../src/kernel/errors.ts'
import { createLeaseHolder, type LeaseHolder } from '../../src/store/lease-holder.ts'
import type { Replication } from '../../src/store/outage/open.ts'
import { startFollower, type Follower } from '../../src/store/replica/follower.ts'

export interface ReplicaInput {
  replication: Replication
  node: string
  bus: Bus
}

interface State {
  holder: LeaseHolder
  follower?: Follower
  ending: Set<Promise<void>>
}

/** A dead applier is replaced by another process of the folder within this, ms. */
const leaseMs = 5_000

export const applierLease = 'replica'

/** Fills the data folder from the shared store. One process per folder does; its lease lies in the folder. */
export const replica = defineActor({
  name: 'replica',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  state({ replication, node, bus }: ReplicaInput, ctx): State {
    const warn = (code: string, message: string): void => void bus.publish('store.warned', { code, message })
    const onProblem = (error: unknown): void => warn(error instanceof HivemindError ? error.code : 'unexpected', messageOf(error))
    const holder = createLeaseHolder({
      leases: replication.leases, name: applierLease, holder: node, clock: ctx.clock, ttlMs: leaseMs,
      onFailure: (error) => ctx.log.debug({ problem: messageOf(error) }, 'the lease of the replica was not renewed: tried again'),
    })
    const state: State = { holder, ending: new Set() }
    const end = (): void => {
      const { follower } = state
      state.follower = undefined
      replication.setFollower(undefined)
      if (follower === undefined) return
      const ended = follower.stop().finally(() => state.ending.delete(ended))
      state.ending.add(ended)
    }
    holder.onChange((fence) => {
      end()
      if (fence === undefined) return
      state.follower = startFollower({
        source: replication, replica: replication.replica, clock: ctx.clock, onProblem,
        onReconciled({ offered }) {
          if (offered > 0) warn('documents_restored', `the shared store had lost or never had ${offered} memories and session fields of this folder: they were written there`)
        },
        onDefect: (error) => ctx.self.tell({ type: 'defect', error }),
      })
      replication.setFollower(state.follower)
    })
    return state
  },
  handlers: {
    /** From the work in the background: fails this incarnation, and the next one, or another process, goes on where the folder stands. */
    defect: ({ error }: { error: unknown }) => {
      throw error
    },
    report: (_: {}, ctx): { applies: boolean; lagMs?: number; behind?: number } => ({ applies: ctx.state.follower !== undefined, ...ctx.state.follower?.lag() }),
  },
  async stop(ctx) {
    await ctx.state.holder.stop()
    await Promise.all(ctx.state.ending)
  },
})
