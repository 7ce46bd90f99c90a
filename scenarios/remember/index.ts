import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineScenario, findTranscripts, importTranscripts, sleep, startPrivateRedis, z } from 'hivemind'
import type { KeptConflict, PrivateRedis, ScenarioContext, TranscriptImport } from 'hivemind'
import { ask, hitRate, median } from './ask.ts'
import type { Answered, Asked } from './ask.ts'
import { startOther } from './other-node.ts'
import type { OtherNode } from './other-node.ts'
import { questions } from './sessions.ts'
import { folders, plantedSecrets, writeTranscripts } from './transcripts.ts'

const input = z.object({
  dir: z.string().optional().describe('folder with transcripts of Claude Code, as in ~/.claude/projects; without it, ten sessions are made up'),
  questions: z.string().optional().describe('JSON file with [{ question, session, project? }] for the transcripts of dir'),
  limit: z.number().int().min(1).max(50).default(5).describe('answers looked at for each question'),
})

interface State {
  redis: PrivateRedis
  folder: string
  other: OtherNode
  asked: Asked[]
  imported?: TranscriptImport
  again?: TranscriptImport
  answers: Answered[]
  answersAway: Answered[]
  leaked: number
  storedAway: { id: string; recalled: boolean }
  sessionAway: boolean
  seenByOther: boolean
  lost: boolean
  drained: boolean
  conflicts: KeptConflict[]
  keptBy: 'this node' | 'the other node' | 'nobody'
  /** What both nodes say after it was settled. */
  settled: unknown[]
  wake: () => void
}

type Context = ScenarioContext<z.output<typeof input>, State>

const servers = new WeakMap<AbortSignal, PrivateRedis>()
const session = 'remember'
const project = folders.harbor
const learnt = 'While the shared store was away we agreed that the lighthouse service gets a queue of its own.'

