import { realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { defineScenario, InvalidArgument, projectOf, z } from 'hivemind'
import type { Room, ScenarioContext } from 'hivemind'
import { critic } from './critic.ts'
import { historian, tell } from './historian.ts'
import type { History, NoHistory } from './history.ts'
import { librarian } from './librarian.ts'
import type { Answer } from './librarian.ts'
import { listFiles } from './listing.ts'
import type { FileRef } from './listing.ts'
import { codebaseMessages, questionAnswered, questionAsked } from './messages.ts'
import type { DataIn, verdictGiven } from './messages.ts'
import type { Measured } from './measure.ts'
import { reader } from './reader.ts'
import type { ReadBatch } from './reader.ts'
import { answered, asText } from './report.ts'
import type { CodebaseReport } from './report.ts'
import { holdRun } from './run-lease.ts'
import { Tally } from './tally.ts'

const defaultQuestions = [
  'What does the readme say about the purpose of this project?',
  'How do I install it and run it?',
  'How are errors handled, and what happens on failure?',
  'How are the tests run?',
  'Where is the configuration read, and which options or environment variables are there?',
]

const input = z.object({
  dir: z.string().min(1).default('.').describe('the folder to read'),
  question: z.array(z.string().min(1)).default([]).describe('a question of yours; may be given several times'),
  defaults: z.boolean().default(true).describe('also ask the default set of questions'),
  readers: z.number().int().min(1).max(64).default(4).describe('agents that read files'),
  quotes: z.number().int().min(1).max(20).default(3).describe('quotes per question'),
  maxFileBytes: z.number().int().min(4096).max(64 * 1024 ** 2).default(4 * 1024 ** 2).describe('of a larger file only this much is read'),
  commits: z.number().int().min(1).max(100_000).default(1000).describe('commits of the git log that are read'),
  indexMegabytes: z.number().int().min(8).max(8192).default(512).describe('memory the index may take'),
  memories: z.number().int().min(0).max(1_000_000).default(20_000).describe('passages kept as memories and found by meaning; of a larger folder the rest is found by words'),
})

type Input = z.output<typeof input>

interface State {
  root: string
  rooms: { files: Room; passages: Room; hall: Room }
  tally: Tally
  batches: number
  readMs: number
  history: History | NoHistory
  recall: { kept: number; left: number; measured?: Measured }
  asked: string[]
  answers: Map<string, Answer>
  verdicts: Map<string, DataIn<typeof verdictGiven>>
}

type Context = ScenarioContext<Input, State>

/** Files in one batch for a reader, bytes of those files, and bytes of their names. */
const batchLimits = { files: 64, bytes: 1024 ** 2, names: 64 * 1024 }
/** A batch of slow files on a slow disk. */
const readTimeoutMs = 10 * 60_000

export default defineScenario({
  name: 'codebase',
  title: 'A folder is read, asked about, and every answer checked',
  description: 'Readers share out the text files of a folder, a historian reads its git log, a librarian answers questions with quoted passages, '
    + 'a critic holds every quote against the file. One reader crashes on purpose and is restarted.',
  input,
  messages: codebaseMessages,
  hive: async ({ input: { dir } }) => {
    await folder(dir)
    return {}
  },
  rooms: { main_hall: {}, strategy: {} },
  state: async ({ input: { dir }, hive, run, defer }): Promise<State> => {
    defer(await holdRun(hive, run))
    return {
      root: await folder(dir),
      rooms: {
        files: await hive.room(`codebase-files-${run}`, { cap: 1_000_000 }),
        passages: await hive.room(`codebase-passages-${run}`, { cap: 1_000_000, quotaBytes: 16 * 1024 ** 3 }),
        hall: await hive.room('main_hall'),
      },
      tally: new Tally(), batches: 0, readMs: 0, history: { none: 'it was not read' }, recall: { kept: 0, left: 0 }, asked: [], answers: new Map(), verdicts: new Map(),
    }
  },
  agents: ({ input: { readers, maxFileBytes, indexMegabytes, memories, quotes, commits }, state, hive, run }) => {
    const root = Buffer.from(state.root)
    // What a tool has read: trusted as such, and put before nobody by itself.
    const memory = hive.memory.as({ channel: 'tool', name: 'codebase', scope: { project: projectOf(state.root), agent: 'codebase' } })
    const recollection = { memory, limit: memories, textBytes: hive.config.memory.textBytes }
    const textBytes = Math.floor(hive.config.limits.messageBytes * 0.15)
    return [
      { id: 'librarian', definition: librarian, input: { passages: state.rooms.passages, member: `librarian-${run}`, indexBytes: indexMegabytes * 1024 ** 2, recollection, quotes, tally: state.tally } },
      { id: 'critic', definition: critic, input: { root, maxFileBytes } },
      { id: 'historian', definition: historian, input: { root: state.root, commits } },
      ...Array.from({ length: readers }, (_, index) => ({ id: `reader-${index + 1}`, definition: reader, input: { root, maxFileBytes, textBytes } })),
    ]
  },
  steps: [
    { name: 'seating the agents', run: seat },
    { name: 'reading the folder', run: read },
    { name: 'telling the history', run: tellHistory },
    { name: 'asking and checking', run: ask },
    { name: 'comparing with words alone', run: compare },
  ],
  report,
  expectations: [
    { name: 'every file was handled once', check: ({ files }) => (files.handled === files.listed && files.handledTwice === 0) || `${files.listed} were listed, ${files.handled} handled, ${files.handledTwice} batches twice` },
    { name: 'every question was answered', check: ({ questions }) => questions.every((question) => question.quotes.every((quote) => quote.verdict !== 'unchecked')) || 'an answer or a verdict is missing' },
    { name: 'all quotes are true', check: ({ verdicts }) => verdicts.false === 0 || `${verdicts.false} quotes do not stand in their files` },
    { name: 'the reader that crashed was restarted', check: ({ crashes, restarts }) => (crashes >= 1 && restarts >= 1) || `${crashes} crashes, ${restarts} restarts` },
    { name: 'no message was left over', check: ({ deadLetters }) => deadLetters === 0 || `${deadLetters} dead letters: "hivemind rooms dead ROOM" lists them` },
  ],
  text: asText,
})

/** The real path of the folder. */
async function folder(dir: string): Promise<string> {
  const path = resolve(dir)
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) throw new InvalidArgument('input.dir', `${path} cannot be read (${found.code}): give a folder`)
  if (!found.isDirectory()) throw new InvalidArgument('input.dir', `${path} is not a folder`)
  return realpath(path)
}

