import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineScenario, sleep, startPrivateRedis, z } from 'hivemind'
import type { Room, ScenarioContext } from 'hivemind'
import { failoverMessages, jobFinished, orderPlaced, roomsOf } from './messages.ts'
import type { DataIn } from './messages.ts'
import { startNode } from './nodes.ts'
import type { NodeProcess } from './nodes.ts'

const input = z.object({
  nodes: z.number().int().min(2).max(16).default(3).describe('nodes, each a process of its own'),
  orders: z.number().int().min(10).max(100_000).default(300).describe('orders to be carried out, each exactly once'),
  everyMs: z.number().int().min(0).max(1000).default(10).describe('time between two orders, ms'),
  workMs: z.number().int().min(0).max(1000).default(100).describe('how long one job takes, ms'),
})

type Finished = DataIn<typeof jobFinished>

interface State {
  folder: string
  rooms: { orders: Room; jobs: Room; results: Room }
  nodes: NodeProcess[]
  leader?: { id: string; fence: number }
  killed?: { id: string; pid: number; fence: number; at: number; afterResults: number }
  successor?: { id: string; fence: number; afterMs: number }
  placed: number
  results: Finished[]
  done: Set<number>
  /** Settles a wait; called whenever something happened. */
  wake: () => void
}

type Context = ScenarioContext<z.output<typeof input>, State>

export default defineScenario({
  name: 'failover',
  title: 'The leader of several nodes is killed and nothing is lost or done twice',
  description: 'Nodes are processes on one private Redis. The leader turns orders into jobs, all nodes carry jobs out. The leader is killed with SIGKILL '
    + 'in the middle of it; another node takes the role over, and what the dead one had in hand is taken over too.',
  input,
  messages: failoverMessages,
  hive: async ({ defer }) => {
    const redis = await startPrivateRedis({ appendonly: true })
    defer(() => redis.stop())
    const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-failover-'))
    defer(() => rm(dataDir, { recursive: true, force: true }))
    return { redis: redis.url, dataDir }
  },
  state: async ({ hive, run, defer }): Promise<State> => {
    const names = roomsOf(run)
    const folder = await mkdtemp(join(tmpdir(), 'hivemind-failover-nodes-'))
    defer(() => rm(folder, { recursive: true, force: true }))
    const rooms = { orders: await hive.room(names.orders), jobs: await hive.room(names.jobs), results: await hive.room(names.results, { cap: 1_000_000 }) }
    return { folder, rooms, nodes: [], placed: 0, results: [], done: new Set(), wake: () => undefined }
  },
  steps: [
    { name: 'starting the nodes', run: startNodes },
    { name: 'placing orders', run: firstHalf },
    { name: 'killing the leader', run: killLeader },
    { name: 'going on', run: secondHalf },
    { name: 'counting', run: count },
  ],
  report,
  expectations: [
    { name: 'every order took effect exactly once', check: ({ orders, effects, missing, twice }) => (effects === orders && missing === 0 && twice === 0) || `${orders} orders, ${effects} effects, ${missing} missing, ${twice} twice` },
    { name: 'another node took the role over, with a higher fence', check: ({ killed, successor }) => (successor !== null && successor.id !== killed.id && successor.fence > killed.fence) || 'nobody did' },
    { name: 'work went on after the kill', check: ({ effectsAfterKill }) => effectsAfterKill > 0 || 'no effect came after it' },
    { name: 'nothing is pending and nothing was given up', check: ({ pending, dead }) => (pending === 0 && dead === 0) || `${pending} pending, ${dead} given up` },
  ],
  text: (result) => [
    `nodes       ${result.nodes} processes on one Redis`,
    `leader      ${result.killed.id} (pid ${result.killed.pid}, fence ${result.killed.fence}) was killed with SIGKILL after ${result.killed.afterResults} effects`,
    `successor   ${result.successor === null ? 'none' : `${result.successor.id} (fence ${result.successor.fence}) leads ${(result.successor.afterMs / 1000).toFixed(1)} s later`}`,
    `effects     ${result.effects} for ${result.orders} orders: ${result.missing} missing, ${result.twice} twice; ${result.retried} of them on a later attempt`,
    `by node     ${Object.entries(result.byNode).map(([id, jobs]) => `${id} ${jobs}`).join(', ')}`,
  ].join('\n'),
})

