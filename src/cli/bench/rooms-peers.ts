import { Redis } from 'ioredis'
import { systemClock } from '../../kernel/clock.ts'
import { batch, callers, countdown, evenly, jobConcurrency, measured, payload, percentile, type Contender } from './rooms-measure.ts'

export async function bullJobs(redis: string): Promise<Contender> {
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
export async function rawBatched(redis: string): Promise<Contender> {
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

export async function rawLatency(redis: string): Promise<Contender> {
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
