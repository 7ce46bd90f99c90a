import { Cancelled, InvalidArgument, messageOf } from '../kernel/errors.ts'
import type { Logger } from '../kernel/logger.ts'
import type { Defects } from './defects.ts'
import { faultKinds, planFaults } from './faults.ts'
import type { Fault, FaultKind } from './faults.ts'
import { Histories } from './history.ts'
import { inflict } from './inflict.ts'
import { epochMs } from './machine.ts'
import { calm } from './network.ts'
import type { Network, Weather } from './network.ts'
import { createNode, killNode, startNode } from './node.ts'
import type { NodeParts, SimNode } from './node.ts'
import { Oracle } from './oracle.ts'
import type { Problem } from './oracle.ts'
import { Prng } from './prng.ts'
import { Scheduler } from './scheduler.ts'
import { SimServer } from './server/server.ts'
import { Trace } from './trace.ts'
import { createWorkload, group, maxAttempts, messages, role } from './workload.ts'

export interface SimulateOptions {
  seed: number
  /** Default 3. */
  nodes?: number
  /** How long there are faults and posts, ms of virtual time. Default 20,000. */
  virtualMs?: number
  /** Default: all kinds. */
  faults?: readonly FaultKind[]
  /** Of the plan of this seed only these, by number. */
  only?: readonly number[]
  /** `safety`: faults until the end, and nothing bad may happen. `liveness` (default): then they stop, and all that was begun must come to its end. */
  mode?: 'safety' | 'liveness'
  /** Posts of each node in one go, and the time between two, ms. Default 4 every 200. */
  load?: { burst: number; everyMs: number }
  /** Lines of the trace that are kept. Default 0. */
  traceLines?: number
  /** Deliberate mistakes of the simulated server and of the adapter in front of it. */
  defects?: Defects
  /** Ends the run. */
  signal?: AbortSignal
}

export interface SimResult {
  ok: boolean
  seed: number
  /** Of all that happened: the same for the same options. */
  traceHash: string
  virtualMs: number
  realMs: number
  /** Messages that rooms held in the end, and packets that arrived. */
  messages: number
  packets: number
  steps: number
  problems: Problem[]
  faults: Fault[]
  trace: readonly string[]
}

/** In which everything must have come to its end once the faults have stopped, ms. */
const healMs = 90_000
/** How often it is looked whether it has. */
const lookMs = 250
/** How often it is looked who holds the role. */
const holderLookMs = 100

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/**
 * Runs a hive of whole nodes on a simulated network and server. One at a time in a process.
 * Rejects with `InvalidArgument` when the plan of the seed lacks a fault of `only`, with `Cancelled` when `signal` aborts.
 */