export default defineScenario({
  name: 'remember',
  title: 'Sessions of a coding agent are remembered, also while Redis is away',
  description: 'Transcripts are taken in, twice, and questions are answered from them in other words than were used. Then Redis is killed: memories are recalled and '
    + 'kept as before, and two nodes change one field of a session. When Redis is back both are in sync, and the conflict is shown and settled.',
  input,
  hive: async ({ signal, defer }) => {
    const redis = await startPrivateRedis({ appendonly: true })
    defer(() => redis.stop())
    servers.set(signal, redis)
    const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-remember-'))
    defer(() => rm(dataDir, { recursive: true, force: true }))
    return { redis: redis.url, dataDir }
  },
  state: async ({ input: { dir, questions: file }, hive, signal, defer }): Promise<State> => {
    const redis = servers.get(signal)
    if (redis === undefined) throw new Error('the private Redis is gone')
    const folder = await mkdtemp(join(tmpdir(), 'hivemind-remember-other-'))
    defer(() => rm(folder, { recursive: true, force: true }))
    await hive.session(session).set('currentTask', 'as both know it')
    const other = await startOther({ redis: redis.url, dataDir: join(folder, 'data') })
    defer(() => other.stop())
    const made = questions.map((question) => ({ ...question, project: folders[question.project] }))
    return {
      redis, folder, other, asked: file !== undefined ? JSON.parse(await readFile(file, 'utf8')) as Asked[] : dir === undefined ? made : [], answers: [], answersAway: [], leaked: 0,
      storedAway: { id: '', recalled: false }, sessionAway: false, seenByOther: false, lost: false, drained: false, conflicts: [], keptBy: 'nobody', settled: [], wake: () => undefined,
    }
  },
  steps: [
    { name: 'taking in the transcripts', run: takeIn },
    { name: 'asking', run: async ({ state, hive, input: { limit } }) => { state.answers = await ask(hive, state.asked, limit) } },
    { name: 'killing Redis', run: kill },
    { name: 'going on without it', run: without },
    { name: 'starting Redis again', run: restart },
    { name: 'settling the conflict', run: settle },
  ],
  report: ({ state: { imported, again, answers, answersAway, leaked, storedAway, sessionAway, seenByOther, conflicts, keptBy, settled } }: Context) => ({
    taken: imported ?? null, again: again ?? null, leaked,
    questions: answers.length, hitRate: hitRate(answers), hitRateAway: hitRate(answersAway), firstRate: hitRate(answers, 1), medianMs: median(answers), medianAwayMs: median(answersAway), modes: [...new Set(answers.map(({ mode }) => mode))],
    missed: answers.filter(({ rank }) => rank === undefined).map(({ question, expected }) => ({ question, expected })),
    storedAway: storedAway.recalled, sessionAway, seenByOther, keptBy, settled,
    conflicts: conflicts.map(({ subject, conflict }) => ({ subject, ours: conflict.kind === 'write' ? null : conflict.ours.value ?? null, theirs: conflict.kind === 'write' ? null : conflict.theirs?.value ?? null })),
  }),
  expectations: [
    { name: 'transcripts were taken in', check: ({ taken }) => (taken?.stored ?? 0) > 0 || 'nothing was stored' },
    { name: 'taken in again, they add nothing', check: ({ again }) => again?.stored === 0 || `${again?.stored} memories were added` },
    { name: 'no planted secret was kept', check: ({ leaked }) => leaked === 0 || `${leaked} memories hold one` },
    { name: 'nine of ten questions find their session', check: ({ questions: count, hitRate: rate }) => count === 0 || rate >= 0.9 || `${Math.round(rate * 100)} of 100` },
    { name: 'the same is found while Redis is away', check: ({ hitRate: rate, hitRateAway }) => hitRateAway === rate || `${hitRateAway} instead of ${rate}` },
    { name: 'what is stored while Redis is away is recalled at once, and by the other node afterwards', check: ({ storedAway, seenByOther }) => (storedAway && seenByOther) || `at once: ${storedAway}, by the other: ${seenByOther}` },
    { name: 'the session goes on while Redis is away', check: ({ sessionAway }) => sessionAway || 'what was written was not read' },
    { name: 'one conflict is kept, with both versions, and settled alike on both nodes', check: ({ conflicts, settled }) => (conflicts.length === 1 && settled.length === 2 && settled[0] === settled[1]) || `${conflicts.length} conflicts, then ${JSON.stringify(settled)}` },
  ],
  text: (result) => [
    `taken in    ${result.taken?.sessions ?? 0} sessions: ${result.taken?.stored ?? 0} memories, ${result.taken?.consolidated ?? 0} lasting ones made of them, ${result.taken?.redactions ?? 0} secrets taken out`,
    `            again: ${result.again?.stored ?? 0} added, ${result.again?.duplicates ?? 0} known; ${result.taken?.badCount ?? 0} lines could not be read`,
    ...(result.questions === 0 ? ['asked       nothing: give questions with --input questions=FILE'] : [
      `asked       ${result.questions} questions (${result.modes.join(', ')}): ${Math.round(result.hitRate * 100)}% found their session, ${Math.round(result.firstRate * 100)}% at the first place; median ${result.medianMs.toFixed(1)} ms`,
      `            while Redis was away: ${Math.round(result.hitRateAway * 100)}%; median ${result.medianAwayMs.toFixed(1)} ms`,
    ]),
    ...result.missed.map(({ question, expected }) => `  missed    ${question} (${expected})`),
    `away        stored and recalled: ${result.storedAway ? 'yes' : 'no'}; session written and read: ${result.sessionAway ? 'yes' : 'no'}; then known to the other node: ${result.seenByOther ? 'yes' : 'no'}`,
    ...result.conflicts.flatMap(({ subject, ours, theirs }) => [`conflict    ${subject}, kept by ${result.keptBy}`, `  ours      ${JSON.stringify(ours)}`, `  theirs    ${JSON.stringify(theirs)}`]),
    `settled     ${result.settled.map((value) => JSON.stringify(value)).join(' and ')}`,
  ].join('\n'),
})

