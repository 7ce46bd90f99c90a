import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { redisLinkMachine, type RedisLinkEvent } from '../../machines/redis-link.ts'
import { conform, type Command, type Observed } from '../../src/check/index.ts'
import { systemRandomness, type Clock } from '../../src/kernel/clock.ts'
import { JournalFull, StoreUnavailable } from '../../src/kernel/errors.ts'
import { transitions, type Transition } from '../../src/kernel/transitions.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { sizeOf } from '../../src/store/outage/journal.ts'
import { openOutageStore, type OutageStore } from '../../src/store/outage/open.ts'
import { openRedisStore, type RedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { gate, type Gate } from '../kernel/world.ts'
import { messageIds, post, removeFolder, roomConfig } from '../outage/bench.ts'
import { startRedisProxy, type RedisProxy } from '../redis-proxy.ts'
import { startRedisServer, type RedisServer } from '../redis-server.ts'

type Snapshot = SnapshotFrom<typeof redisLinkMachine>

const wall = 1_000
/** Every write is as big as this one: room and id have the same length each time. */
const bytes = sizeOf({ kind: 'posts', appends: [post('room-0000', 'message-0000')] })
const input = { limitBytes: 2 * bytes, maxAgeMs: 1_000, backoff: { minMs: 10, maxMs: 20 }, settleBelow: 500, maxHeld: 10_000 }

/**
 * What the store in front of a real Redis can be put through, in the order in which its drain goes. Left out, and toured at the link itself
 * (redis-link.test.ts):
 * - `unkept` and `adopted`: a disk that fails under one write, the journal of a dead node;
 * - writes while a drain looks for more, and while they are held back: when they are presented again is up to the store, not to the tour;
 * - `stop` before the store was reached: it is the same everywhere, and costs a new store each time;
 * - `start` while syncing: a carrier is replaced when the one before it has ended, and its drain with it;
 * - a drain of another run and a timer that was replaced: their callers are gone.
 */
function events({ value, context: { items, backlog, nonces: { running } } }: Snapshot): RedisLinkEvent[] {
  const { drain, reconnect } = running as Record<string, number | undefined>
  const write: RedisLinkEvent = { type: 'write', bytes, now: wall }
  const stop: RedisLinkEvent = { type: 'stop' }
  const start: RedisLinkEvent = { type: 'start' }
  if (value === 'idle') return [start, write]
  if (value === 'connected') return [write, stop, { type: 'down' }]
  if (drain === undefined) {
    const probing = (value as { degraded: string }).degraded === 'probing'
    return [write, start, { type: 'up' }, ...(probing ? [{ type: 'down' as const }] : []), { type: 'timer', id: 'reconnect', nonce: reconnect! }]
  }
  if (items === 0) return [{ type: 'swept', run: drain }, { type: 'down' }, stop]
  // What was there when it began goes in one step, what came since in another.
  const sent = backlog > 0 ? backlog : items
  return [
    { type: 'drained', items: sent, bytes: sent * bytes, oldestAt: items > sent ? wall : 0 }, { type: 'down' }, stop,
    ...(backlog > 0 && (value as { syncing: string }).syncing === 'draining' ? [write] : []),
  ]
}

const key = ({ value, status, context: { items, backlog, failures, nonces } }: Snapshot) => ({ value, status, items, backlog, failures: Math.min(failures, 2), running: Object.keys(nonces.running) })

/** How the wire to Redis breaks: mostly in the way that costs least time. A frozen one is found by the watchdog. */
const breaks = ['cut', 'kill', 'cut', 'lose replies', 'cut', 'cut', 'kill', 'cut', 'freeze', 'cut', 'cut', 'cut'] as const
const watchdogMs = 300

/** The store of a node before a real Redis whose wire breaks as the tour says. */
function world(server: RedisServer, proxy: RedisProxy, local: SqliteStore, aside: RedisStore) {
  let virtual: VirtualClock
  let timerMs = 0
  const clock: Clock = {
    now: () => wall,
    monotonic: () => virtual.monotonic(),
    timer(ms, run) {
      if (ms === input.backoff.minMs || ms === input.backoff.maxMs) {
        tell('startTimer', { ms })
        timerMs = ms
      }
      return virtual.timer(ms, run)
    },
  }
  let told: Command[] = []
  const tell = (type: string, params?: object): void => void told.push({ type, params })
  let machine: Transition | undefined
  let heard = (): void => {}
  let redis: RedisStore | undefined
  let store: OutageStore | undefined
  /** Tells the store what its connection says, when the tour has it. */
  let say: ((event: Parameters<Parameters<RedisStore['link']['on']>[0]>[0]) => void) | undefined
  /** Where the drain waits: before it sends something, or before it finds that nothing is left. */
  let waiting: Gate | undefined
  let draining: AbortController | undefined
  let broken: typeof breaks[number] | 'refuse' | undefined
  let breakages = 0
  let rooms = 0
  let accepted: string[] = []
  const room = (): string => `room-${String(rooms).padStart(4, '0')}`
  const syncing = (): boolean => store?.link.state === 'syncing'

  const heldUp = async <T>(work: () => Promise<T>): Promise<T> => {
    if (syncing()) {
      waiting = gate()
      await waiting.promise
    }
    return work()
  }
  const connect = async (): Promise<RedisStore> => {
    const opened = await openRedisStore({ url: broken === 'refuse' ? 'redis://127.0.0.1:1' : proxy.url, watchdogMs })
    redis = opened
    return {
      ...opened,
      log: { ...opened.log, append: (appends) => heldUp(() => opened.log.append(appends)) },
      link: {
        get state() {
          return opened.link.state
        },
        ping: () => opened.link.ping(),
        on(listener) {
          say = listener
          return () => undefined
        },
      },
    }
  }
  const carrier = {
    probe: () => tell('probe'),
    drain(run: number) {
      tell('drain', { run })
      draining?.abort()
      draining = new AbortController()
      void store!.drain(run, draining.signal)
    },
    changed(state: string) {
      if (state !== 'syncing') letGo()
    },
  }
  /** The drain under way is told to end, and can. */
  const letGo = (): void => {
    draining?.abort()
    pass()
  }
  const pass = (): void => {
    waiting?.open()
    waiting = undefined
  }

  const fail = async (): Promise<void> => {
    // Who is not connected yet has no wire to cut: nobody is there.
    broken ??= redis === undefined ? 'refuse' : breaks[breakages++ % breaks.length]!
    if (broken === 'cut') proxy.cut()
    else if (broken === 'lose replies') proxy.loseReplies()
    else if (broken === 'freeze') server.freeze()
    else if (broken === 'kill') await server.kill()
  }
  const heal = async (): Promise<void> => {
    if (broken === 'kill') await server.restart()
    if (broken === 'freeze') server.thaw()
    if (broken === 'lose replies') {
      proxy.heal()
      proxy.cut()
    }
    broken = undefined
    for (const each of redis === undefined ? [aside] : [aside, redis]) await answers(each)
  }

  const write = async (): Promise<void> => {
    const id = `message-${String(accepted.length).padStart(4, '0')}`
    try {
      const [result] = await store!.log.append([post(room(), id)])
      expect(result).toMatchObject({ ok: true, duplicate: false })
      accepted.push(id)
      tell('journalled' in result! ? 'keep' : 'forward')
    } catch (error) {
      if (!(error instanceof JournalFull)) throw error
      tell('refuse')
    }
  }

  const happen = async (event: RedisLinkEvent): Promise<void> => {
    const { value } = machine!.snapshot as Snapshot
    switch (event.type) {
      case 'start':
        return void store!.link.attach(carrier)
      case 'stop':
        store!.link.stop()
        return letGo()
      case 'write':
        return write()
      case 'up':
        await heal()
        if (say !== undefined && JSON.stringify(value).includes('waiting')) return say({ type: 'up' })
        return store!.probe()
      case 'down':
        await fail()
        // Whoever uses the store finds out: a probe, a call, the drain; or else the connection tells.
        if (value === 'connected') return void await expect(store!.leases.inspect('anything')).rejects.toThrow()
        if (!syncing()) return store!.probe()
        if ((machine!.snapshot as Snapshot).context.items > 0) return pass()
        await reaches(redis!, 'down')
        return say!({ type: 'down', error: new StoreUnavailable('the connection is gone') })
      case 'drained':
      case 'swept':
        return pass()
      case 'timer':
        return virtual.advance(timerMs)
    }
  }

  const observe = async (): Promise<Observed> => {
    // The drain goes on to where it waits next.
    for (let turn = 0; turn < 500 && waiting === undefined && (machine!.snapshot as Snapshot).matches('syncing'); turn++) await local.database.all('SELECT 1')
    const { value, context } = machine!.snapshot as Snapshot
    if (value === 'connected') {
      // Nothing that was accepted is lost, and nothing is there twice.
      expect((await messageIds(aside, room())).sort()).toEqual(accepted)
    }
    const commands = told
    told = []
    const { state, journal } = store!.link
    const kept = await local.database.all('SELECT count(*) AS kept FROM outage_journal')
    return { commands, state: { value, journal, kept: Number(kept[0]?.['kept']), ...(context && value !== 'stopped' && { state }) } }
  }
  const close = async (): Promise<void> => {
    await heal()
    store?.link.stop()
    letGo()
    await store?.close()
  }

  return {
    close,
    breakages: () => breakages,
    listen(message: unknown): void {
      if ((message as Transition).machine !== redisLinkMachine.id) return
      machine = message as Transition
      heard()
    },
    async reset(): Promise<Observed> {
      await close()
      rooms++
      accepted = []
      redis = store = say = waiting = draining = undefined
      virtual = new VirtualClock()
      await aside.log.open(room(), roomConfig)
      const { database } = local
      if (rooms > 1) await database.run('DELETE FROM outage_journal')
      const all: typeof database.all = (sql, params) => (sql.startsWith('SELECT count(*) AS items') ? heldUp(() => database.all(sql, params)) : database.all(sql, params))
      store = await openOutageStore({
        local: { ...local, database: { ...database, all } }, connect, origin: 'n1', clock, randomness: systemRandomness,
        journalBytes: input.limitBytes, journalAgeMs: input.maxAgeMs, backoff: input.backoff,
      })
      store.link.on((state) => tell('changed', { state }))
      told = []
      return observe()
    },
    async send(event: RedisLinkEvent): Promise<Observed> {
      const arrived = new Promise<void>((resolve) => {
        heard = () => {
          if (machine?.event?.type === event.type) resolve()
        }
      })
      await happen(event)
      // A store that forwards does not ask its machine again.
      if (event.type !== 'write') await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 3_000).unref())])
      return observe()
    },
  }
}

