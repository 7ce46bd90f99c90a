import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineScenario, sleep, startPrivateRedis, z } from 'hivemind'
import type { KeptConflict, PrivateRedis, Room, ScenarioContext } from 'hivemind'
import { counted, outageMessages, said } from './messages.ts'
import type { DataIn, Phase } from './messages.ts'
import { startOther } from './other-node.ts'
import type { OtherNode } from './other-node.ts'

const input = z.object({
  posts: z.number().int().min(10).max(100_000).default(200).describe('posts before, during and after the outage, each'),
  everyMs: z.number().int().min(0).max(1000).default(5).describe('time between two posts, ms'),
})

interface State {
  redis: PrivateRedis
  folder: string
  key: string
  other: OtherNode
  room: Room
  results: Room
  posted: Record<Phase, number>
  journalled: number
  slowestPostMs: number
  heard: Record<Phase, Set<number>>
  heardTwice: number
  /** Posts of the outage that a member on this node got before Redis was back. */
  heardWhileAway: number
  effects: DataIn<typeof counted>[]
  downAt: number
  downMs: number
  lost: boolean
  drained?: { replayed: number; duplicates: number; conflicts: number; ms: number }
  conflicts: KeptConflict[]
  /** On which side the conflict is kept: the one that came back last. */
  keptBy: 'this node' | 'the other node' | 'nobody'
  wake: () => void
}

type Context = ScenarioContext<z.output<typeof input>, State>

/** Lives from before the hive is opened, which needs its URL, until after it is closed. */
const servers = new WeakMap<AbortSignal, PrivateRedis>()

export default defineScenario({
  name: 'outage',
  title: 'Redis goes away under load and comes back',
  description: 'Posts go on while a private Redis is killed: members on this node get them at once, the journal keeps them, and when Redis is back it drains. '
    + 'Two nodes write one record while they are apart: nothing is overwritten, both versions are kept and shown.',
  input,
  messages: outageMessages,
  hive: async ({ signal, defer }) => {
    const redis = await startPrivateRedis({ appendonly: true })
    defer(() => redis.stop())
    servers.set(signal, redis)
    const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-outage-'))
    defer(() => rm(dataDir, { recursive: true, force: true }))
    return { redis: redis.url, dataDir }
  },
  state: async ({ hive, run, signal, defer }): Promise<State> => {
    const redis = servers.get(signal)
    if (redis === undefined) throw new Error('the private Redis is gone')
    const folder = await mkdtemp(join(tmpdir(), 'hivemind-outage-other-'))
    defer(() => rm(folder, { recursive: true, force: true }))
    const key = `session:{outage-${run}}`
    await hive.store.records.put(key, { title: 'as it was' })
    await hive.store.records.get(key)
    const other = await startOther({ redis: redis.url, dataDir: folder, key })
    defer(() => other.stop())
    return {
      redis, folder, key, other, room: await hive.room(`outage-${run}`, { cap: 1_000_000 }), results: await hive.room(`outage-results-${run}`, { cap: 1_000_000 }),
      posted: { before: 0, during: 0, after: 0 }, journalled: 0, slowestPostMs: 0, heard: { before: new Set(), during: new Set(), after: new Set() }, heardTwice: 0, heardWhileAway: 0,
      effects: [], downAt: 0, downMs: 0, lost: false, conflicts: [], keptBy: 'nobody', wake: () => undefined,
    }
  },
  steps: [
    { name: 'posting', run: before },
    { name: 'killing Redis', run: kill },
    { name: 'posting without it', run: during },
    { name: 'starting Redis again', run: restart },
    { name: 'posting again', run: after },
    { name: 'looking for conflicts', run: look },
  ],
  report,
  expectations: [
    { name: 'posts went on while Redis was away, and were heard on this node', check: ({ journalled, posted, heardWhileAway }) => (journalled > 0 && heardWhileAway === posted.during) || `${journalled} journalled, ${heardWhileAway} of ${posted.during} heard` },
    { name: 'every post is in the room once', check: ({ missing, twice }) => (missing === 0 && twice === 0) || `${missing} missing, ${twice} twice` },
    { name: 'every post took effect exactly once', check: ({ effects, all }) => (effects.missing === 0 && effects.twice === 0) || `of ${all}: ${effects.missing} missing, ${effects.twice} twice` },
    { name: 'the member heard every post once', check: ({ heard, heardTwice, all }) => (heard === all && heardTwice === 0) || `${heard} of ${all}, ${heardTwice} twice` },
    { name: 'the conflict is kept, with both versions', check: ({ conflicts }) => conflicts.length === 1 || `${conflicts.length} conflicts` },
  ],
  text: (result) => [
    `posts       ${result.posted.before} before, ${result.posted.during} while Redis was away (${result.journalled} into the journal), ${result.posted.after} after; the slowest took ${result.slowestPostMs.toFixed(0)} ms`,
    `away        ${(result.downMs / 1000).toFixed(1)} s; ${result.heardWhileAway} posts were heard on this node in the meantime`,
    `journal     drained in ${((result.drained?.ms ?? 0) / 1000).toFixed(1)} s: ${result.drained?.replayed ?? 0} replayed, ${result.drained?.duplicates ?? 0} were there already`,
    `room        ${result.missing} missing, ${result.twice} twice; effects ${result.effects.count} for ${result.all} posts`,
    ...result.conflicts.flatMap(({ subject, ours, theirs }) => [`conflict    ${subject}, kept by ${result.keptBy}`, `  ours      ${JSON.stringify(ours)}`, `  theirs    ${JSON.stringify(theirs)}`]),
  ].join('\n'),
})

