import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { Connection } from '../../src/store/sqlite/binding.ts'
import { migrate } from '../../src/store/sqlite/schema.ts'
import { openRecallIndex } from '../../src/vectors/open.ts'
import type { RecallIndex, RecallOptions, RecallProblem } from '../../src/vectors/types.ts'

export interface Memory {
  id: string
  text: string
  project?: string
  agent?: string
  session?: string
  kind?: string
  state?: string
  at?: number
  trust?: number
  model?: string
  vector?: Float32Array
}

/** A vector as the table holds it: signed bytes, then a 32-bit scale. */
export function quantised(vector: Float32Array): Uint8Array {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scale = largest === 0 ? 1 : largest / 127
  const bytes = new Uint8Array(vector.length + 4)
  new Int8Array(bytes.buffer).set(vector.map((value) => Math.round(value / scale)))
  new DataView(bytes.buffer).setFloat32(vector.length, scale, true)
  return bytes
}

export function unit(values: ArrayLike<number>): Float32Array {
  const vector = Float32Array.from(values)
  const norm = Math.hypot(...vector) || 1
  return vector.map((value) => value / norm)
}

/** The table `memories` in a file of its own, written as the store writes it. */
export class MemoryFile {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'hivemind-recall-'))
  readonly path = join(this.dataDir, 'hive.db')
  readonly problems: RecallProblem[] = []
  #connection: Connection
  #seq = 0

  /** `from`: a copy of another file's table, without its index. */
  constructor(from?: MemoryFile) {
    if (from !== undefined) {
      from.#connection.get('PRAGMA wal_checkpoint(TRUNCATE)')
      cpSync(from.path, this.path)
      this.#seq = from.#seq
    }
    this.#connection = new Connection(this.path)
    this.#connection.get('PRAGMA journal_mode = WAL')
    this.#connection.exec('PRAGMA synchronous = OFF')
    migrate(this.#connection, this.path)
  }

  put(...memories: Memory[]): void {
    this.#connection.exec('BEGIN')
    for (const { id, text, project = '', agent = '', session = '', kind = 'episodic', state = 'live', at = 0, trust = 1, model, vector } of memories) {
      const cells = [++this.#seq, project, agent, session, kind, state, at, trust, text, JSON.stringify({ id }), text.length, model ?? null, vector === undefined ? null : quantised(vector)]
      const changed = this.#connection.run(
        'UPDATE memories SET seq = ?, project = ?, agent = ?, session = ?, kind = ?, state = ?, at = ?, trust = ?, text = ?, data = ?, bytes = ?, model = ?, vector = ?, version = version + 1 WHERE id = ?',
        [...cells, id],
      )
      if (changed === 0) {
        this.#connection.run('INSERT INTO memories (seq, project, agent, session, kind, state, at, trust, text, data, bytes, model, vector, id, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)', [...cells, id])
      }
    }
    this.#connection.exec('COMMIT')
  }

  /** As an erased memory is left behind. */
  bury(...ids: string[]): void {
    this.#connection.exec('BEGIN')
    for (const id of ids) this.#connection.run("UPDATE memories SET seq = ?, state = 'gone', text = '', data = '{}', model = NULL, vector = NULL WHERE id = ?", [++this.#seq, id])
    this.#connection.exec('COMMIT')
  }

  get seq(): number {
    return this.#seq
  }

  open(options: Partial<RecallOptions> = {}): RecallIndex {
    return openRecallIndex({ dataDir: this.dataDir, database: this.path, clock: systemClock, onProblem: (problem) => this.problems.push(problem), ...options })
  }

  close(): void {
    this.#connection.close()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** A file, and an index over it, that the end of the test clears away. */
export function fixture(options: Partial<RecallOptions> = {}): { file: MemoryFile; index: RecallIndex } {
  const file = new MemoryFile()
  const index = file.open(options)
  onTestFinished(async () => {
    await index.close()
    file.close()
  })
  return { file, index }
}
