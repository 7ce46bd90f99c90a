import { z } from 'zod'
import type { Hive, Room } from '../hive.ts'
import { HivemindError } from '../kernel/errors.ts'
import type { AnyRef } from '../kernel/types.ts'
import { defineMessage } from '../messages/define.ts'
import type { DataOf } from '../messages/map.ts'
import { firstEntryId } from '../store/ports.ts'
import type { Life, SimNode } from './node.ts'
import type { Histories } from './history.ts'
import type { Oracle } from './oracle.ts'
import type { Prng } from './prng.ts'
import type { Told } from './rules/bulletins.ts'
import type { RoomState } from './server/room.ts'

/** `of`: id of the post that is answered; `by`: made up for each try to answer it. */
interface Answer {
  of: string
  by: string
}

const told = 'sim.told'
export const messages = [
  defineMessage('sim.asked', z.object({ n: z.number() }), { kind: 'content' }),
  defineMessage('sim.answered', z.object({ of: z.string(), by: z.string() }), { kind: 'content' }),
  defineMessage(told, z.object({ node: z.string(), life: z.number(), n: z.number() }), { kind: 'event', delivery: 'must-arrive' }),
]

const rooms = { asks: 'asks', answers: 'answers' } as const
export const group = 'solvers'
export const role = 'leader'
export const maxAttempts = 6
/** Attempts of a member that joined: the messages after it wait meanwhile. */
const memberAttempts = 2
/** Messages that every worker, and every member, fails on. */
const poisonsWorkers = (n: number): boolean => n % 23 === 7
const poisonsMembers = (n: number): boolean => n % 50 === 13
/** Time between two messages of a node on the bus, ms. */
const tellMs = 400

const recordOf = (messageId: string): string => `answer:${messageId}`
const numberOf = (messageId: string): number => Number(messageId.slice(messageId.lastIndexOf('-') + 1))

export interface WorkloadOptions {
  /** Posts of each node in one go, and the time between two, ms. */
  burst: number
  everyMs: number
  /** Chance that a handler fails. */
  failing: number
}

/** What every node does while it lives: posts, works, listens, tells, and asks for the role. Numbers of posts go on over restarts. */
export interface Workload {
  run(node: SimNode, life: Life): Promise<void>
  /** No further posts; each node says a last word on the bus once all can hear it. */
  stop(): void
  /** What is not answered or buried as it should be. */
  open(rooms: ReadonlyMap<string, RoomState>): string[]
}