/** Seats a member and a work group, then posts. */
async function before(ctx: Context): Promise<void> {
  const { state, hive } = ctx
  const member = await state.room.join('listener', (message) => {
    const { number, phase } = message.data
    if (state.heard[phase as Phase].has(number)) state.heardTwice++
    state.heard[phase as Phase].add(number)
    state.wake()
  }, { from: 'start' })
  const workers = await state.room.work('counters', async (message, delivery) => {
    await delivery.commit({ posts: [{ room: state.results.name, type: counted.type, data: { ...message.data, attempt: delivery.attempt } }] })
  }, { concurrency: 8 })
  const results = await state.results.join('reporter', (message) => {
    state.effects.push(message.data)
    ctx.progress.update({ done: state.effects.length, total: total(state), unit: 'effects' })
    state.wake()
  }, { from: 'start' })
  const events = [
    hive.bus.on('link.degraded').subscribe(() => {
      state.lost = true
      state.wake()
    }),
    hive.bus.on('link.connected').subscribe(({ data }) => {
      state.drained = { ...data, ms: hive.clock.monotonic() - state.downAt - state.downMs }
      state.wake()
    }),
  ]
  for (const reader of [member, workers, results]) ctx.defer(() => reader.stop())
  ctx.defer(() => events.forEach((event) => event.unsubscribe()))
  await post(ctx, 'before')
  await until(ctx, () => state.effects.length >= state.posted.before)
}

async function kill({ state, hive, progress }: Context): Promise<void> {
  state.downAt = hive.clock.monotonic()
  await state.redis.kill()
  progress.note(`redis-server on port ${state.redis.port} was killed`)
}

async function during(ctx: Context): Promise<void> {
  const { state, hive } = ctx
  await post(ctx, 'during')
  await until(ctx, () => state.lost && state.heard.during.size >= state.posted.during)
  await state.other.next('lost')
  state.heardWhileAway = state.heard.during.size
  const present = await hive.store.records.get(state.key)
  await hive.store.records.put(state.key, { title: 'as this node wants it' }, { expect: present?.version ?? 0 })
  await state.other.next('written', { type: 'write', value: { title: 'as the other node wants it' } })
}

async function restart(ctx: Context): Promise<void> {
  const { state, hive } = ctx
  await state.redis.restart()
  state.downMs = hive.clock.monotonic() - state.downAt
  await until(ctx, () => state.drained !== undefined)
  await state.other.next('drained')
}

async function after(ctx: Context): Promise<void> {
  const { state } = ctx
  await post(ctx, 'after')
  await until(ctx, () => state.effects.length >= total(state) && state.heard.during.size + state.heard.after.size >= state.posted.during + state.posted.after)
  while ((await state.room.pending('counters')).length > 0 || (await state.results.info()).entries > state.effects.length) await sleep(ctx.hive.clock, 50, ctx.signal)
}

async function look({ state, hive }: Context): Promise<void> {
  const ours = await hive.conflicts.list()
  const { conflicts: theirs } = await state.other.next('conflicts', { type: 'conflicts' })
  state.conflicts = [...ours, ...theirs as KeptConflict[]]
  state.keptBy = ours.length > 0 ? 'this node' : theirs.length > 0 ? 'the other node' : 'nobody'
}

async function post(ctx: Context, phase: Phase): Promise<void> {
  const { state, hive, signal, input: { posts, everyMs } } = ctx
  for (let number = 0; number < posts; number++) {
    const from = hive.clock.monotonic()
    const { journalled } = await state.room.post(said.type, { number, phase })
    state.slowestPostMs = Math.max(state.slowestPostMs, hive.clock.monotonic() - from)
    state.posted[phase]++
    if (journalled) state.journalled++
    if (everyMs > 0) await sleep(hive.clock, everyMs, signal)
  }
}

function total({ posted }: State): number {
  return posted.before + posted.during + posted.after
}

async function report({ state }: Context) {
  const all = total(state)
  const stored = new Map<string, number>()
  for (let after: string | undefined; ;) {
    const page = await state.room.history({ limit: 1000, ...(after !== undefined && { after }) })
    for (const { data } of page.messages) stored.set(`${data.phase} ${data.number}`, (stored.get(`${data.phase} ${data.number}`) ?? 0) + 1)
    after = page.next
    if (after === undefined) break
  }
  const effects = new Map<string, number>()
  for (const { phase, number } of state.effects) effects.set(`${phase} ${number}`, (effects.get(`${phase} ${number}`) ?? 0) + 1)
  const twice = (counts: Map<string, number>): number => [...counts.values()].filter((count) => count > 1).length
  return {
    posted: state.posted, all, journalled: state.journalled, slowestPostMs: state.slowestPostMs, downMs: state.downMs, heardWhileAway: state.heardWhileAway,
    heard: state.heard.before.size + state.heard.during.size + state.heard.after.size, heardTwice: state.heardTwice,
    drained: state.drained ?? null, missing: all - stored.size, twice: twice(stored), effects: { count: state.effects.length, missing: all - effects.size, twice: twice(effects) },
    conflicts: state.conflicts.map(({ id, subject, conflict }) => ({
      id, subject, ours: conflict.kind !== 'write' ? conflict.ours.value : conflict.ours, theirs: conflict.kind !== 'write' ? conflict.theirs?.value : conflict.reason,
    })),
    keptBy: state.keptBy,
  }
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
