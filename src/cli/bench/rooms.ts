import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { startPrivateRedis } from '../../store/redis/private-server.ts'
import { figure, pairedRatio, type BenchResult } from './figures.ts'
import type { ContenderName, ContenderReply, IdleRooms, StartUp } from './rooms-contender.ts'
import type { Round } from './rooms-measure.ts'

export interface RoomsBenchOptions {
  /** A Redis to measure on. Default: a private one, ended afterwards. */
  redisUrl?: string
  /** Rounds of each measurement; the median counts. Default 5. */
  rounds?: number
  /** Messages per round. Default 20,000. */
  messages?: number
  idleRooms?: number
}

interface Contender {
  run<Result = Round>(messages: number): Promise<Result>
  stop(): Promise<void>
}

/** Messages of a round at an even 1,000 a second. */
const pacedMessages = 2_000

async function start(name: ContenderName, redis: string): Promise<Contender> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  // Neither the environment nor a configuration file here is to change what is measured.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(REDIS|HIVEMIND)_/.test(key)))
  const child = fork(new URL(`./rooms-contender${extension}`, import.meta.url), [name, redis], { execArgv: [...process.execArgv, '--expose-gc'], cwd: tmpdir(), env })
  const ready = await answer(child, name)
  if ('error' in ready) throw new Error(`${name}: ${ready.error}`)
  const ask = async (messages: number): Promise<unknown> => {
    child.send({ messages })
    const reply = await answer(child, name)
    if ('error' in reply) throw new Error(`${name}: ${reply.error}`)
    return 'result' in reply ? reply.result : undefined
  }
  return {
    run: (messages) => ask(messages) as never,
    async stop() {
      await ask(0)
      const exited = once(child, 'exit')
      child.disconnect()
      child.kill()
      await exited
    },
  }
}

async function answer(child: ChildProcess, name: string): Promise<ContenderReply> {
  const died = new AbortController()
  const exit = (): void => died.abort(new Error(`${name}: its process ended`))
  child.once('exit', exit)
  try {
    const [reply] = (await once(child, 'message', { signal: died.signal })) as [ContenderReply]
    return reply
  } finally {
    child.off('exit', exit)
  }
}

/** Two contenders in turn, so that what else the machine does hits both. The first round warms up. */
async function duel(names: [ContenderName, ContenderName], redis: string, rounds: number, messages: number): Promise<[Round[], Round[]]> {
  const [ours, theirs] = [await start(names[0], redis), await start(names[1], redis)]
  const results: [Round[], Round[]] = [[], []]
  try {
    await ours.run(messages)
    await theirs.run(messages)
    for (let round = 0; round < rounds; round++) {
      results[0].push(await ours.run(messages))
      results[1].push(await theirs.run(messages))
    }
  } finally {
    await ours.stop()
    await theirs.stop()
  }
  return results
}

async function alone<Result>(name: ContenderName, redis: string, rounds: number, messages: number, warmUp: boolean): Promise<Result[]> {
  const contender = await start(name, redis)
  const results: Result[] = []
  try {
    if (warmUp) await contender.run(messages)
    for (let round = 0; round < rounds; round++) results.push(await contender.run<Result>(messages))
  } finally {
    await contender.stop()
  }
  return results
}

/** Rooms against BullMQ and against loops written by hand with ioredis, in processes of their own, on one Redis; and embedded. */
export async function benchRooms(options: RoomsBenchOptions = {}): Promise<BenchResult> {
  const { rounds = 5, messages = 20_000, idleRooms = 10_000 } = options
  const redis = options.redisUrl === undefined ? await startPrivateRedis() : undefined
  const url = options.redisUrl ?? redis!.url
  try {
    const [jobs, bull] = await duel(['hive jobs', 'bullmq jobs'], url, rounds, messages)
    const [batched, raw] = await duel(['hive batched', 'ioredis batched'], url, rounds, messages)
    const [paced, rawPaced] = await duel(['hive latency', 'ioredis latency'], url, rounds, pacedMessages)
    const embedded = await alone<Round>('hive embedded', url, rounds, messages, true)
    const [idle] = await alone<IdleRooms>('hive idle', url, 1, idleRooms, false)
    const starts: StartUp[] = []
    for (let round = 0; round < rounds; round++) starts.push(...await alone<StartUp>('hive start', url, 1, 1, false))
    const rates = (results: Round[]): number[] => results.map(({ perSecond }) => perSecond)
    const cpu = (results: Round[]): number[] => results.map(({ cpuUs }) => cpuUs)
    const p50 = (results: Round[]): number[] => results.map((result) => result.p50!)
    return {
      bench: 'rooms',
      figures: {
        'jobs, one post and commit each': figure(rates(jobs), 'jobs/s'),
        'jobs, BullMQ': figure(rates(bull), 'jobs/s'),
        'jobs, client CPU': figure(cpu(jobs), 'us/job'),
        'jobs, client CPU of BullMQ': figure(cpu(bull), 'us/job'),
        'batched': figure(rates(batched), 'messages/s'),
        'batched, ioredis by hand': figure(rates(raw), 'messages/s'),
        'p50 at 1,000/s': figure(p50(paced), 'ms'),
        'p50 at 1,000/s, ioredis by hand': figure(p50(rawPaced), 'ms'),
        'embedded, batched': figure(rates(embedded), 'messages/s'),
        'idle room': figure([idle!.bytesEach], 'bytes'),
        'CPU of idle rooms': figure([idle!.cpu * 100], '% of a core'),
        'connections of idle rooms': figure([idle!.connections], 'connections'),
        'start of an embedded hive': figure(starts.map(({ ms }) => ms), 'ms'),
        'CPU of an idle hive': figure(starts.map((each) => each.cpu * 100), '% of a core'),
      },
      ratios: {
        'jobs / BullMQ': pairedRatio(rates(jobs), rates(bull)),
        'client CPU / BullMQ': pairedRatio(cpu(jobs), cpu(bull)),
        'batched / ioredis by hand': pairedRatio(rates(batched), rates(raw)),
        'p50 / ioredis by hand': pairedRatio(p50(paced), p50(rawPaced)),
      },
    }
  } finally {
    await redis?.stop()
  }
}