export function createWorkload(options: WorkloadOptions, nodes: readonly SimNode[], oracle: Oracle, histories: Histories, prng: Prng): Workload {
  const posted = new Map<string, number>()
  const members = new Set<string>()
  let answers = 0
  let stopped = false

  /** Until it succeeds. */
  async function again<Result>(hive: Hive, ms: number, work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isRetryable(error)) throw error
        await nap(hive, ms)
      }
    }
  }

  /** Until it is accepted: with the same id, so that it is stored once however often it takes. */
  async function post(hive: Hive, room: Room, node: string): Promise<void> {
    const n = (posted.get(node) ?? 0) + 1
    posted.set(node, n)
    const id = `${node}-${n}`
    const { journalled } = await again(hive, 100, () => room.post('sim.asked', { n }, { id }))
    oracle.posts.accepted(rooms.asks, id, journalled === true)
  }

  async function join(hive: Hive, room: Room, node: SimNode): Promise<void> {
    const reader = oracle.readers.reader(room.name, node.name)
    members.add(node.name)
    await again(hive, 200, () => room.join(node.name, (message, ctx) => {
      reader.began(ctx.entry === firstEntryId ? undefined : ctx.entry, message.id)
      if (message.type === 'sim.asked' && poisonsMembers(message.data.n)) throw new Error('poison')
      reader.done(message.id)
    }, { from: 'start', maxAttempts: memberAttempts }))
  }

  async function work(hive: Hive, asks: Room, node: SimNode): Promise<void> {
    await again(hive, 200, () => asks.work(group, async (message, ctx) => {
      if (poisonsWorkers(message.data.n)) throw new Error('poison')
      if (prng.chance(options.failing)) throw new Error('the work failed')
      if (prng.chance(0.2)) await nap(hive, prng.next() ** 2 * 2_000)
      const answer: Answer = { of: message.id, by: `${node.name} ${++answers}` }
      await ctx.commit({ posts: [{ room: rooms.answers, type: 'sim.answered', data: answer }], records: [{ key: recordOf(message.id), value: answer.by }] })
    }, { concurrency: 8, maxAttempts }))
  }

  /** Reads, compares and sets, overwrites and deletes a few records that all nodes share. */
  async function changeRecords(node: SimNode, life: Life): Promise<void> {
    const hive = life.hive as Hive
    const records = histories.records(hive.store.records, () => ({ connected: life.outage?.link.state === 'connected', changes: life.linkChanges }))
    for (let n = 1; !stopped; n++) {
      await nap(hive, 20 + prng.next() * 400)
      const key = `session:{sim}:${prng.between(1, 3)}`
      try {
        const value = `${node.name} ${Math.round(hive.clock.monotonic())} ${n}`
        const present = await records.get(key)
        if (prng.chance(0.6)) await records.put(key, value, { expect: present?.version ?? 0 })
        else if (prng.chance(0.5)) await records.put(key, value)
        else if (prng.chance(0.2)) await records.delete(key)
      } catch (error) {
        if (!isRetryable(error)) throw error
      }
    }
  }

  function tellOnBus(node: SimNode, life: Life): void {
    const hive = life.hive as Hive
    const listener = oracle.bulletins.listener(node.name, life.process)
    hive.bus.on(told).subscribe(({ data }) => listener.heard(data as Told))
    hive.bus.on('bus.resync').subscribe(({ data }) => listener.resync(data as DataOf<'bus.resync'>))
    const mirror = hive.system.lookup('hive/bus-mirror') as AnyRef
    let n = 0
    const tell = (): void => {
      // It has figures to show once it has joined the others.
      if (!life.joined) void mirror.ask({ type: 'stats' }, { timeoutMs: 10_000 }).then((stats) => { life.joined = stats !== undefined }, () => undefined)
      const last = stopped && nodes.every((other) => other.life?.joined)
      const message: Told = { node: node.name, life: node.starts, n: ++n }
      oracle.bulletins.sent(message, last)
      hive.bus.publish(told, message)
      if (!last) life.process.timer(tellMs, tell)
    }
    tell()
  }

  return {
    async run(node, life) {
      const hive = life.hive as Hive
      tellOnBus(node, life)
      hive.roles.hold(role, {
        onGained: (fence) => oracle.holders.gained(node.name, role, fence),
        onLost: () => {},
      })
      const asks = await again(hive, 200, () => hive.room(rooms.asks))
      const replies = await again(hive, 200, () => hive.room(rooms.answers))
      await join(hive, asks, node)
      await join(hive, replies, node)
      await work(hive, asks, node)
      changeRecords(node, life).catch((error: unknown) => oracle.problem('defect', `a record could not be used: ${String(error)}`))
      const tick = (): void => {
        if (stopped) return
        for (let count = 0; count < options.burst; count++) post(hive, asks, node.name).catch((error: unknown) => oracle.problem('defect', `a post failed: ${String(error)}`))
        life.process.timer(options.everyMs, tick)
      }
      life.process.timer(prng.next() * options.everyMs, tick)
    },
    stop() {
      stopped = true
    },
    open(all) {
      const asks = all.get(rooms.asks)
      if (asks === undefined) return []
      const answered = new Map((all.get(rooms.answers)?.entries ?? []).map(({ body }) => (JSON.parse(body) as { data: Answer }).data).map(({ of, by }) => [of, by]))
      const dead = new Set(asks.dead.map(({ messageId, group: reader }) => `${reader} ${messageId}`))
      const left: string[] = []
      for (const { messageId, entry } of asks.entries) {
        const by = answered.get(messageId)
        if (by === undefined && !dead.has(`${group} ${messageId}`)) left.push(`${messageId} (${entry}) has no answer`)
        if (by !== undefined && asks.records.get(recordOf(messageId))?.json !== JSON.stringify(by)) left.push(`${messageId} (${entry}) was answered by ${by}, and its record says otherwise`)
        if (!poisonsMembers(numberOf(messageId))) continue
        for (const member of members) if (!dead.has(`${member} ${messageId}`)) left.push(`${messageId} (${entry}) is poison for ${member} and was not buried`)
      }
      return left.length > 3 ? [...left.slice(0, 3), `and ${left.length - 3} more`] : left
    },
  }
}

function nap(hive: Hive, ms: number): Promise<void> {
  return new Promise((resolve) => void hive.clock.timer(ms, resolve))
}

function isRetryable(error: unknown): boolean {
  return error instanceof HivemindError && error.retryable
}
