import type { Bus } from '../../src/bus/bus.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import type { Context } from '../../src/kernel/types.ts'
import type { Presence } from '../../src/store/ports.ts'

/** What a node tells the others about itself with every heartbeat. */
export interface NodeSummary {
  /** Which life of the node: grows with every start. Absent until the shared store gave it one. */
  epoch?: number
  pid: number
  host: string
  /** Roles it may take, and those it has. */
  roles: string[]
  holds: string[]
  /** Running actors. */
  actors: number
  health: 'ready' | 'degraded' | 'failed'
  /** Where its HTTP interface listens, when it has one. */
  http?: string
  /** Wall time, ms. */
  startedAt: number
}

export interface NodeInfo extends NodeSummary {
  node: string
  /** Until it counts as gone, unless it is heard of again. */
  remainingMs: number
  /** The node that answers. */
  self: boolean
}

export interface MembershipInput {
  node: string
  presence: Presence
  bus: Bus
  /** Of this moment. */
  summary(): NodeSummary
  /** Without a sign of life for so long a node counts as gone. Heartbeats come three times as often. Default 10 s. */
  ttlMs?: number
  /** Whether the bus reaches the other nodes: then each event is published once, else every node tells itself. */
  mirrored: boolean
  /** Whether another process is this node now: then this one has no farewell to say. */
  superseded?: () => boolean
}

interface Seen {
  info: NodeInfo
  /** Monotonic. */
  until: number
}

interface State {
  /** The others as last listed. */
  seen: Map<string, Seen>
  /** Whether a list was ever read: the first one brings no news. */
  listed: boolean
  announced: boolean
}

export const defaultNodeTtlMs = 10_000
/** What a list may be late, ms. */
const slackMs = 100

/** Keeps this node in the list of nodes and watches the others. While the shared store is away it goes on with what it knows. */
export const membership = defineActor({
  name: 'membership',
  // limits.mailbox is for actors of the user.
  mailbox: { capacity: 1_000 },
  async state(_input: MembershipInput, ctx): Promise<State> {
    const state: State = { seen: new Map(), listed: false, announced: false }
    scheduleBeat(ctx)
    await announce(state, ctx)
    return state
  },
  handlers: {
    beat: (_: {}, ctx) => {
      scheduleBeat(ctx)
      return announce(ctx.state, ctx)
    },
    /** The summary has changed: the others need not wait for the next heartbeat. */
    announce: (_: {}, ctx) => announce(ctx.state, ctx),
    list: (_: {}, ctx): NodeInfo[] => known(ctx.state, ctx.input, ctx.clock),
  },
  async stop(ctx, reason) {
    const { node, presence, bus, superseded } = ctx.input
    // A restart is no farewell: the list forgets us by itself if it does not work out.
    if (reason.kind === 'failed' || superseded?.()) return
    try {
      if (await presence.withdraw(node)) bus.publish('node.left', { node, reason: 'stopped' })
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  },
})

function scheduleBeat(ctx: Context<unknown, MembershipInput>): void {
  const { ttlMs = defaultNodeTtlMs } = ctx.input
  ctx.after(Math.max(1, Math.floor(ttlMs / 3)), { type: 'beat' })
}

async function announce(state: State, ctx: Context<unknown, MembershipInput>): Promise<void> {
  const { node, presence, bus, summary, ttlMs = defaultNodeTtlMs } = ctx.input
  try {
    const own = summary()
    await presence.announce(node, own, ttlMs)
    if (!state.announced) bus.publish('node.joined', { node, roles: own.roles })
    state.announced = true
    look(state, ctx, await presence.list())
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    ctx.log.debug({ error: error.message }, 'no heartbeat: the shared store is away')
  }
}

/**
 * Compares the list with the last one. A node that stopped says so itself, before its time ran out; one that vanished is told by
 * the first of those left. Where nobody hears of it, each node tells itself.
 */
function look(state: State, ctx: Context<unknown, MembershipInput>, listed: Awaited<ReturnType<Presence['list']>>): void {
  const { node: self, bus, mirrored } = ctx.input
  const now = ctx.clock.monotonic()
  const seen = new Map(listed.map(({ node, summary, remainingMs }): [string, Seen] => [
    node, { info: { ...(summary as NodeSummary), node, remainingMs, self: node === self }, until: now + remainingMs },
  ]))
  const first = !mirrored || listed[0]?.node === self
  if (state.listed) {
    for (const [node, { until }] of state.seen) {
      if (seen.has(node) || node === self) continue
      const expired = until <= now + slackMs
      if (expired ? first : !mirrored) bus.publish('node.left', { node, reason: expired ? 'expired' : 'stopped' })
    }
    for (const [node, { info }] of seen) if (!state.seen.has(node) && node !== self && !mirrored) bus.publish('node.joined', { node, roles: info.roles })
  }
  state.seen = seen
  state.listed = true
}

function known(state: State, { node: self, summary, ttlMs = defaultNodeTtlMs }: MembershipInput, clock: Clock): NodeInfo[] {
  const now = clock.monotonic()
  const others = [...state.seen.values()].filter(({ info, until }) => info.node !== self && until > now).map(({ info, until }) => ({ ...info, remainingMs: until - now }))
  return [...others, { ...summary(), node: self, remainingMs: ttlMs, self: true }].sort((a, b) => (a.node < b.node ? -1 : 1))
}
