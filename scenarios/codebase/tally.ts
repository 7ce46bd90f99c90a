import type { Corpus } from './corpus.ts'
import type { DataIn, filesHandled } from './messages.ts'

const examples = 20

export interface Skipped {
  count: number
  /** The first few. */
  files: { path: string; why: string }[]
}

/**
 * What became of the files, counted from the room of passages: a batch counts once, however often it was tried,
 * and a batch that was stored twice is told.
 */
export class Tally {
  listed = 0
  batches = 0
  filesHandled = 0
  filesRead = 0
  passages = 0
  lines = 0
  bytes = 0
  handledTwice = 0
  unindexed = 0
  indexBytes = 0
  terms = 0
  readonly encodings: Record<string, number> = {}
  readonly skipped: Record<string, Skipped> = {}
  readonly partial: string[] = []
  partialCount = 0
  #batches = new Map<number, string>()
  #waiting = new Set<() => void>()

  handled(entry: string, data: DataIn<typeof filesHandled>): void {
    const known = this.#batches.get(data.batch)
    if (known !== undefined) {
      if (known !== entry) this.handledTwice++
      return
    }
    this.#batches.set(data.batch, entry)
    this.batches++
    this.filesHandled += data.read.length + data.skipped.length
    for (const file of data.read) {
      this.filesRead++
      this.passages += file.passages
      this.lines += file.lines
      this.bytes += file.bytes
      this.encodings[file.encoding] = (this.encodings[file.encoding] ?? 0) + 1
      if (!file.partial) continue
      this.partialCount++
      if (this.partial.length < examples) this.partial.push(file.path)
    }
    for (const { path, reason, why } of data.skipped) this.skip(path, reason, why)
  }

  skip(path: string, reason: string, why: string): void {
    const group = (this.skipped[reason] ??= { count: 0, files: [] })
    group.count++
    if (group.files.length < examples) group.files.push({ path, why })
  }

  indexed(corpus: Corpus): void {
    this.unindexed = corpus.unindexed
    this.indexBytes = corpus.index.bytes
    this.terms = corpus.index.terms
    this.wake()
  }

  /** Resolves when `done` holds; asked again whenever something was counted. Rejects when the signal aborts. */
  async until(done: () => boolean, signal: AbortSignal): Promise<void> {
    while (!done()) {
      signal.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        this.#waiting.add(() => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        })
      })
    }
  }

  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }
}
