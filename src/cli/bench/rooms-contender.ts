import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { systemClock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Hive } from '../../hive.ts'

/** What one contender measured in one round. */
export interface Round {
  perSecond: number
  /** CPU time of this process, us per message. */
  cpuUs: number
  /** One-way latency in ms, where it is measured. */
  p50?: number
}

export type ContenderName = 'hive jobs' | 'bullmq jobs' | 'hive batched' | 'ioredis batched' | 'hive latency' | 'ioredis latency' | 'hive embedded' | 'hive idle' | 'hive start'

interface Contender {
  run(messages: number): Promise<unknown>
  close(): Promise<void>
}

const payload = { text: 'x'.repeat(250) }
const jobConcurrency = 100
const batch = 1_000
const perSecond = 1_000

/** Counts to a number, then resolves. */
function countdown(count: number): { promise: Promise<void>; tick: () => void } {
  let left = count
  let finish = (): void => {}
  const promise = new Promise<void>((resolve) => (finish = resolve))
  return {
    promise,
    tick: () => {
      if (--left === 0) finish()
    },
  }
}

async function measured(messages: number, work: () => Promise<void>): Promise<Round> {
  const cpu = process.cpuUsage()
  const start = systemClock.monotonic()
  await work()
  const ms = systemClock.monotonic() - start
  const used = process.cpuUsage(cpu)
  return { perSecond: messages / (ms / 1_000), cpuUs: (used.user + used.system) / messages }
}

/** `concurrency` callers that each wait for their call before the next one. */
async function callers(concurrency: number, messages: number, call: () => Promise<unknown>): Promise<void> {
  let begun = 0
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (begun++ < messages) await call()
  }))
}

async function openHive(redis: string | undefined): Promise<{ hive: Hive; close(): Promise<void> }> {
  const { createHive } = await import('../../hive.ts')
  const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-bench-'))
  const hive = await createHive({ redis, dataDir, log: { level: 'error' } } as Parameters<typeof createHive>[0])
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

async function bullJobs(redis: string): Promise<Contender> {
  const { Queue, Worker } = await import('bullmq')
  const { hostname: host, port } = new URL(redis)
  const connection = { host, port: Number(port), maxRetriesPerRequest: null }
  let rounds = 0
  return {
    async run(messages) {
      const name = `bench-${process.pid}-${++rounds}`
      const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } })
      const { promise, tick } = countdown(messages)
      const worker = new Worker(name, async () => ({ ok: true }), { connection, concurrency: jobConcurrency })
      worker.on('completed', tick)
      await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
      const round = await measured(messages, async () => {
        await callers(jobConcurrency, messages, () => queue.add('job', payload))
        await promise
      })
      await worker.close()
      await queue.close()
      return round
    },
    close: async () => {},
  }
}

/** The loop one would write by hand: a pipeline of XADD, XREADGROUP of as many, one XACK. */
async function rawBatched(redis: string): Promise<Contender> {
  const [writer, reader] = [new Redis(redis), new Redis(redis)]
  let rounds = 0
  return {
    async run(messages) {
      const stream = `bench-raw-${process.pid}-${++rounds}`
      const body = JSON.stringify(payload)
      await writer.xgroup('CREATE', stream, 'g', '$', 'MKSTREAM')
      return measured(messages, async () => {
        const write = async (): Promise<void> => {
          for (let sent = 0; sent < messages; sent += batch) {
            const pipeline = writer.pipeline()
            for (let n = 0; n < batch; n++) pipeline.xadd(stream, 'MAXLEN', '~', 1_000_000, '*', 'b', body)
            await pipeline.exec()
          }
        }
        const read = async (): Promise<void> => {
          for (let seen = 0; seen < messages;) {
            const reply = (await reader.xreadgroup('GROUP', 'g', 'c', 'COUNT', batch, 'BLOCK', 1_000, 'STREAMS', stream, '>')) as [string, [string, string[]][]][] | null
            const entries = reply?.[0]?.[1] ?? []
            for (const [, fields] of entries) JSON.parse(fields[1]!)
            if (entries.length > 0) await reader.xack(stream, 'g', ...entries.map(([id]) => id))
            seen += entries.length
          }
        }
        await Promise.all([write(), read()])
      })
    },
    close: async () => {
      writer.disconnect()
      reader.disconnect()
    },
  }
}

/** Sends at an even rate: what is due by now, then a short sleep. */
async function evenly(messages: number, send: () => Promise<unknown>): Promise<void> {
  const start = systemClock.monotonic()
  const sends: Promise<unknown>[] = []
  while (sends.length < messages) {
    const due = Math.min(messages, Math.ceil(((systemClock.monotonic() - start) / 1_000) * perSecond))
    while (sends.length < due) sends.push(send())
    await new Promise<void>((resolve) => systemClock.timer(1, resolve))
  }
  await Promise.all(sends)
}

function percentile(samples: number[], share: number): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length * share)]!
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

async function rawLatency(redis: string): Promise<Contender> {
  const [writer, reader] = [new Redis(redis), new Redis(redis)]
  let rounds = 0
  return {
    async run(messages) {
      const stream = `latency-raw-${process.pid}-${++rounds}`
      const body = JSON.stringify(payload)
      const sent: number[] = []
      const waits: number[] = []
      await writer.xadd(stream, '0-1', 'b', body)
      const round = await measured(messages, async () => {
        const read = async (): Promise<void> => {
          for (let after = '0-1'; waits.length < messages;) {
            const reply = await reader.xread('COUNT', 100, 'BLOCK', 1_000, 'STREAMS', stream, after)
            for (const [id, fields] of reply?.[0]?.[1] ?? []) {
              JSON.parse(fields[1]!)
              waits.push(systemClock.monotonic() - sent[waits.length]!)
              after = id
            }
          }
        }
        const reading = read()
        await evenly(messages, () => {
          sent.push(systemClock.monotonic())
          return writer.xadd(stream, '*', 'b', body)
        })
        await reading
      })
      return { ...round, p50: percentile(waits, 0.5) }
    },
    close: async () => {
      writer.disconnect()
      reader.disconnect()
    },
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
