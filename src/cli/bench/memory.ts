import type { Redis } from 'ioredis'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openBuiltinModel } from '../../embedding/builtin-model.ts'
import type { Memory, MemoryInput, RecallResult } from '../../hive.ts'
import { systemClock, systemRandomness } from '../../kernel/clock.ts'
import { HivemindError, StoreMisconfigured, StoreUnavailable } from '../../kernel/errors.ts'
import { createClient } from '../../store/redis/clients.ts'
import { startPrivateRedis } from '../../store/redis/private-server.ts'
import type { PrivateRedis } from '../../store/redis/private-server.ts'
import { openBase } from '../../vectors/base/base.ts'
import { openRecallIndex } from '../../vectors/open.ts'
import { Rows } from '../../vectors/rows/rows.ts'
import { MemoryTable } from '../../vectors/rows/table.ts'
import { Top } from '../../vectors/top.ts'
import type { RecallIndex, ScopeFilter } from '../../vectors/types.ts'
import { figure } from './figures.ts'
import type { BenchResult, Figure } from './figures.ts'
import { Corpus } from './memory-corpus.ts'
import type { CorpusMemory } from './memory-corpus.ts'
import { memoryFolder } from './memory-folder.ts'
import type { MemoryFolder } from './memory-folder.ts'

export interface MemoryBenchOptions {
  /** Memories. Default 100,000. */
  size?: number
  /** Questions of each kind. Default 500. */
  questions?: number
}

const projects = 20
/** Of the words of a question. */
const words = 8
const limit = 10
/** Memories that came after the base was built. */
const fresh = 2_000

/** Recall as a caller has it: the question embedded, ranked by vector and keywords over a base and a delta, texts read. */
export async function benchMemory({ size = 100_000, questions = 500 }: MemoryBenchOptions = {}): Promise<BenchResult> {
  const corpus = new Corpus(1, projects)
  const folder = memoryFolder(corpus, size)
  try {
    const stored = await folder.add(size)
    const index = open(folder)
    const buildStart = systemClock.monotonic()
    await index.rebuild()
    const buildSeconds = (systemClock.monotonic() - buildStart) / 1_000
    const { baseBytes } = await index.stats()
    await index.close()
    await folder.add(fresh)

    const openings = await measureOpenings(folder)
    const start = systemClock.monotonic()
    await using hive = await folder.open()
    await hive.memory.recall({ query: 'anything', limit })
    const startMs = systemClock.monotonic() - start
    const everywhere = await measureRecall(hive.memory, corpus, folder, questions, () => ({}))
    const inProject = await measureRecall(hive.memory, corpus, folder, questions, () => ({ project: `project-${corpus.below(projects)}` }))
    const agreement = await measureAgreement(corpus, folder, Math.min(questions, 100))
    const shared = await measureRedis(corpus)
    return {
      bench: `memory, ${size.toLocaleString('en')} memories`,
      figures: {
        'recall p50': percentile(everywhere.ms, 0.5),
        'recall p99': percentile(everywhere.ms, 0.99),
        'recall in a project p50': percentile(inProject.ms, 0.5),
        'recall in a project p99': percentile(inProject.ms, 0.99),
        'processor time of a recall': figure([everywhere.cpuMs], 'ms'),
        'vector recall@10 of exact': figure([agreement], ''),
        'longest block of the main event loop': figure([Math.max(everywhere.blockedMs, inProject.blockedMs)], 'ms'),
        'bulk store': figure([stored], '/s'),
        ...(shared !== undefined && { 'bulk store with Redis': figure([shared.perSecond], '/s'), 'in Redis, beyond its text': figure([shared.bytes], 'bytes') }),
        'base opened': figure(openings, 'ms'),
        'hive opened and first answer': figure([startMs], 'ms'),
        'base built': figure([buildSeconds], 's'),
        'base on disk': figure([baseBytes / 2 ** 20], 'MiB'),
      },
      ratios: {},
    }
  } finally {
    folder.remove()
  }
}

const redisMemories = 10_000

