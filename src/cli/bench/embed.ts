import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBuiltinModel } from '../../embedding/builtin-model.ts'
import { createHive } from '../../hive.ts'
import type { Hive } from '../../hive.ts'
import { systemClock } from '../../kernel/clock.ts'
import { Prng } from '../../sim/prng.ts'
import { driveDirectly } from './embed-direct.ts'
import { figure, pairedRatio } from './figures.ts'
import type { BenchResult } from './figures.ts'
import { interleave } from './harness.ts'
import { Corpus } from './memory-corpus.ts'
import { transformerGraph, writeModelFolder } from './transformer.ts'

export interface EmbedBenchOptions {
  /** A model folder to use instead of a transformer with weights by lot. */
  model?: string
  rounds?: number
}

const shortTexts = 20_000
const transformerTexts = 96
const singles = 300

/** Texts through the pool of a hive, beside the same model without one. No text comes twice. */
export async function benchEmbed({ model, rounds = 5 }: EmbedBenchOptions = {}): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'hivemind-bench-'))
  const texts = distinctTexts()
  const hives: Hive[] = []
  const hiveWith = async (name: string, embedder: { model: string; workers: number }): Promise<Hive> => {
    const hive = await createHive({ dataDir: join(folder, name), embedder: { ...embedder, threads: 1 }, log: { level: 'error' } })
    hives.push(hive)
    return hive
  }
  try {
    const builtin = await openBuiltinModel()
    const path = model ?? makeTransformer(join(folder, 'model'))
    const two = await hiveWith('two', { model: 'builtin', workers: 2 })
    const graph = await hiveWith('graph', { model: path, workers: 1 })
    const direct = await driveDirectly(path, 1)
    const loop: number[] = []
    let cpuMicros = 0
    const samples = await interleave(rounds, {
      async pool() {
        const cpu = process.cpuUsage()
        const perSecond = await rate(texts(shortTexts), (some) => two.embed(some))
        const { user, system } = process.cpuUsage(cpu)
        cpuMicros = (user + system) / shortTexts
        loop.push(cpuMicros)
        return perSecond
      },
      thread: () => rate(texts(shortTexts), (some) => builtin.embed(some, 'passage')),
      async single() {
        const times: number[] = []
        for (const text of texts(singles)) times.push(await timed(() => two.embed([text], { purpose: 'query' })))
        return times.sort((one, other) => one - other)[singles / 2]!
      },
      graph: () => rate(texts(transformerTexts), (some) => graph.embed(some)),
      direct: () => rate(texts(transformerTexts), (some) => direct.embed(some)),
    })
    await direct.close()
    return {
      bench: `embed, ${model ?? 'a transformer of 6 layers and 384 dimensions'}`,
      figures: {
        'built-in model, two workers': figure(samples.pool, 'texts/s'),
        'built-in model, no pool': figure(samples.thread, 'texts/s'),
        'processor time of a text through the pool': figure(loop.slice(1), 'us'),
        'a single text, p50': figure(samples.single, 'ms'),
        'transformer, one worker': figure(samples.graph, 'texts/s'),
        'transformer, driven directly': figure(samples.direct, 'texts/s'),
      },
      ratios: { 'transformer, pool to direct': pairedRatio(samples.graph, samples.direct), 'built-in, pool to no pool': pairedRatio(samples.pool, samples.thread) },
    }
  } finally {
    for (const hive of hives) await hive.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeTransformer(path: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('')
  const prng = new Prng(1)
  const pieces = new Set<string>(['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...letters, ...letters.map((letter) => `##${letter}`), '.', ',', ':', '-', '/', '`', '(', ')'])
  const common = distinctTexts()
  for (const text of common(4_000)) for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) pieces.add(word)
  const vocabulary = [...pieces]
  writeModelFolder(path, transformerGraph({ vocabulary, layers: 6, dimension: 384 }, prng), vocabulary)
  return path
}

/** Five to ten words of the documentation of the packages installed, and a number. */
function distinctTexts(): (count: number) => string[] {
  const prng = new Prng(2)
  const words = [...new Corpus(2, 1).memories(4_000)].flatMap(({ text }) => text.split(' '))
  let given = 0
  return (count) => Array.from({ length: count }, () => {
    const from = prng.between(0, words.length - 20)
    return `${words.slice(from, from + prng.between(5, 10)).join(' ')} ${given++}`
  })
}

async function rate(texts: readonly string[], embed: (texts: readonly string[]) => Promise<unknown>): Promise<number> {
  return texts.length / (await timed(() => embed(texts))) * 1_000
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = systemClock.monotonic()
  await run()
  return systemClock.monotonic() - start
}
