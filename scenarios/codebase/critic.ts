import { defineActor } from 'hivemind'
import type { DataIn, questionAnswered, verdictGiven } from './messages.ts'
import { place } from './shown.ts'
import { verifyQuote } from './verify.ts'

export interface CriticInput {
  root: Buffer
  maxFileBytes: number
}

/** Checks every quote of an answer against the file on disk. */
export const critic = defineActor({
  name: 'critic',
  state: (input: CriticInput) => input,
  redeliver: true,
  handlers: {
    check: async ({ answer }: { answer: DataIn<typeof questionAnswered> }, ctx): Promise<DataIn<typeof verdictGiven>> => {
      const verdicts = await Promise.all(answer.quotes.map(async (quote) => (
        { quote: place(quote), ...await verifyQuote(ctx.state.root, quote, quote.stamp, ctx.state.maxFileBytes) }
      )))
      const count = (verdict: string): number => verdicts.filter((one) => one.verdict === verdict).length
      const text = `${count('true')} of ${verdicts.length} quotes stand in the files${count('false') > 0 ? `, ${count('false')} do not` : ''}${count('stale') > 0 ? `, ${count('stale')} files changed since` : ''}`
      return { run: answer.run, asked: answer.asked, question: answer.question, text, verdicts }
    },
  },
})