/** Through Redis and into the folder: how fast, and what a memory takes there, all keys and the stream of changes counted. */
async function measureRedis(corpus: Corpus): Promise<{ perSecond: number; bytes: number } | undefined> {
  let server: PrivateRedis
  try {
    server = await startPrivateRedis()
  } catch (error) {
    // Without a redis-server there is nothing to measure.
    if (error instanceof StoreUnavailable || error instanceof StoreMisconfigured) return undefined
    throw error
  }
  const folder = memoryFolder(corpus, redisMemories)
  const client = createClient({ url: server.url }, 'hivemind-bench', systemRandomness) as Redis
  try {
    await client.connect()
    const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
    await using hive = await folder.open(server.url)
    const memories = [...corpus.memories(redisMemories)]
    await hive.memory.store(memories.splice(0, 1_000).map(asInput))
    const before = await used()
    const text = memories.reduce((sum, memory) => sum + Buffer.byteLength(memory.text), 0)
    const start = systemClock.monotonic()
    for (let from = 0; from < memories.length; from += 2_000) await hive.memory.store(memories.slice(from, from + 2_000).map(asInput))
    const ms = systemClock.monotonic() - start
    return { perSecond: (memories.length / ms) * 1_000, bytes: (await used() - before - text) / memories.length }
  } finally {
    client.disconnect()
    await server.stop()
    folder.remove()
  }
}

function asInput({ text, project, session, at }: CorpusMemory): MemoryInput {
  return { text, at, scope: { project, session } }
}

class BenchProblem extends HivemindError {
  constructor(message: string) {
    super('bench_failed', message, false)
  }
}

function open({ dataDir, database }: MemoryFolder): RecallIndex {
  return openRecallIndex({ dataDir, database, clock: systemClock, buildAt: Number.MAX_SAFE_INTEGER, onProblem: ({ message }) => { throw new BenchProblem(message) } })
}

interface Recall {
  ms: number[]
  cpuMs: number
  blockedMs: number
}

async function measureRecall(memory: Memory, corpus: Corpus, folder: MemoryFolder, questions: number, scope: () => ScopeFilter): Promise<Recall> {
  const ask = (): Promise<RecallResult> => memory.recall({ query: corpus.question(folder.some[corpus.below(folder.some.length)]!, words), scope: scope(), limit })
  for (let warmUp = 0; warmUp < questions / 5; warmUp++) await ask()
  const ms: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const cpu = process.cpuUsage()
  delay.enable()
  for (let question = 0; question < questions; question++) ms.push(await timed(ask))
  delay.disable()
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1_000 / questions, blockedMs: delay.max / 1e6 }
}

/** Of the ten nearest by comparing with every vector: the share that the index finds. */
async function measureAgreement(corpus: Corpus, folder: MemoryFolder, questions: number): Promise<number> {
  const { dataDir, database, some } = folder
  const model = await openBuiltinModel()
  const index = open(folder)
  const table = new MemoryTable(database)
  table.open()
  const base = openBase(dataDir, table)!
  const rows = new Rows(base, () => undefined)
  for (const row of table.changesAfter(rows.seq, fresh)) rows.apply(row)
  const space = rows.spaces.find(model.key)!
  let agreed = 0
  let wanted = 0
  for (let question = 0; question < questions; question++) {
    const [vector] = await model.embed([corpus.question(some[corpus.below(some.length)]!, words)], 'query')
    const top = new Top(limit)
    const found = (ordinal: number, similarity: number): number => {
      top.add(similarity, rows.columns.num[ordinal]!, rows.columns.num[ordinal]!)
      return top.threshold
    }
    space.base!.scan(vector!, 0, space.base!.count, () => true, -Infinity, found)
    space.delta.search(vector!, () => true, top.threshold, found)
    const { hits } = await index.search({ vector, model: model.key, scope: {}, limit: 200 })
    const near = hits.flatMap(({ num, parts }) => (parts.vector !== undefined && parts.vector.rank <= limit ? [num] : []))
    for (const { item } of top.sorted()) {
      wanted++
      if (near.includes(item)) agreed++
    }
  }
  base.close()
  table.close()
  await index.close()
  return agreed / wanted
}

/** Checksums, columns and maps of the base, in this thread. */
async function measureOpenings({ dataDir, database }: MemoryFolder): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < 5; round++) {
    const table = new MemoryTable(database)
    table.open()
    samples.push(await timed(async () => {
      const base = openBase(dataDir, table)!
      const rows = new Rows(base, () => undefined)
      rows.base!.close()
    }))
    table.close()
  }
  return samples
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = systemClock.monotonic()
  await run()
  return systemClock.monotonic() - start
}

function percentile(samples: readonly number[], share: number): Figure {
  const sorted = [...samples].sort((one, other) => one - other)
  return { median: sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!, min: sorted[0]!, max: sorted.at(-1)!, unit: 'ms' }
}
