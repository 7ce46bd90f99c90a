import { Redis } from 'ioredis'
import { Subject } from 'rxjs'
import { z } from 'zod'
import { createBus, type Bus } from '../../bus/bus.ts'
import { createMirror, type Mirror } from '../../bus/mirror.ts'
import { systemClock, systemRandomness } from '../../kernel/clock.ts'
import { createCatalogue, type Catalogue } from '../../messages/catalogue.ts'
import { createEnvelope } from '../../messages/create.ts'
import { defineMessage, type DeliveryClass } from '../../messages/define.ts'
import { encodeEnvelope } from '../../messages/wire.ts'
import { openRedisStore } from '../../store/redis/open.ts'
import { startPrivateRedis } from '../../store/redis/private-server.ts'
import { figure, pairedRatio, type BenchResult } from './figures.ts'

export interface BusBenchOptions {
  /** A Redis to measure on. Default: a private one, ended afterwards. */
  redisUrl?: string
  /** Rounds of each measurement; the median counts. Default 7. */
  rounds?: number
  /** Messages per round on one node, and between two. Default 1,000,000 and 50,000. */
  local?: number
  mirrored?: number
}

const types = 100
const burst = 1_000
const dataOf = { n: 1, text: 'x'.repeat(150) }

function catalogueOf(delivery: DeliveryClass): { catalogue: Catalogue; names: string[] } {
  const names = Array.from({ length: types }, (_, index) => `bench.type-${index}`)
  const schema = z.object({ n: z.number(), text: z.string() })
  return { catalogue: createCatalogue(names.map((name) => defineMessage(name, schema, { delivery }))), names }
}

/** ns per message: publishing a full envelope on the bus, and `next` of a bare Subject, 100 observers on 100 types each. */
export function measureLocal(messages: number): { bus: number; subject: number } {
  const { catalogue, names } = catalogueOf('local')
  const bus = createBus({ catalogue, clock: systemClock, randomness: systemRandomness, source: 'bench' })
  let seen = 0
  for (const name of names) bus.on(name).subscribe(() => { seen++ })
  const subjects = names.map(() => {
    const subject = new Subject<unknown>()
    subject.subscribe(() => { seen++ })
    return subject
  })
  const start = systemClock.monotonic()
  for (let n = 0; n < messages; n++) subjects[n % types]!.next(dataOf)
  const middle = systemClock.monotonic()
  for (let n = 0; n < messages; n++) bus.publish(names[n % types]!, dataOf)
  const end = systemClock.monotonic()
  bus.stop()
  if (seen !== 2 * messages) throw new Error(`${seen} of ${2 * messages} messages were seen`)
  return { subject: ((middle - start) / messages) * 1e6, bus: ((end - middle) / messages) * 1e6 }
}

/** Sends bursts, each after the one before has arrived whole. Messages per second. */
async function paced(messages: number, send: (count: number) => void, arrived: (count: number) => Promise<void>): Promise<number> {
  const start = systemClock.monotonic()
  for (let sent = 0; sent < messages; sent += burst) {
    const all = arrived(sent + burst)
    send(burst)
    await all
  }
  return messages / ((systemClock.monotonic() - start) / 1_000)
}

/** Counts up, and tells who waits for a number. */
class Arrivals {
  #count = 0
  #wanted = Number.POSITIVE_INFINITY
  #tell: () => void = () => undefined

