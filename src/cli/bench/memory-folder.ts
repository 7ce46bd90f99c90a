import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../kernel/clock.ts'
import { createHive } from '../../hive.ts'
import type { Hive } from '../../hive.ts'
import { databaseFile } from '../../store/sqlite/files.ts'
import type { Corpus, CorpusMemory } from './memory-corpus.ts'

/** A data folder with memories in it, stored as anybody would. */
export interface MemoryFolder {
  dataDir: string
  database: string
  /** Memories stored in a second, texts redacted, embedded and durable. */
  add(count: number): Promise<number>
  /** The texts of some memories. */
  some: string[]
  /** A hive on it. */
  open(redis?: string): Promise<Hive>
  remove(): void
}

const batch = 2_000

export function memoryFolder(corpus: Corpus, size: number): MemoryFolder {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-bench-'))
  const memories = corpus.memories(2 * size + 20_000)
  const some: string[] = []
  let written = 0
  const open = (redis?: string): Promise<Hive> => createHive({ dataDir, log: { level: 'silent' }, memory: { scopeBytes: 2 ** 40 }, ...(redis !== undefined && { redis }) })

  return {
    dataDir, some, open, database: databaseFile(dataDir),
    async add(count) {
      await using hive = await open()
      await hive.embed(['warm'])
      let ms = 0
      for (let done = 0; done < count; done += batch) {
        const next: CorpusMemory[] = []
        while (next.length < Math.min(batch, count - done)) {
          const memory = memories.next().value as CorpusMemory
          if (written++ % Math.ceil(size / 2_000) === 0) some.push(memory.text)
          next.push(memory)
        }
        const start = systemClock.monotonic()
        await hive.memory.store(next.map(({ text, project, session, at }) => ({ text, at, scope: { project, session } })))
        ms += systemClock.monotonic() - start
      }
      return (count / ms) * 1_000
    },
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  }
}
