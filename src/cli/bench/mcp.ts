import { createRequire } from 'node:module'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../kernel/clock.ts'
import { openRecallIndex } from '../../vectors/open.ts'
import { figure, pairedRatio } from './figures.ts'
import type { BenchResult } from './figures.ts'
import { PeerMissing } from './harness.ts'
import { Corpus } from './memory-corpus.ts'
import { memoryFolder } from './memory-folder.ts'
import { McpFailed, startMcp } from './mcp-client.ts'

export interface McpBenchOptions {
  /** Memories. Default 100,000. */
  size?: number | undefined
}

const projects = 20
const rounds = 5
/** Questions of a round; the peer reads its whole file for each. */
const ours = 60
const theirs = 4
const words = 8
const hivemind = fileURLToPath(new URL(`../main${import.meta.url.slice(-3)}`, import.meta.url))

/** The memory over stdio, as an agent sees it, beside the reference server with the same texts: start, and one question after the other. */
export async function benchMcp({ size = 100_000 }: McpBenchOptions = {}): Promise<BenchResult> {
  const peer = peerFile()
  const corpus = new Corpus(1, projects)
  const folder = memoryFolder(corpus, size)
  try {
    await folder.add(size)
    const index = openRecallIndex({ dataDir: folder.dataDir, database: folder.database, clock: systemClock, onProblem: ({ message }) => { throw new McpFailed(message) } })
    await index.rebuild()
    await index.close()
    const file = join(folder.dataDir, 'peer.jsonl')
    await writePeerFile(file, corpus, size)

    const question = (count: number): string => corpus.question(folder.some[corpus.below(folder.some.length)]!, count)
    const startOurs = () => startMcp(hivemind, ['mcp', '--data-dir', folder.dataDir, '--all-projects'])
    const startTheirs = () => startMcp(peer, [], { MEMORY_FILE_PATH: file })
    const recall = (query: string) => ({ name: 'memory_recall', args: { query } })
    const search = (query: string) => ({ name: 'search_nodes', args: { query } })

    const starts = { ours: [] as number[], first: [] as number[], theirs: [] as number[], theirFirst: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      const own = await started(startOurs, recall(question(words)))
      const other = await started(startTheirs, search(question(1)))
      if (round === 0) continue
      starts.ours.push(own.shaken)
      starts.first.push(own.first)
      starts.theirs.push(other.shaken)
      starts.theirFirst.push(other.first)
    }

    const [own, other] = [await startOurs(), await startTheirs()]
    const asked = { ours: [] as number[], theirs: [] as number[] }
    const perRound = { ours: [] as number[], theirs: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      const mine = await timeEach(ours, () => own.call('memory_recall', { query: question(words) }))
      const its = await timeEach(theirs, () => other.call('search_nodes', { query: question(1) }))
      if (round === 0) continue
      asked.ours.push(...mine)
      asked.theirs.push(...its)
      perRound.ours.push(figure(mine, 'ms').median)
      perRound.theirs.push(figure(its, 'ms').median)
    }
    await Promise.all([own.close(), other.close()])
    return {
      bench: `mcp over stdio, ${size.toLocaleString('en')} memories`,
      figures: {
        'recall': figure(asked.ours, 'ms'),
        'server-memory search': figure(asked.theirs, 'ms'),
        'start to handshake': figure(starts.ours, 'ms'),
        'start to first recall': figure(starts.first, 'ms'),
        'server-memory start to handshake': figure(starts.theirs, 'ms'),
        'server-memory start to first search': figure(starts.theirFirst, 'ms'),
      },
      ratios: {
        'search of server-memory / recall': pairedRatio(perRound.theirs, perRound.ours),
        'first search of server-memory / first recall': pairedRatio(starts.theirFirst, starts.first),
      },
    }
  } finally {
    folder.remove()
  }
}

async function started(start: () => ReturnType<typeof startMcp>, { name, args }: { name: string; args: object }): Promise<{ shaken: number; first: number }> {
  const from = systemClock.monotonic()
  const server = await start()
  const shaken = systemClock.monotonic() - from
  await server.call(name, args)
  const first = systemClock.monotonic() - from
  await server.close()
  return { shaken, first }
}

async function timeEach(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let each = 0; each < count; each++) {
    const from = systemClock.monotonic()
    await run()
    samples.push(systemClock.monotonic() - from)
  }
  return samples
}

/** Texts of the same kind, as the peer keeps them: a line of JSON each. */
async function writePeerFile(file: string, corpus: Corpus, size: number): Promise<void> {
  const stream = createWriteStream(file)
  let written = 0
  for (const { text } of corpus.memories(size)) {
    stream.write(`${JSON.stringify({ type: 'entity', name: `memory-${++written}`, entityType: 'memory', observations: [text] })}\n`)
  }
  stream.end()
  await finished(stream)
}

function peerFile(): string {
  try {
    return createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/dist/index.js')
  } catch (error) {
    throw new PeerMissing('@modelcontextprotocol/server-memory', error)
  }
}