  readonly add = (): void => {
    if (++this.#count >= this.#wanted) this.#tell()
  }

  readonly until = (count: number): Promise<void> => new Promise((resolve) => {
    this.#wanted = count
    this.#tell = resolve
  })
}

/** Two connections of this process, automatic pipelining, one PUBLISH per message: what pub/sub of ioredis gives by itself. */
async function measureRaw(url: string, messages: number, payload: string): Promise<number> {
  const publisher = new Redis(url, { enableAutoPipelining: true })
  const subscriber = new Redis(url)
  try {
    await subscriber.subscribe('bench:raw')
    const arrivals = new Arrivals()
    subscriber.on('message', arrivals.add)
    let failure: unknown
    const send = (count: number): void => {
      for (let n = 0; n < count; n++) publisher.publish('bench:raw', payload).catch((error: unknown) => { failure = error })
    }
    const rate = await paced(messages, send, arrivals.until)
    if (failure !== undefined) throw failure
    return rate
  } finally {
    publisher.disconnect()
    subscriber.disconnect()
  }
}

interface Node {
  bus: Bus
  mirror: Mirror
  close(): Promise<void>
}

async function joinNode(url: string, prefix: string, origin: string, catalogue: Catalogue): Promise<Node> {
  const store = await openRedisStore({ url, prefix })
  const bus = createBus({ catalogue, clock: systemClock, randomness: systemRandomness, source: origin })
  const mirror = createMirror({ bus, signals: store.signals, catalogue, origin, epoch: () => 1, clock: systemClock, randomness: systemRandomness })
  await mirror.start()
  return {
    bus,
    mirror,
    async close() {
      await mirror.stop()
      bus.stop()
      await store.close()
    },
  }
}

/** Two nodes of this process with connections of their own: published on one, validated and observed on the other. */
async function measureMirrored(url: string, messages: number, delivery: DeliveryClass): Promise<number> {
  const { catalogue, names } = catalogueOf(delivery)
  const prefix = `bench:${systemRandomness.id()}:`
  const [from, to] = [await joinNode(url, prefix, 'from', catalogue), await joinNode(url, prefix, 'to', catalogue)]
  try {
    const arrivals = new Arrivals()
    for (const name of names) to.bus.on(name).subscribe(arrivals.add)
    let next = 0
    const send = (count: number): void => {
      for (let n = 0; n < count; n++) from.bus.publish(names[next++ % types]!, dataOf)
    }
    return await paced(messages, send, arrivals.until)
  } finally {
    await from.close()
    await to.close()
    await removeKeys(url, prefix)
  }
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = new Redis(url)
  try {
    for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      if ((keys as string[]).length > 0) await client.del(...(keys as string[]))
    }
  } finally {
    client.disconnect()
  }
}

export async function benchBus(options: BusBenchOptions = {}): Promise<BenchResult> {
  const { rounds = 7, local = 1_000_000, mirrored = 50_000 } = options
  const samples = { subject: [] as number[], bus: [] as number[], raw: [] as number[], ephemeral: [] as number[], mustArrive: [] as number[] }
  measureLocal(Math.min(local, 200_000))
  for (let round = 0; round < rounds; round++) {
    const { subject, bus } = measureLocal(local)
    samples.subject.push(subject)
    samples.bus.push(bus)
  }
  const redis = options.redisUrl === undefined ? await startPrivateRedis() : undefined
  const url = options.redisUrl ?? redis!.url
  try {
    const payload = encodeEnvelope(createEnvelope({ type: 'bench.type-0', data: dataOf, source: 'from' }, systemClock, systemRandomness))
    for (let round = 0; round < rounds; round++) {
      samples.raw.push(await measureRaw(url, mirrored, payload))
      samples.ephemeral.push(await measureMirrored(url, mirrored, 'ephemeral'))
      samples.mustArrive.push(await measureMirrored(url, mirrored, 'must-arrive'))
    }
  } finally {
    await redis?.stop()
  }
  return {
    bench: 'bus',
    figures: {
      'bus publish': figure(samples.bus, 'ns'),
      'RxJS Subject next': figure(samples.subject, 'ns'),
      'mirrored, ephemeral': figure(samples.ephemeral, 'messages/s'),
      'mirrored, must-arrive': figure(samples.mustArrive, 'messages/s'),
      'ioredis pub/sub': figure(samples.raw, 'messages/s'),
    },
    ratios: {
      'bus publish / RxJS Subject': pairedRatio(samples.subject, samples.bus),
      'mirrored ephemeral / ioredis pub/sub': pairedRatio(samples.ephemeral, samples.raw),
      'mirrored must-arrive / ioredis pub/sub': pairedRatio(samples.mustArrive, samples.raw),
    },
  }
}
