import { defineActor } from 'hivemind'
import type { DataIn, filesHandled, passagesStored, readFiles } from './messages.ts'
import { cutPassages } from './passages.ts'
import { readText } from './read-text.ts'

export interface ReaderInput {
  /** Real path of the folder. */
  root: Buffer
  maxFileBytes: number
  /** Text that goes into one message; what JSON makes of it may be six times as long. */
  textBytes: number
}

export interface ReadBatch {
  stored: DataIn<typeof passagesStored>[]
  handled: DataIn<typeof filesHandled>
}

/** Reads batches of files and cuts them into passages. Told to crash, its first life fails half-way through the batch. */
export const reader = defineActor({
  name: 'reader',
  state: (input: ReaderInput) => input,
  redeliver: true,
  handlers: {
    read: async (message: { batch: DataIn<typeof readFiles> }, ctx): Promise<ReadBatch> => {
      const { batch, files, crash } = message.batch
      const failAt = crash && ctx.incarnation === 1 ? Math.floor(files.length / 2) : -1
      const output = new Output(ctx.state.textBytes)
      const handled: ReadBatch['handled'] = { batch, reader: ctx.id, read: [], skipped: [] }
      for (const [index, file] of files.entries()) {
        if (index === failAt) break
        ctx.signal.throwIfAborted()
        const text = await readText(ctx.state.root, file, ctx.state.maxFileBytes)
        if (!text.ok) {
          handled.skipped.push({ path: file.path, reason: text.reason, why: text.why })
          continue
        }
        let passages = 0
        for (const passage of cutPassages(text.lines)) {
          output.add({ path: file.path, ...(file.raw !== undefined && { raw: file.raw }), stamp: text.stamp }, passage)
          passages++
        }
        handled.read.push({ path: file.path, encoding: text.encoding, lines: text.lines.length, bytes: text.bytes, passages, partial: text.partial })
      }
      if (failAt >= 0) throw new Error('this reader was made to crash on purpose')
      return { stored: output.messages, handled }
    },
  },
})

type Source = DataIn<typeof passagesStored>['sources'][number]
type Piece = Omit<DataIn<typeof passagesStored>['passages'][number], 'source'>

/** Gathers passages into messages of bounded size. */
class Output {
  readonly messages: DataIn<typeof passagesStored>[] = []
  #bytes = Infinity
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  add(source: Source, passage: Piece): void {
    const bytes = Buffer.byteLength(passage.text) + source.path.length * 3 + 200
    if (this.#bytes + bytes > this.#limit) {
      this.messages.push({ sources: [], passages: [] })
      this.#bytes = 0
    }
    this.#bytes += bytes
    const message = this.messages.at(-1) as DataIn<typeof passagesStored>
    if (message.sources.at(-1)?.path !== source.path) message.sources.push(source)
    message.passages.push({ source: message.sources.length - 1, ...passage })
  }
}
