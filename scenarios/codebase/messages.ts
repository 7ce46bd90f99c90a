import { defineMessage, z } from 'hivemind'
import type { MessageType } from 'hivemind'

/** The data of a message type. */
export type DataIn<T> = T extends MessageType<string, infer Data> ? Data : never

const count = z.number().int().nonnegative()
const line = z.number().int().positive()
const file = z.object({ path: z.string(), raw: z.string().optional(), bytes: count })
const quote = z.object({
  path: z.string().describe('file inside the folder'),
  raw: z.string().optional().describe('bytes of the name in base64, when they are not UTF-8'),
  from: line, to: line, column: line,
  text: z.string(),
  score: z.number().optional(),
  stamp: z.string().describe('identity of the file when it was read'),
})

/** To the readers: one batch of files. */
export const readFiles = defineMessage('codebase.read', z.object({
  batch: count,
  files: z.array(file),
  crash: z.boolean().default(false).describe('the reader that gets it first fails on purpose'),
}), { delivery: 'local', about: 'Files for one reader.' })

/** From the readers: passages of text with file and line, under the size a message may have. */
export const passagesStored = defineMessage('codebase.passages-stored', z.object({
  sources: z.array(z.object({ path: z.string(), raw: z.string().optional(), stamp: z.string() })),
  passages: z.array(z.object({ source: count, from: line, to: line, column: line, text: z.string() })),
}), { delivery: 'local', about: 'Passages of files that were read.' })

/** From the readers: what became of every file of one batch; committed together with its passages. */
export const filesHandled = defineMessage('codebase.files-handled', z.object({
  batch: count,
  reader: z.string(),
  read: z.array(z.object({ path: z.string(), encoding: z.string(), lines: count, bytes: count, passages: count, partial: z.boolean() })),
  skipped: z.array(z.object({ path: z.string(), reason: z.string(), why: z.string() })),
}), { delivery: 'local', about: 'What became of the files of one batch.' })

export const historyTold = defineMessage('codebase.history-told', z.object({ text: z.string(), commits: count }), { delivery: 'local', about: 'What the git log says.' })

export const questionAsked = defineMessage('codebase.question-asked', z.object({
  text: z.string().min(1).describe('the question'),
  run: z.string().optional().describe('the run that asks; absent: whoever listens may answer'),
}), { delivery: 'local', about: 'A question about the folder.' })

export const questionAnswered = defineMessage('codebase.question-answered', z.object({
  run: z.string(),
  asked: z.string().describe('id of the question\'s message'),
  question: z.string(),
  text: z.string().describe('the answer for a person'),
  quotes: z.array(quote),
  passages: count.describe('passages that were searched'),
  mode: z.enum(['hybrid', 'keyword']),
  ms: z.number(),
}), { delivery: 'local', about: 'Quotes that answer a question.' })

export const verdictGiven = defineMessage('codebase.verdict-given', z.object({
  run: z.string(),
  asked: z.string(),
  question: z.string(),
  text: z.string(),
  verdicts: z.array(z.object({ quote: z.string(), verdict: z.enum(['true', 'false', 'stale']), why: z.string().optional() })),
}), { delivery: 'local', about: 'Whether the quotes of an answer stand in the files.' })

export const codebaseMessages = [readFiles, passagesStored, filesHandled, historyTold, questionAsked, questionAnswered, verdictGiven]