export async function simulate(options: SimulateOptions): Promise<SimResult> {
  const { seed, nodes: count = 3, virtualMs = 20_000, faults: kinds = faultKinds, mode = 'liveness', load = { burst: 4, everyMs: 200 } } = options
  const plan = planFaults({ seed, nodes: count, untilMs: virtualMs, kinds })
  const unknown = options.only?.find((only) => !plan.some(({ id }) => id === only))
  if (unknown !== undefined) throw new InvalidArgument('only', `seed ${seed} has no fault ${unknown} of these kinds within ${virtualMs} ms: choose among ${plan.map(({ id }) => id).join(', ') || 'none'}`)
  const faults = plan.filter(({ id }) => options.only?.includes(id) ?? true)
  const began = process.hrtime.bigint()
  const scheduler = new Scheduler()
  const prng = new Prng(seed)
  const trace = new Trace(options.traceLines ?? 0)
  const weathers = new Map<string, Weather>()
  const weather = (name: string): Weather => {
    const known = weathers.get(name) ?? calm()
    weathers.set(name, known)
    return known
  }
  const network: Network = {
    scheduler, prng: prng.fork(), trace, weather, packets: 0, defects: options.defects ?? {},
    answered: (...answer) => oracle.answered(...answer),
    connected: (process) => oracle.posts.repeated(process),
  }
  const nodes: SimNode[] = []
  const server = new SimServer({
    now: () => epochMs + scheduler.now,
    publish: (channel, payload) => {
      for (const { life } of nodes) life?.connection.published(channel, payload)
    },
    executed: (name, args, result, again) => oracle.executed(name, args, result, again),
    replaying: () => oracle.replaying(),
    lost(before, lostMs) {
      oracle.lost(before, lostMs)
      histories.lost()
    },
    defects: options.defects ?? {},
  })
  const oracle = new Oracle({ scheduler, nodes, server, attempts: new Map([[group, maxAttempts]]) })
  const histories = new Histories(() => scheduler.now, server)
  const workload = createWorkload({ ...load, failing: 0.05 }, nodes, oracle, histories, prng.fork())
  const parts: NodeParts = { network, server, prng: prng.fork(), messages, logger: silent, watchLeases: (leases) => histories.leases(leases) }
  for (let index = 0; index < count; index++) nodes.push(createNode(`n${index + 1}`, parts, 1 + (prng.next() - 0.5) * 0.008))

  const start = (node: SimNode): void => {
    trace.add(scheduler.now, node.name, 'start')
    startNode(node, parts).then((life) => {
      trace.add(scheduler.now, node.name, 'started')
      return workload.run(node, life)
    }).catch((error: unknown) => oracle.problem('defect', `${node.name} did not start: ${messageOf(error)}`))
  }
  const onUncaught = (error: unknown): void => oracle.problem('defect', `an error that nobody caught: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onUncaught)
  const over = (): boolean => oracle.problems.length > 0 || options.signal?.aborted === true
  try {
    for (const node of nodes) start(node)
    const look = (): void => {
      oracle.holders.look(role)
      scheduler.after(holderLookMs, look)
    }
    look()
    for (const fault of faults) {
      scheduler.at(fault.at, () => inflict(fault, { scheduler, trace, nodes, server, weather, start, kill: killNode }))
    }
    await scheduler.run(virtualMs, over)
    if (mode === 'liveness' && !over()) {
      workload.stop()
      heal()
      await comeToEnd()
    }
    if (options.signal?.aborted) throw new Cancelled('the simulation', options.signal.reason)
    for (const what of histories.impossible()) oracle.problem('linearizable', `the answers about ${what} fit no order of the calls`)
  } finally {
    process.off('uncaughtException', onUncaught)
    process.off('unhandledRejection', onUncaught)
    for (const node of nodes) {
      killNode(node)
      node.disk.close()
    }
  }
  const problems = oracle.problems
  return {
    ok: problems.length === 0, seed, traceHash: trace.hash, virtualMs: Math.round(scheduler.now), realMs: Number(process.hrtime.bigint() - began) / 1e6,
    messages: [...server.rooms.values()].reduce((sum, room) => sum + room.sequence, 0), packets: network.packets, steps: scheduler.steps,
    problems, faults, trace: trace.lines,
  }

  /** From now on nothing goes wrong. */
  function heal(): void {
    trace.add(scheduler.now, 'all', 'the faults stop')
    for (const one of weathers.values()) Object.assign(one, calm())
    if (!server.up) server.restart()
    for (const node of nodes) {
      node.disk.delayMs = 0.05
      node.life?.process.resume()
      if (node.life === undefined) start(node)
    }
  }

  async function comeToEnd(): Promise<void> {
    const until = scheduler.now + healMs
    let left = unfinished()
    while (left.length > 0 && scheduler.now < until && !over()) {
      await scheduler.run(scheduler.now + lookMs, over)
      left = unfinished()
    }
    if (over()) return
    for (const what of left) oracle.problem('progress', `${healMs / 1_000} s after the last fault: ${what}`)
  }

  function unfinished(): string[] {
    const left: string[] = []
    for (const node of nodes) {
      const link = node.life?.outage?.link
      if (link?.state !== 'connected') left.push(`${node.name} is ${link?.state ?? 'not started'}`)
      else if (link.journal.items > 0) left.push(`${node.name} has ${link.journal.items} writes in its journal`)
    }
    if (left.length > 0) return left
    const lost = oracle.posts.missing()
    if (lost.length > 0) left.push(`${lost.length} posts that were acknowledged are nowhere: ${lost.slice(0, 3).join(', ')}`)
    left.push(...workload.open(server.rooms), ...oracle.readers.behind(), ...oracle.bulletins.unheard())
    if (!nodes.some(({ life }) => life?.hive?.roles.held().some((held) => held.role === role))) left.push(`nobody holds ${role}`)
    return left
  }
}

