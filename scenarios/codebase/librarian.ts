import { defineActor } from 'hivemind'
import type { Room, RoomMessage, Subscription } from 'hivemind'
import { Corpus } from './corpus.ts'
import type { FoundQuote } from './corpus.ts'
import { filesHandled, passagesStored } from './messages.ts'
import type { DataIn } from './messages.ts'
import { fused } from './fuse.ts'
import type { Change } from './history.ts'
import { measured } from './measure.ts'
import type { Measured } from './measure.ts'
import { Recollection } from './recollection.ts'
import type { RecollectionOptions } from './recollection.ts'
import type { Hit } from './search-index.ts'
import { place } from './shown.ts'
import type { Tally } from './tally.ts'

export interface LibrarianInput {
  passages: Room
  /** Name of its cursor in the room of passages. */
  member: string
  indexBytes: number
  recollection: RecollectionOptions
  quotes: number
  tally: Tally
}

export interface Answer {
  question: string
  text: string
  quotes: FoundQuote[]
  passages: number
  /** How the passages were found: by meaning and words, or by words alone. */
  mode: 'hybrid' | 'keyword'
  ms: number
}

/** Indexes all passages that are stored, keeps them as memories, and answers questions with quotes found by meaning. A restarted librarian reads the room again from its start. */
export const librarian = defineActor({
  name: 'librarian',
  state: async (input: LibrarianInput, ctx): Promise<{ corpus: Corpus; recollection: Recollection; reading: Subscription; input: LibrarianInput }> => {
    const reading = await input.passages.join(`${input.member}-${ctx.incarnation}`, (message) => ctx.self.ask({ type: 'stored', message }, { timeoutMs: 120_000 }), { from: 'start' })
    return { corpus: new Corpus({ indexBytes: input.indexBytes }), recollection: new Recollection(input.recollection), reading, input }
  },
  handlers: {
    stored: async ({ message }: { message: RoomMessage }, ctx) => {
      if (message.type === passagesStored.type) await ctx.state.recollection.keep(message.data, ctx.state.corpus.add(message.entry, message.data))
      else if (message.type === filesHandled.type) ctx.state.input.tally.handled(message.entry, message.data)
      ctx.state.input.tally.indexed(ctx.state.corpus)
    },
    answer: async ({ question }: { question: string }, ctx): Promise<Answer> => {
      const from = ctx.clock.monotonic()
      const { corpus, recollection, input } = ctx.state
      const near = await recollection.ranking(question, input.quotes * 8)
      const quotes = await corpus.find(question, both(corpus, question, near, input.quotes * 8), input.quotes, (entry) => stored(input.passages, entry))
      return { question, text: said(quotes), quotes, passages: corpus.index.passages, mode: near.length === 0 ? 'keyword' : recollection.mode ?? 'keyword', ms: Math.round((ctx.clock.monotonic() - from) * 10) / 10 }
    },
    measure: ({ changes }: { changes: readonly Change[] }, ctx): Promise<Measured> => {
      const { corpus, recollection, input } = ctx.state
      return measured(changes, {
        byMeaning: async (question, limit) => corpus.files(both(corpus, question, await recollection.ranking(question, limit * 8), limit * 8), limit, (entry) => stored(input.passages, entry)),
        byWords: (question, limit) => corpus.files(corpus.ranking(question, limit * 8), limit, (entry) => stored(input.passages, entry)),
      })
    },
    tidy: async (_message: {}, ctx): Promise<{ kept: number; left: number }> => {
      const { recollection } = ctx.state
      await recollection.forgetOthers()
      return { kept: recollection.kept, left: recollection.left }
    },
  },
  stop: (ctx) => ctx.state.reading.stop({ drainMs: 0 }),
})

/** Chosen on commits of one repository: alone, what is near in meaning finds fewer of their files than their words do; a third of it beside the words finds more. */
const meaningWeight = 0.3

/** What is near in meaning and what has the words, as one ranking. */
function both(corpus: Corpus, question: string, near: readonly Hit[], limit: number): Hit[] {
  return fused([{ hits: corpus.weighed(question, near), weight: meaningWeight }, { hits: corpus.ranking(question, limit), weight: 1 }])
}

/** One message of the room. Entries are numbered without gaps, so that it is the first one after the number before it. */
async function stored(room: Room, entry: string): Promise<DataIn<typeof passagesStored> | undefined> {
  const [ms, sequence] = entry.split('-')
  const { messages } = await room.history({ after: `${ms}-${Number(sequence) - 1}`, limit: 1 })
  return messages[0]?.entry === entry ? messages[0].data : undefined
}

function said(quotes: readonly FoundQuote[]): string {
  if (quotes.length === 0) return 'The folder says nothing about that.'
  return quotes.map((quote) => `${place(quote)}\n${quote.text.split('\n').map((line) => `  ${line}`).join('\n')}`).join('\n')
}
