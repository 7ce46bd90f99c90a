import { z } from 'zod'
import type { Hive, Room } from '../hive.ts'
import { HivemindError } from '../kernel/errors.ts'
import { defineMessage } from '../messages/define.ts'
import { firstEntryId } from '../store/ports.ts'
import type { Life, SimNode } from './node.ts'
import type { Histories } from './history.ts'
import type { Oracle } from './oracle.ts'
import type { Prng } from './prng.ts'

export const asked = defineMessage('sim.asked', z.object({ n: z.number() }), { kind: 'content' })
export const answered = defineMessage('sim.answered', z.object({ of: z.string() }), { kind: 'content' })

export const rooms = { asks: 'asks', answers: 'answers' } as const
export const group = 'solvers'
export const role = 'leader'

export interface WorkloadOptions {
  /** Posts of each node in one go, and the time between two, ms. */
  burst: number
  everyMs: number
  /** Chance that a handler fails. */
  failing: number
}

/** What every node does while it lives: posts, works, listens, and asks for the role. Numbers go on over restarts. */
export interface Workload {
  run(node: SimNode, life: Life): Promise<void>
  /** No further posts. */
  stop(): void
}

export function createWorkload(options: WorkloadOptions, oracle: Oracle, histories: Histories, prng: Prng): Workload {
  const posted = new Map<string, number>()
  let stopped = false

  async function open(hive: Hive, name: string): Promise<Room> {
    for (;;) {
      try {
        return await hive.room(name)
      } catch (error) {
        if (!isRetryable(error)) throw error
        await nap(hive, 200)
      }
    }
  }

  /** Until it is accepted: with the same id, so that it is stored once however often it takes. */
  async function post(hive: Hive, room: Room, node: string, life: Life): Promise<void> {
    const n = (posted.get(node) ?? 0) + 1
    posted.set(node, n)
    const id = `${node}-${n}`
    for (;;) {
      try {
        const { journalled } = await room.post('sim.asked', { n }, { id })
        oracle.acknowledged(rooms.asks, id, journalled === true, life.process)
        return
      } catch (error) {
        if (!isRetryable(error)) throw error
        await nap(hive, 100)
      }
    }
  }

  async function join(hive: Hive, room: Room, node: SimNode): Promise<void> {
    const reader = oracle.reader(room.name, node.name)
    for (;;) {
      try {
        await room.join(node.name, (message, ctx) => {
          reader.began(ctx.entry === firstEntryId ? undefined : ctx.entry, message.id)
          reader.done(message.id)
        }, { from: 'start' })
        return
      } catch (error) {
        if (!isRetryable(error)) throw error
        await nap(hive, 200)
      }
    }
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

  return {
    async run(node, life) {
      const hive = life.hive as Hive
      hive.roles.hold(role, {
        onGained: (fence) => oracle.gained(node.name, role, fence),
        onLost: () => {},
      })
      const [asks, answers] = [await open(hive, rooms.asks), await open(hive, rooms.answers)]
      await join(hive, asks, node)
      await join(hive, answers, node)
      for (;;) {
        try {
          await asks.work(group, async (message, ctx) => {
            if (prng.chance(options.failing)) throw new Error('the work failed')
            if (prng.chance(0.2)) await nap(hive, prng.next() ** 2 * 2_000)
            await ctx.commit({ posts: [{ room: rooms.answers, type: 'sim.answered', data: { of: message.id } }] })
          }, { concurrency: 8, maxAttempts: 100 })
          break
        } catch (error) {
          if (!isRetryable(error)) throw error
          await nap(hive, 200)
        }
      }
      changeRecords(node, life).catch((error: unknown) => oracle.problem('defect', `a record could not be used: ${String(error)}`))
      const tick = (): void => {
        if (stopped) return
        for (let count = 0; count < options.burst; count++) post(hive, asks, node.name, life).catch((error: unknown) => oracle.problem('defect', `a post failed: ${String(error)}`))
        life.process.timer(options.everyMs, tick)
      }
      life.process.timer(prng.next() * options.everyMs, tick)
    },
    stop() {
      stopped = true
    },
  }
}

function nap(hive: Hive, ms: number): Promise<void> {
  return new Promise((resolve) => void hive.clock.timer(ms, resolve))
}

function isRetryable(error: unknown): boolean {
  return error instanceof HivemindError && error.retryable
}
