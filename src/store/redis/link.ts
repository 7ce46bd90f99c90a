import type { Clock, Randomness } from '../../kernel/clock.ts'
import { HivemindError, StoreUnavailable } from '../../kernel/errors.ts'
import type { Keys } from '../keys.ts'
import { createClient, describeTarget, masters, type Client, type RedisTarget } from './clients.ts'
import { redisError } from './errors.ts'
import { createRecent, type Recent } from './recent.ts'
import { loadScripts, runScript, type ScriptName } from './scripts.ts'
import { readServerInfo, type ServerInfo } from './server-info.ts'
import { createWatchdog, type Watchdog } from './watchdog.ts'

export type LinkEvent =
  /** Connected and checked; calls go through. */
  | { type: 'up' }
  /** Not connected: calls fail at once with `StoreUnavailable`. */
  | { type: 'down'; error: HivemindError }
  /** The server is another process than before, or its data is gone. Comes before `up`; what was acknowledged last was sent again. */
  | { type: 'restarted'; reason: 'run-id' | 'flushed'; repeated: number; refused: number }
  /** A connection gave no sign of life and was thrown away. */
  | { type: 'frozen'; connection: string; silentMs: number }

/** State of the connection to one Redis role. */
export interface RedisLink {
  readonly state: 'up' | 'down'
  /** Returns how to stop listening. A listener that throws does not disturb the link. */
  on(listener: (event: LinkEvent) => void): () => void
  /** Round trip in ms. */
  ping(): Promise<number>
}

/** The link as the adapter's parts use it. */
export interface Backend extends RedisLink {
  readonly where: string
  readonly keys: Keys
  readonly clock: Clock
  readonly randomness: Randomness
  readonly cluster: boolean
  readonly recent: Recent
  readonly watchdog: Watchdog
  /** Servers as read at start, one per master. */
  readonly servers: readonly ServerInfo[]
  /** Runs a script on the writing connection. */
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown>
  /** As `run`, but also while the link is coming back: for repeating what `recent` kept. */
  runUnchecked(name: ScriptName, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown>
  /** Commands on the writing connection. */
  write<Result>(work: (client: Client) => Promise<Result>): Promise<Result>
  /** Commands on the reading connection, where large replies do not hold up commits. */
  read<Result>(work: (client: Client) => Promise<Result>): Promise<Result>
  /** A further connection of the same target, for subscriptions (sharded: SSUBSCRIBE in a cluster). */
  newClient(name: string, sharded: boolean): Client
  /** Something failed that needs no answer now: it is what `down` will report as the cause. */
  note(error: unknown): void
  close(): Promise<void>
}

export interface LinkOptions {
  target: RedisTarget
  role: 'durable' | 'cache'
  keys: Keys
  clock: Clock
  randomness: Randomness
  /** Silence after which a connection counts as frozen, ms. */
  watchdogMs: number
  /** How far back acknowledged writes are kept, ms. */
  keepMs: number
  /** Throws to refuse the servers; called once, before the first `up`. */
  check(servers: readonly ServerInfo[], node: Client): Promise<void>
}

/** A sign of life is asked for this often at most, ms. */
const tickMs = 1_000
const keepBytes = 64 * 1024 ** 2

/** Connects; rejects when the server cannot be reached, refuses us or fails the check. Afterwards it comes back by itself. */
export async function openLink(options: LinkOptions): Promise<Backend> {
  const { target, keys, clock, randomness } = options
  const where = describeTarget(target)
  const name = (part: string): string => `hivemind-${options.role}-${part}`
  const writer = createClient(target, name('writer'), randomness)
  const reader = createClient(target, name('reader'), randomness)
  const recent = createRecent(clock, options.keepMs, keepBytes)
  const listeners = new Set<(event: LinkEvent) => void>()
  let state: 'up' | 'down' = 'down'
  let closed = false
  let servers: readonly ServerInfo[] = []
  let runIds = new Set<string>()
  let epoch: string | undefined
  let lastError: unknown = new Error('not connected yet')
  let attempt = 0

  function emit(event: LinkEvent): void {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  const note = (error: unknown): void => void (lastError = error)

  function wentDown(error?: unknown): void {
    attempt++
    if (error !== undefined) lastError = error
    if (state === 'down') return
    state = 'down'
    emit({ type: 'down', error: redisError(lastError, where) })
  }

  /** Reads who answers; on another server than before sends again what the last one acknowledged; then opens the gate. */
  async function verify(): Promise<void> {
    const mine = ++attempt
    const present = await Promise.all(masters(writer).map(readServerInfo))
    const mark = await readEpoch()
    if (mine !== attempt) return
    if (servers.length === 0) {
      await options.check(present, writer)
      servers = present
    }
    const known = runIds.size > 0
    if (present.some(({ runId }) => !runIds.has(runId))) await Promise.all(masters(writer).map(loadScripts))
    const restarted = known && present.some(({ runId }) => !runIds.has(runId))
    const flushed = known && mark !== epoch
    runIds = new Set(present.map(({ runId }) => runId))
    epoch = mark
    if (restarted || flushed) {
      const result = await recent.repeatAll()
      if (mine !== attempt) return
      emit({ type: 'restarted', reason: restarted ? 'run-id' : 'flushed', ...result })
    }
    state = 'up'
    emit({ type: 'up' })
  }

  async function readEpoch(): Promise<string> {
    const made = randomness.id()
    await writer.set(keys.hiveEpoch(), made, 'NX')
    return (await writer.get(keys.hiveEpoch())) ?? made
  }

  const ready = (): boolean => writer.status === 'ready' && reader.status === 'ready'
  function onReady(): void {
    if (!ready() || closed) return
    verify().catch((error: unknown) => {
      lastError = error
      if (first.pending) first.fail(error)
      else if (ready() && !closed) for (const node of masters(writer)) node.disconnect(true)
    }).then(() => {
      if (state === 'up') first.done()
    }, first.fail)
  }

  const first = settleOnce()
  for (const client of [writer, reader]) {
    client.on('ready', onReady)
    client.on('close', () => wentDown())
    client.on('error', (error: unknown) => {
      lastError = error
      if (first.pending) first.fail(error)
    })
    if (client.isCluster) {
      client.on('node error', note)
      // A master was added or promoted: it may lack what the one before it acknowledged.
      client.on('+node', (node: { once(event: 'ready', run: () => void): void }) => node.once('ready', onReady))
    }
  }
  const watchdog = createWatchdog(clock, options.watchdogMs, Math.min(tickMs, options.watchdogMs / 2), onFrozen, lookForFlush)
  watchdog.watch(name('writer'), writer)
  watchdog.watch(name('reader'), reader)

  function onFrozen(connection: string, silentMs: number): void {
    const silence = new StoreUnavailable(`Redis at ${where} accepts connections and does not answer: nothing for ${Math.round(silentMs)} ms`)
    note(silence)
    if (first.pending) first.fail(silence)
    emit({ type: 'frozen', connection, silentMs })
  }

  /** FLUSHALL leaves the run id alone, and so a key of ours tells. */
  function lookForFlush(): void {
    if (state !== 'up') return
    const mine = attempt
    writer.get(keys.hiveEpoch()).then(async (mark) => {
      recent.alive()
      if (mark === epoch || mine !== attempt || state !== 'up') return
      epoch = await readEpoch()
      emit({ type: 'restarted', reason: 'flushed', repeated: 0, refused: 0 })
    }).catch(note)
  }

  async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    if (state !== 'up') throw closed ? new StoreUnavailable(`the store on Redis at ${where} is closed`) : redisError(lastError, where)
    try {
      return await work()
    } catch (error) {
      throw redisError(error, where)
    }
  }

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    state = 'down'
    watchdog.stop()
    await Promise.all([writer, reader].map(disconnect))
  }

