import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openBuiltinModel } from '../../embedding/builtin-model.ts'
import type { EmbeddingModel } from '../../embedding/types.ts'
import { HivemindError } from '../../kernel/errors.ts'
import { systemClock } from '../../kernel/clock.ts'
import { openBase } from '../../vectors/base/base.ts'
import { openRecallIndex } from '../../vectors/open.ts'
import { Rows } from '../../vectors/rows/rows.ts'
import { MemoryTable } from '../../vectors/rows/table.ts'
import { Top } from '../../vectors/top.ts'
import type { RecallIndex, ScopeFilter, SearchResult } from '../../vectors/types.ts'
import { figure } from './figures.ts'
import type { BenchResult, Figure } from './figures.ts'
import { Corpus } from './memory-corpus.ts'
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

/** Recall over an index with a base and a delta: the question embedded by the built-in model, ranked by vector and keywords, texts read. */
export async function benchMemory({ size = 100_000, questions = 500 }: MemoryBenchOptions = {}): Promise<BenchResult> {
  const corpus = new Corpus(1, projects)
  const model = await openBuiltinModel()
  const folder = memoryFolder(corpus, model, size)
  let index: RecallIndex | undefined
  try {
    await folder.add(size)
    index = open(folder)
    const buildStart = systemClock.monotonic()
    await index.rebuild()
    const buildSeconds = (systemClock.monotonic() - buildStart) / 1_000
    await folder.add(fresh)
    await index.close()

    const openings = await measureOpenings(folder)
    index = open(folder)
    const startMs = await timed(() => index!.search({ text: 'anything', scope: {}, limit }))
    const everywhere = await measureRecall(index, corpus, model, folder, questions, () => ({}))
    const inProject = await measureRecall(index, corpus, model, folder, questions, () => ({ project: `project-${corpus.below(projects)}` }))
    const { baseBytes } = await index.stats()
    return {
      bench: `memory, ${size.toLocaleString('en')} memories`,
      figures: {
        'recall p50': percentile(everywhere.ms, 0.5),
        'recall p99': percentile(everywhere.ms, 0.99),
        'recall in a project p50': percentile(inProject.ms, 0.5),
        'recall in a project p99': percentile(inProject.ms, 0.99),
        'processor time of a recall': figure([everywhere.cpuMs], 'ms'),
        'vector recall@10 of exact': figure([await measureAgreement(index, corpus, model, folder, Math.min(questions, 100))], ''),
        'longest block of the main event loop': figure([Math.max(everywhere.blockedMs, inProject.blockedMs)], 'ms'),
        'base opened': figure(openings, 'ms'),
        'index opened and first answer': figure([startMs], 'ms'),
        'base built': figure([buildSeconds], 's'),
        'base on disk': figure([baseBytes / 2 ** 20], 'MiB'),
      },
      ratios: {},
    }
  } finally {
    await index?.close()
    folder.remove()
  }
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

async function measureRecall(index: RecallIndex, corpus: Corpus, model: EmbeddingModel, folder: MemoryFolder, questions: number, scope: () => ScopeFilter): Promise<Recall> {
  const ask = async (): Promise<SearchResult> => {
    const text = corpus.question(folder.some[corpus.below(folder.some.length)]!, words)
    const [vector] = await model.embed([text], 'query')
    return index.search({ text, vector, model: model.key, scope: scope(), limit })
  }
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
async function measureAgreement(index: RecallIndex, corpus: Corpus, model: EmbeddingModel, { dataDir, database, some }: MemoryFolder, questions: number): Promise<number> {
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