function reaches({ link }: RedisStore, state: 'up' | 'down'): Promise<void> {
  return new Promise((resolve) => {
    if (link.state === state) resolve()
    else link.on(({ type }) => { if (type === state) resolve() })
  })
}

/** A connection may not have heard yet that its server was another one. */
async function answers(store: RedisStore): Promise<void> {
  for (;;) {
    await reaches(store, 'up')
    try {
      await store.link.ping()
      return
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }
}

const seen = (commands: readonly Command[]): string =>
  commands.filter(({ type }) => type !== 'cancelTimer').map(({ type, params }) => `${type} ${params?.ms ?? params?.run ?? params?.state ?? ''}`).sort().join()

it('the store in front of a real Redis does what the link machine does, along its transitions: cut, killed, frozen, replies lost', { timeout: 120_000 }, async () => {
  const server = await startRedisServer()
  const proxy = await startRedisProxy(server.port)
  const dir = mkdtempSync(join(tmpdir(), 'hivemind-tour-'))
  const local = await openSqliteStore({ dataDir: dir })
  const aside = await openRedisStore({ url: server.url })
  const real = world(server, proxy, local, aside)
  transitions.subscribe(real.listen)
  try {
    const result = await conform(redisLinkMachine, real, {
      events, key, input,
      state: ({ value, context: { items, bytes: held, oldestAt } }: Snapshot) => ({
        value, journal: { items, bytes: held, oldestAt }, kept: items,
        state: value === 'connected' ? 'connected' : typeof value === 'object' && 'syncing' in value ? 'syncing' : 'degraded',
      }),
      commands: (expected, actual) => seen(expected) === seen(actual),
    })
    expect(result.failure && [result.failure.message, ...result.failure.path.map(({ event }) => JSON.stringify(event))]).toBeUndefined()
    expect(result).toMatchObject({ ok: true })
    expect(result.covered).toBe(result.transitions)
    expect(real.breakages()).toBeGreaterThanOrEqual(breaks.length)
  } finally {
    transitions.unsubscribe(real.listen)
    await real.close()
    await aside.close()
    await local.close()
    removeFolder(dir)
    await proxy.stop()
    await server.stop()
  }
})