  try {
    for (const client of [writer, reader]) client.connect().catch(note)
    await first.promise
  } catch (error) {
    await close()
    throw redisError(error, where)
  }

  return {
    where, keys, clock, randomness, recent, watchdog, close,
    cluster: target.cluster === true,
    get state() {
      return state
    },
    get servers() {
      return servers
    },
    on(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async ping() {
      const asked = clock.monotonic()
      await guarded(() => Promise.all(masters(writer).map((node) => node.ping())))
      return clock.monotonic() - asked
    },
    run: (script, scriptKeys, args) => guarded(() => runScript(writer, script, scriptKeys, args)),
    async runUnchecked(script, scriptKeys, args) {
      try {
        return await runScript(writer, script, scriptKeys, args)
      } catch (error) {
        throw redisError(error, where)
      }
    },
    write: (work) => guarded(() => work(writer)),
    read: (work) => guarded(() => work(reader)),
    newClient: (part, sharded) => createClient(target, name(part), randomness, sharded),
    note,
  }
}

/** Ends a client and waits until its sockets are closed. */
export async function disconnect(client: Client): Promise<void> {
  if (client.status === 'end') return
  // Between two attempts there is no socket: ioredis drops the next attempt and emits no 'end'.
  const idle = client.status === 'reconnecting'
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
  client.disconnect()
  if (!idle) await ended
}

function settleOnce(): { promise: Promise<void>; pending: boolean; done(): void; fail(error: unknown): void } {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const promise = new Promise<void>((onDone, onFail) => {
    resolve = onDone
    reject = onFail
  })
  const once = {
    promise,
    pending: true,
    done() {
      once.pending = false
      resolve()
    },
    fail(error: unknown) {
      once.pending = false
      reject(error)
    },
  }
  return once
}