async function takeIn({ state, hive, signal, progress, input: { dir } }: Context): Promise<void> {
  const from = dir ?? join(state.folder, 'projects')
  if (dir === undefined) await writeTranscripts(from)
  const files = await findTranscripts(from)
  const options = { consolidate: true, signal, onConsolidate: (done: number, total: number) => progress.update({ done, total, unit: 'sessions' }) }
  state.imported = await importTranscripts(hive.memory, files, options)
  state.again = await importTranscripts(hive.memory, files, options)
  for await (const line of hive.memory.export()) if (plantedSecrets.some((secret) => line.includes(secret))) state.leaked++
}

async function kill(ctx: Context): Promise<void> {
  const { state, hive, progress } = ctx
  const events = [
    hive.bus.on('link.degraded').subscribe(() => {
      state.lost = true
      state.wake()
    }),
    hive.bus.on('link.connected').subscribe(() => {
      state.drained = true
      state.wake()
    }),
  ]
  ctx.defer(() => events.forEach((event) => event.unsubscribe()))
  await state.redis.kill()
  progress.note(`redis-server on port ${state.redis.port} was killed`)
  // A write finds out that it is away.
  await hive.session(session).set('context', 'Redis is away')
  await Promise.all([until(ctx, () => state.lost), state.other.do({ type: 'set', session, field: 'files', value: ['a.ts'] }).then(() => state.other.told('lost'))])
}

async function without({ state, hive, input: { limit } }: Context): Promise<void> {
  state.answersAway = await ask(hive, state.asked, limit)
  const { id } = await hive.memory.store({ text: learnt, scope: { project, session } })
  const { hits } = await hive.memory.recall({ query: 'Which service gets its own queue?', scope: { project }, limit })
  state.storedAway = { id, recalled: hits.some((hit) => hit.id === id) }
  await hive.session(session).set('currentTask', 'as this node wants it')
  await state.other.do({ type: 'set', session, field: 'currentTask', value: 'as the other node wants it' })
  state.sessionAway = await hive.session(session).get('currentTask') === 'as this node wants it' && await hive.session(session).get('context') === 'Redis is away'
}

async function restart(ctx: Context): Promise<void> {
  const { state } = ctx
  await state.redis.restart()
  await Promise.all([until(ctx, () => state.drained), state.other.told('drained')])
  await eventually(ctx, async () => (await state.other.do({ type: 'recall', query: 'Which service gets its own queue?', project }) as string[]).includes(learnt))
  state.seenByOther = true
}

async function settle(ctx: Context): Promise<void> {
  const { state, hive } = ctx
  const ours = await hive.conflicts.list()
  const theirs = await state.other.do({ type: 'conflicts' }) as KeptConflict[]
  state.conflicts = [...ours, ...theirs]
  state.keptBy = ours.length > 0 ? 'this node' : theirs.length > 0 ? 'the other node' : 'nobody'
  for (const { id } of ours) await hive.conflicts.resolve(id, 'ours')
  for (const { id } of theirs) await state.other.do({ type: 'resolve', conflict: id, keep: 'ours' })
  const both = async (): Promise<unknown[]> => [await hive.session(session).get('currentTask'), await state.other.do({ type: 'get', session, field: 'currentTask' })]
  await eventually(ctx, async () => new Set(await both()).size === 1)
  state.settled = await both()
}

/** Waits for something that an event brings about. */
async function until({ state, signal }: Context, holds: () => boolean): Promise<void> {
  while (!holds()) {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      state.wake = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
    })
  }
}

const patienceMs = 10_000
const everyMs = 50

/** Looks until it holds, for a while: the other node is another process, and tells nobody what reaches it. */
async function eventually({ hive, signal }: Context, holds: () => Promise<boolean>): Promise<void> {
  const end = hive.clock.monotonic() + patienceMs
  while (!await holds()) {
    if (hive.clock.monotonic() > end) throw new Error(`the nodes were not in sync within ${patienceMs / 1000} s`)
    await sleep(hive.clock, everyMs, signal)
  }
}
