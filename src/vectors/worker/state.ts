import { systemClock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import { openBase } from '../base/base.ts'
import type { Base } from '../base/base.ts'
import { BaseUnusable, manifestStamp } from '../base/manifest.ts'
import { Rows } from '../rows/rows.ts'
import { MemoryTable } from '../rows/table.ts'
import type { RecallProblem } from '../types.ts'
import type { WorkerOptions } from '../wire.ts'

const pageRows = 500
/** How long a request waits for changes to be read before it is answered from what there is, ms. */
const requestMs = 1_000
/** The same for a request that needs certain changes. */
const patientMs = 10_000
/** The same between requests: one that arrives waits this long at most. */
const betweenMs = 20
/** Rows of the delta at most: beyond them the rest waits for the next base. */
const deltaLimit = 200_000
const defaultBuildAt = 4_000

/** What is known of the table: the base in force, and what came after it. */
export class State {
  readonly table: MemoryTable
  rows: Rows
  /** Changes in the file that were not read yet. */
  behind = 0
  readonly #options: WorkerOptions
  readonly #onProblem: (problem: RecallProblem) => void
  #stamp: string | undefined
  /** The base in force cannot be used. */
  #damaged = false

  constructor(options: WorkerOptions, onProblem: (problem: RecallProblem) => void) {
    this.#options = options
    this.#onProblem = onProblem
    this.table = new MemoryTable(options.database)
    this.rows = this.#over(undefined)
  }

  /** Answers from one moment, with everything taken in that any process wrote before it, or all that could be read in time. */
  current<T>(answer: (rows: Rows) => T, minSeq = 0): T {
    const replaced = this.table.open().replaced
    return this.table.snapshot(() => {
      if (replaced || this.#stamp !== manifestStamp(this.#options.dataDir)) this.#load()
      this.#catchUp(requestMs, minSeq)
      return answer(this.rows)
    })
  }

  /** Goes on reading between requests. Whether there is more. */
  readOn(): boolean {
    this.table.snapshot(() => this.#catchUp(betweenMs))
    return this.behind > 0 && this.rows.changed < deltaLimit
  }

  get wantsBase(): boolean {
    const { changed, baseRows } = this.rows
    return this.#damaged || changed + this.behind >= Math.max(this.#options.buildAt ?? defaultBuildAt, baseRows / 8)
  }

  close(): void {
    this.rows.base?.close()
    this.table.close()
  }

  #load(): void {
    this.#stamp = manifestStamp(this.#options.dataDir)
    this.#damaged = false
    let base: Base | undefined
    try {
      base = openBase(this.#options.dataDir, this.table)
    } catch (error) {
      if (!(error instanceof BaseUnusable)) throw error
      this.#damaged = true
      this.#onProblem({ kind: 'damaged', message: `the recall index in ${this.#options.dataDir} cannot be used: ${messageOf(error)}; it is built again from the memories` })
    }
    this.rows.base?.close()
    this.rows = this.#over(base)
  }

  #over(base: Base | undefined): Rows {
    return new Rows(base, (message) => this.#onProblem({ kind: 'row-refused', message }))
  }

  #catchUp(ms: number, minSeq = 0): void {
    const start = systemClock.monotonic()
    while (this.rows.changed < deltaLimit) {
      const page = this.table.changesAfter(this.rows.seq, pageRows)
      for (const row of page) this.rows.apply(row)
      this.behind = 0
      if (page.length < pageRows) return
      if (systemClock.monotonic() - start > (this.rows.seq < minSeq ? patientMs : ms)) break
    }
    this.behind = this.table.countAfter(this.rows.seq)
  }
}
