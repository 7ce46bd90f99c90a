import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { systemClock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Hive } from '../../hive.ts'
import { batch, callers, countdown, evenly, jobConcurrency, measured, payload, percentile, type Contender } from './rooms-measure.ts'
import { bullJobs, rawBatched, rawLatency } from './rooms-peers.ts'

export type ContenderName = 'hive jobs' | 'bullmq jobs' | 'hive batched' | 'ioredis batched' | 'hive latency' | 'ioredis latency' | 'hive embedded' | 'hive idle' | 'hive start'

async function openHive(redis: string | undefined): Promise<{ hive: Hive; close(): Promise<void> }> {
  const { createHive } = await import('../../hive.ts')
  const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-bench-'))
  const hive = await createHive({ redis, dataDir, log: { level: 'error' } })
  return {
    hive,
    close: async () => {
      await hive.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Posts that are handled by a work group: singly, `concurrency` at a time, each committed with a record; or in batches, acknowledged. */
async function hiveWork(redis: string | undefined, concurrency: number, batched: boolean): Promise<Contender> {
  const { hive, close } = await openHive(redis)
  let rounds = 0
  let handled = 0
  return {
    async run(messages) {
      const room = await hive.room(`bench-${process.pid}-${++rounds}`, { quotaBytes: 1 << 30 })
      const { promise, tick } = countdown(messages)
      const work = await room.work('g', batched ? tick : async (_, ctx) => {
        await ctx.commit({ records: [{ key: `result-${handled++ % 100}`, value: { ok: true } }] })
        tick()
      }, { concurrency })
      const round = await measured(messages, async () => {
        if (batched) for (let sent = 0; sent < messages; sent += batch) await room.postMany(Array.from({ length: batch }, () => ({ type: 'text', data: payload })))
        else await callers(concurrency, messages, () => room.post('text', payload))
        await promise
      })
      await work.stop()
      await room.close()
      return round
    },
    close,
  }
}

async function hiveLatency(redis: string): Promise<Contender> {
  const { hive, close } = await openHive(redis)
  let rounds = 0
  return {
    async run(messages) {
      const room = await hive.room(`latency-${process.pid}-${++rounds}`)
      const { promise, tick } = countdown(messages)
      const sent = new Map<string, number>()
      const waits: number[] = []
      const member = await room.join('reader', (message) => {
        waits.push(systemClock.monotonic() - sent.get(message.id)!)
        tick()
      })
      let count = 0
      const round = await measured(messages, async () => {
        await evenly(messages, () => {
          const id = `m${count++}`
          sent.set(id, systemClock.monotonic())
          return room.post('text', payload, { id })
        })
        await promise
      })
      await member.stop()
      await room.close()
      return { ...round, p50: percentile(waits, 0.5) }
    },
    close,
  }
}

export interface IdleRooms {
  bytesEach: number
  /** Share of one core. */
  cpu: number
  connections: number
}

/** Opens rooms and does nothing with them. */
async function hiveIdle(redis: string): Promise<Contender> {
  const admin = new Redis(redis)
  const clients = async (): Promise<number> => Number(/connected_clients:(\d+)/.exec(await admin.info('clients'))![1])
  const before = await clients()
  const { hive, close } = await openHive(redis)
  const collect = (globalThis as { gc?: () => void }).gc ?? (() => {})
  const rooms: unknown[] = []
  return {
    async run(count): Promise<IdleRooms> {
      collect()
      const heap = process.memoryUsage()
      for (let opened = 0; opened < count; opened += 100) {
        rooms.push(...await Promise.all(Array.from({ length: 100 }, (_, n) => hive.room(`idle-${opened + n}`))))
      }
      collect()
      const after = process.memoryUsage()
      const cpu = await idleCpu()
      return { bytesEach: (after.heapUsed + after.external - heap.heapUsed - heap.external) / count, cpu, connections: (await clients()) - before }
    },
    close: async () => {
      rooms.length = 0
      await close()
      admin.disconnect()
    },
  }
}

async function idleCpu(): Promise<number> {
  const idleMs = 3_000
  const cpu = process.cpuUsage()
  await new Promise<void>((resolve) => systemClock.timer(idleMs, resolve))
  const used = process.cpuUsage(cpu)
  return (used.user + used.system) / 1_000 / idleMs
}

export interface StartUp {
  /** From the first line of this module to a hive that is ready. */
  ms: number
  cpu: number
}

async function hiveStart(): Promise<Contender> {
  return {
    async run(): Promise<StartUp> {
      const start = systemClock.monotonic()
      const { close } = await openHive(undefined)
      const ms = systemClock.monotonic() - start
      const cpu = await idleCpu()
      await close()
      return { ms, cpu }
    },
    close: async () => {},
  }
}

const contenders: Record<ContenderName, (redis: string) => Promise<Contender>> = {
  'hive jobs': (redis) => hiveWork(redis, jobConcurrency, false),
  'bullmq jobs': bullJobs,
  'hive batched': (redis) => hiveWork(redis, batch, true),
  'ioredis batched': rawBatched,
  'hive latency': hiveLatency,
  'ioredis latency': rawLatency,
  'hive embedded': () => hiveWork(undefined, batch, true),
  'hive idle': hiveIdle,
  'hive start': hiveStart,
}

export type ContenderReply = { ready: true } | { result: unknown } | { error: string }

/** A contender runs in a process of its own, so that its CPU time is its own, and takes its rounds by message. */
if (process.send) {
  const reply = (message: ContenderReply): void => void process.send!(message)
  const attempt = (work: Promise<ContenderReply>): void => void work.catch((error: unknown) => ({ error: messageOf(error) })).then(reply)
  const [, , name, redis = ''] = process.argv
  let contender: Contender | undefined
  attempt(contenders[name as ContenderName](redis).then((started) => {
    contender = started
    return { ready: true }
  }))
  process.on('message', ({ messages }: { messages: number }) => {
    if (messages > 0) attempt(contender!.run(messages).then((result) => ({ result })))
    else attempt((contender?.close() ?? Promise.resolve()).then(() => ({ result: undefined })))
  })
}