/** Connects the agents with the rooms. Subscriptions outlive a crash: what an agent was asked waits in its mailbox. */
async function seat(ctx: Context): Promise<void> {
  const { state, run } = ctx
  for (let number = 1; number <= ctx.input.readers; number++) {
    const agent = ctx.agent(`reader-${number}`)
    const work = await state.rooms.files.work('readers', async (message, delivery) => {
      const { stored, handled }: ReadBatch = await agent.ask({ type: 'read', batch: message.data }, { timeoutMs: readTimeoutMs, signal: delivery.signal })
      const room = state.rooms.passages.name
      await delivery.commit({ posts: [
        ...stored.map((data) => ({ room, type: 'codebase.passages-stored', data })),
        { room, type: 'codebase.files-handled', data: handled },
      ] })
    }, { consumer: `reader-${number}`, deadlineMs: readTimeoutMs })
    ctx.defer(() => work.stop())
  }
  const { hall } = state.rooms
  const answers = await hall.join(`librarian-${run}`, async (message, delivery) => {
    const answer: Answer = await ctx.agent('librarian').ask({ type: 'answer', question: message.data.text }, { timeoutMs: 60_000, signal: delivery.signal })
    const data: DataIn<typeof questionAnswered> = { run, asked: message.id, ...answer }
    await delivery.commit({ posts: [{ type: questionAnswered.type, data }] })
  }, { from: 'end', filter: (message) => isQuestion(message, run) })
  ctx.defer(() => answers.stop())
  const checks = await hall.join(`critic-${run}`, async (message, delivery) => {
    const verdict: DataIn<typeof verdictGiven> = await ctx.agent('critic').ask({ type: 'check', answer: message.data }, { timeoutMs: 60_000, signal: delivery.signal })
    await delivery.commit({ posts: [{ room: 'strategy', type: 'codebase.verdict-given', data: verdict }] })
    state.answers.set(message.data.asked, message.data)
    state.verdicts.set(message.data.asked, verdict)
    state.tally.wake()
  }, { from: 'end', filter: (message) => message.type === questionAnswered.type && message.data.run === run })
  ctx.defer(() => checks.stop())
  const failures = ctx.hive.bus.on('room.dead-lettered').subscribe(() => state.tally.wake())
  ctx.defer(() => failures.unsubscribe())
}

/** Questions of this run, of nobody in particular, and plain talk that ends in a question mark. */
function isQuestion(message: { type: string; data: { text: string; run?: string } }, run: string): boolean {
  if (message.type === questionAsked.type) return message.data.run === undefined || message.data.run === run
  return message.type === 'text' && message.data.text.trimEnd().endsWith('?')
}

