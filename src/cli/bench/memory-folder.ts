import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EmbeddingModel } from '../../embedding/types.ts'
import { Connection } from '../../store/sqlite/binding.ts'
import { migrate } from '../../store/sqlite/schema.ts'
import { databaseFile } from '../../store/sqlite/files.ts'
import type { Corpus, CorpusMemory } from './memory-corpus.ts'

/** A data folder with memories in it, written past the store: the index is measured, not the store. */
export interface MemoryFolder {
  dataDir: string
  database: string
  add(count: number): Promise<void>
  /** The texts of some memories. */
  some: string[]
  remove(): void
}

const batch = 2_000

export function memoryFolder(corpus: Corpus, model: EmbeddingModel, size: number): MemoryFolder {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-bench-'))
  const database = databaseFile(dataDir)
  const connection = new Connection(database)
  connection.get('PRAGMA journal_mode = WAL')
  connection.exec('PRAGMA synchronous = OFF')
  migrate(connection, database)
  const memories = corpus.memories(2 * size + 10_000)
  const some: string[] = []
  let written = 0

  async function write(batchOf: CorpusMemory[]): Promise<void> {
    const vectors = await model.embed(batchOf.map(({ text }) => text), 'passage')
    connection.exec('BEGIN')
    batchOf.forEach(({ text, project, session, at }, index) => {
      const num = ++written
      if (num % Math.ceil(size / 2_000) === 0) some.push(text)
      connection.run(
        `INSERT INTO memories (seq, id, version, project, agent, session, kind, state, at, trust, text, data, bytes, model, vector) VALUES (?, ?, 1, ?, '', ?, 'episodic', 'live', ?, 0.7, ?, '{"source":"agent"}', ?, ?, ?)`,
        [num, `memory-${num}`, project, session, at, text, text.length, model.key, quantised(vectors[index]!)],
      )
    })
    connection.exec('COMMIT')
  }

  return {
    dataDir, database, some,
    async add(count) {
      for (let done = 0; done < count; done += batch) {
        const next: CorpusMemory[] = []
        while (next.length < Math.min(batch, count - done)) next.push(memories.next().value as CorpusMemory)
        await write(next)
      }
      connection.get('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    remove() {
      connection.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** As the table holds it: signed bytes, then a 32-bit scale. */
function quantised(vector: Float32Array): Uint8Array {
  const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9) / 127
  const bytes = new Uint8Array(vector.length + 4)
  new Int8Array(bytes.buffer).set(vector.map((value) => Math.round(value / scale)))
  new DataView(bytes.buffer).setFloat32(vector.length, scale, true)
  return bytes
}
