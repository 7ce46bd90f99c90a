import { defineActor } from 'hivemind'
import type { Room, RoomMessage, Subscription } from 'hivemind'
import { Corpus } from './corpus.ts'
import type { FoundQuote } from './corpus.ts'
import { filesHandled, passagesStored } from './messages.ts'
import type { DataIn } from './messages.ts'
import { place } from './shown.ts'
import type { Tally } from './tally.ts'

export interface LibrarianInput {
  passages: Room
  /** Name of its cursor in the room of passages. */
  member: string
  indexBytes: number
  quotes: number
  tally: Tally
}

export interface Answer {
  question: string
  text: string
  quotes: FoundQuote[]
  passages: number
  ms: number
}

/** Indexes all passages that are stored and answers questions with quotes. A restarted librarian reads the room again from its start. */
export const librarian = defineActor({
  name: 'librarian',
  state: async (input: LibrarianInput, ctx): Promise<{ corpus: Corpus; reading: Subscription; input: LibrarianInput }> => {
    const reading = await input.passages.join(`${input.member}-${ctx.incarnation}`, (message) => ctx.self.ask({ type: 'stored', message }, { timeoutMs: 120_000 }), { from: 'start' })
    return { corpus: new Corpus({ indexBytes: input.indexBytes }), reading, input }
  },
  handlers: {
    stored: ({ message }: { message: RoomMessage }, ctx) => {
      if (message.type === passagesStored.type) ctx.state.corpus.add(message.entry, message.data)
      else if (message.type === filesHandled.type) ctx.state.input.tally.handled(message.entry, message.data)
      ctx.state.input.tally.indexed(ctx.state.corpus)
    },
    answer: async ({ question }: { question: string }, ctx): Promise<Answer> => {
      const from = ctx.clock.monotonic()
      const { corpus, input } = ctx.state
      const quotes = await corpus.find(question, input.quotes, (entry) => stored(input.passages, entry))
      return { question, text: said(quotes), quotes, passages: corpus.index.passages, ms: Math.round((ctx.clock.monotonic() - from) * 10) / 10 }
    },
  },
  stop: (ctx) => ctx.state.reading.stop({ drainMs: 0 }),
})

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
