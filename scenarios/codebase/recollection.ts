import { MemoryFull } from 'hivemind'
import type { Memory, RecallResult } from 'hivemind'
import type { DataIn, passagesStored } from './messages.ts'
import type { Hit } from './search-index.ts'

/** Stored in one call. */
const pageItems = 500

export interface RecollectionOptions {
  /** Bound to the project and to this scenario as its agent. */
  memory: Memory
  /** Passages at most; the others are found by their words alone. */
  limit: number
  /** Largest text of one memory. */
  textBytes: number
}

/** The passages as memories, found by meaning. They stay when the run has ended: `hivemind memory recall` finds them. */
export class Recollection {
  kept = 0
  /** Passages that are no memories: over the limit, or too long. */
  left = 0
  mode: RecallResult['mode'] | undefined
  readonly #options: RecollectionOptions
  #passages = new Map<string, number[]>()

  constructor(options: RecollectionOptions) {
    this.#options = options
  }

  /** Stored again they are the same memories. `numbers` are those of the passages in the index of words. */
  async keep(stored: DataIn<typeof passagesStored>, numbers: readonly (number | undefined)[]): Promise<void> {
    const { memory, limit, textBytes } = this.#options
    const wanted = stored.passages.flatMap(({ source, from, to, text }, place) => {
      const number = numbers[place]
      const path = stored.sources[source]?.path ?? ''
      const item = { text: `${path}:${from}-${to}\n${text}` }
      return number === undefined || Buffer.byteLength(item.text) > textBytes ? [] : [{ number, item }]
    })
    const taken = wanted.slice(0, Math.max(0, limit - this.kept))
    this.left += stored.passages.length - taken.length
    for (let from = 0; from < taken.length; from += pageItems) {
      const page = taken.slice(from, from + pageItems)
      try {
        for (const [index, { id, duplicateOf }] of (await memory.store(page.map(({ item }) => item))).entries()) {
          const { number } = page[index] as (typeof page)[number]
          this.#passages.set(duplicateOf ?? id, [...this.#passages.get(duplicateOf ?? id) ?? [], number])
        }
        this.kept += page.length
      } catch (error) {
        // What has no room in the memory is still found by its words.
        if (!(error instanceof MemoryFull)) throw error
        this.left += page.length
      }
    }
  }

  /** The passages nearest to a question in meaning and words, best first. */
  async ranking(question: string, limit: number): Promise<Hit[]> {
    const { hits, mode } = await this.#options.memory.recall({ query: question, limit })
    this.mode = mode
    return hits.flatMap(({ id, score }) => (this.#passages.get(id) ?? []).map((passage) => ({ passage, score })))
  }

  /** What an earlier run kept and is in the folder no more. */
  async forgetOthers(): Promise<void> {
    const gone: string[] = []
    for await (const line of this.#options.memory.export()) {
      const { id } = JSON.parse(line) as { id: string }
      if (!this.#passages.has(id)) gone.push(id)
    }
    for (let from = 0; from < gone.length; from += pageItems) await this.#options.memory.forget({ ids: gone.slice(from, from + pageItems) })
  }
}