/** Lists the folder into batches for the readers. The first batch, there even when the folder is empty, makes its reader crash. */
async function read(ctx: Context): Promise<void> {
  const { state, hive, progress, signal } = ctx
  const { tally } = state
  const from = hive.clock.monotonic()
  let files: FileRef[] = []
  let [bytes, names] = [0, 0]
  const hand = async (): Promise<void> => {
    await state.rooms.files.post('codebase.read', { batch: state.batches, files, crash: state.batches === 0 })
    state.batches++
    files = []
    bytes = names = 0
  }
  const show = hive.bus.on('room.posted').subscribe(() => progress.update({ done: tally.filesHandled, total: tally.listed, unit: 'files' }))
  try {
    for await (const listed of listFiles(state.root, { exclude: [await realpath(hive.config.dataDir)], signal })) {
      if (listed.kind === 'skipped') {
        tally.skip(listed.path, listed.reason, listed.why)
        continue
      }
      tally.listed++
      const { file } = listed
      const size = Math.min(file.bytes, ctx.input.maxFileBytes)
      if (files.length > 0 && (files.length >= batchLimits.files || bytes + size > batchLimits.bytes || names > batchLimits.names)) await hand()
      files.push(file)
      bytes += size
      names += file.path.length * 2 + (file.raw?.length ?? 0)
    }
    if (files.length > 0 || state.batches === 0) await hand()
    await tally.until(() => tally.batches >= state.batches || ctx.counts.deadLetters > 0, signal)
  } finally {
    show.unsubscribe()
  }
  state.readMs = hive.clock.monotonic() - from
}

async function tellHistory(ctx: Context): Promise<void> {
  const history: History | NoHistory = await ctx.agent('historian').ask({ type: 'read' }, { timeoutMs: 120_000, signal: ctx.signal })
  ctx.state.history = history
  await ctx.state.rooms.hall.post('codebase.history-told', { text: tell(history), commits: 'none' in history ? 0 : history.commits }, { as: 'historian' })
}

async function ask(ctx: Context): Promise<void> {
  const { state, input: { question, defaults }, progress, run, signal } = ctx
  for (const text of [...question, ...(defaults ? defaultQuestions : [])]) {
    const { id } = await state.rooms.hall.post(questionAsked.type, { text, run }, { as: 'visitor' })
    state.asked.push(id)
  }
  await state.tally.until(() => {
    progress.update({ done: state.verdicts.size, total: state.asked.length, unit: 'questions' })
    return state.asked.every((id) => state.verdicts.has(id)) || ctx.counts.deadLetters > 0
  }, signal)
}

/** Asks for the files of commits by their subjects, by meaning and by words; the older run's passages that are gone are forgotten. */
async function compare(ctx: Context): Promise<void> {
  const { state, signal } = ctx
  state.recall = await ctx.agent('librarian').ask({ type: 'tidy' }, { timeoutMs: 120_000, signal })
  if ('none' in state.history || state.history.changes.length === 0) return
  state.recall.measured = await ctx.agent('librarian').ask({ type: 'measure', changes: state.history.changes }, { timeoutMs: 120_000, signal })
}

function report(ctx: Context): CodebaseReport {
  const { state, counts } = ctx
  const { tally } = state
  const verdicts = { true: 0, false: 0, stale: 0 }
  for (const { verdicts: given } of state.verdicts.values()) for (const { verdict } of given) verdicts[verdict]++
  const seconds = Math.max(state.readMs, 1) / 1000
  return {
    folder: state.root,
    files: {
      listed: tally.listed, read: tally.filesRead, handled: tally.filesHandled, handledTwice: tally.handledTwice, skipped: tally.skipped,
      partial: { count: tally.partialCount, files: tally.partial }, encodings: tally.encodings,
    },
    passages: tally.passages, unindexed: tally.unindexed, lines: tally.lines, bytes: tally.bytes,
    index: { terms: tally.terms, bytes: tally.indexBytes },
    history: state.history,
    recall: { modes: [...new Set([...state.answers.values()].map(({ mode }) => mode))], ...state.recall },
    questions: [...state.answers.entries()].map(([asked, answer]) => answered(answer, state.verdicts.get(asked))),
    verdicts, crashes: counts.crashes, restarts: counts.restarts, deadLetters: counts.deadLetters,
    throughput: { readMs: Math.round(state.readMs), filesPerSecond: tally.filesHandled / seconds, megabytesPerSecond: tally.bytes / 1e6 / seconds },
    rooms: { talk: 'main_hall', verdicts: 'strategy', passages: state.rooms.passages.name },
    look: ['hivemind rooms tail main_hall', 'hivemind rooms tail strategy'],
  }
}
