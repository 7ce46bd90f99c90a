import { defineMessage, z } from 'hivemind'
import type { MessageType } from 'hivemind'

export type DataIn<T> = T extends MessageType<string, infer Data> ? Data : never

const number = z.number().int().nonnegative()

/** Handed out by the leader alone. */
export const orderPlaced = defineMessage('failover.order-placed', z.object({ order: number }), { delivery: 'local', about: 'Something to be dispatched.' })
/** Done by any node. */
export const dispatch = defineMessage('failover.job', z.object({ order: number, leader: z.string() }), { delivery: 'local', about: 'An order, dispatched by the leader.' })
export const jobFinished = defineMessage('failover.job-finished', z.object({ order: number, node: z.string(), leader: z.string(), attempt: number }), { delivery: 'local', about: 'The effect of one job.' })

export const failoverMessages = [orderPlaced, dispatch, jobFinished]

/** Names of the rooms of one run. */
export function roomsOf(run: string): { orders: string; jobs: string; results: string } {
  return { orders: `failover-orders-${run}`, jobs: `failover-jobs-${run}`, results: `failover-results-${run}` }
}

export const leaderRole = 'leader'

/** How a node is told what to do, as the arguments of its process. */
export interface NodeTask {
  id: string
  redis: string
  dataDir: string
  run: string
  /** How long one job takes, ms. */
  workMs: number
}

/** What a node tells the process that started it. */
export type NodeReport = { type: 'ready' } | { type: 'leads'; fence: number } | { type: 'failed'; message: string }