async function startNodes(ctx: Context): Promise<void> {
  const { state, input: { nodes, workMs }, hive, run } = ctx
  const reading = await state.rooms.results.join('counter', (message) => {
    state.results.push(message.data)
    state.done.add(message.data.order)
    ctx.progress.update({ done: state.done.size, total: ctx.input.orders, unit: 'effects' })
    state.wake()
  }, { from: 'start' })
  ctx.defer(() => reading.stop())
  state.nodes = await Promise.all(Array.from({ length: nodes }, async (_, index) => {
    const id = `node-${index + 1}`
    const node = await startNode({ id, redis: hive.config.redis ?? '', dataDir: join(state.folder, id), run, workMs }, (fence) => {
      state.leader = { id, fence }
      if (state.killed !== undefined) state.successor ??= { id, fence, afterMs: hive.clock.monotonic() - state.killed.at }
      state.wake()
    })
    ctx.defer(() => node.stop())
    return node
  }))
  await until(ctx, () => state.leader !== undefined)
}

async function place(ctx: Context, upTo: number): Promise<void> {
  const { state, input: { everyMs }, hive, signal } = ctx
  while (state.placed < upTo) {
    await state.rooms.orders.post(orderPlaced.type, { order: state.placed })
    state.placed++
    if (everyMs > 0) await sleep(hive.clock, everyMs, signal)
  }
}

/** Until a third is placed and work is under way. */
async function firstHalf(ctx: Context): Promise<void> {
  await place(ctx, Math.ceil(ctx.input.orders / 3))
  await until(ctx, () => ctx.state.results.length > 0)
}

async function killLeader({ state, hive, progress }: Context): Promise<void> {
  const victim = state.nodes.find((node) => node.id === state.leader?.id)
  if (victim === undefined || state.leader === undefined) throw new Error('there is no leader to kill')
  state.killed = { id: victim.id, pid: victim.pid, fence: state.leader.fence, at: hive.clock.monotonic(), afterResults: state.results.length }
  await victim.kill()
  progress.note(`${victim.id}, the leader (pid ${victim.pid}), was killed`)
}

async function secondHalf(ctx: Context): Promise<void> {
  const { state, input: { orders }, progress } = ctx
  await place(ctx, orders)
  await until(ctx, () => state.successor !== undefined)
  progress.note(`${state.successor?.id} leads now`)
  await until(ctx, () => state.done.size >= orders)
}

/** Waits until nothing is in flight, so that a second effect would have been seen. */
async function count(ctx: Context): Promise<void> {
  while (await inFlight(ctx) > 0) await sleep(ctx.hive.clock, 100, ctx.signal)
}

async function inFlight({ state: { rooms, results } }: Context): Promise<number> {
  const [orders, jobs, all] = await Promise.all([rooms.orders.pending('leader'), rooms.jobs.pending('workers'), rooms.results.info()])
  return orders.length + jobs.length + Math.max(0, all.entries - results.length)
}

async function report(ctx: Context) {
  const { state, input: { orders, nodes } } = ctx
  const times = new Map<number, number>()
  const byNode: Record<string, number> = Object.fromEntries(state.nodes.map((node) => [node.id, 0]))
  for (const { order, node } of state.results) {
    times.set(order, (times.get(order) ?? 0) + 1)
    byNode[node] = (byNode[node] ?? 0) + 1
  }
  const { id = '', pid = 0, fence = 0, afterResults = 0 } = state.killed ?? {}
  const infos = await Promise.all([state.rooms.orders.info(), state.rooms.jobs.info()])
  return {
    nodes, orders, effects: state.results.length, missing: orders - times.size, twice: [...times.values()].filter((count) => count > 1).length,
    retried: state.results.filter(({ attempt }) => attempt > 1).length, byNode, killed: { id, pid, fence, afterResults }, successor: state.successor ?? null,
    effectsAfterKill: state.results.length - afterResults, pending: await inFlight(ctx), dead: infos.reduce((sum, info) => sum + info.dead, 0),
  }
}

/** Waits for something that an event brings about. */
async function until({ state, signal }: Context, holds: () => boolean): Promise<void> {
  while (!holds()) {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      state.wake = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
    })
  }
}
