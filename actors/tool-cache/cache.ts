import { createHash } from 'node:crypto'
import { Cancelled, HivemindError, InvalidArgument } from '../../src/kernel/errors.ts'
import { sleep } from '../../src/kernel/clock.ts'
import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import { redactValue } from '../../src/redaction/redact-value.ts'
import { createLeaseHolder } from '../../src/store/lease-holder.ts'
import type { Cache, Leases } from '../../src/store/ports.ts'
import { canonicalJson } from './canonical.ts'

export interface CallCacheOptions {
  cache: Cache
  leases: Leases
  clock: Clock
  randomness: Randomness
  node: string
  /** Default time to live. */
  ttlMs: number
  /** The key of the catalogue for a name and a hash. */
  key(name: string, hash: string): string
  onProblem(error: unknown): void
}

export interface EntryOptions {
  /** Default 1 h. */
  ttlMs?: number
}

export interface WrapOptions<Input> extends EntryOptions {
  /** What of the input decides the result. Default: all of it. */
  key?: (input: Input) => unknown
}

export interface CallOptions {
  /** Rejects this caller with `Cancelled`; others that wait for the same result go on. */
  signal?: AbortSignal
}

export interface CallCacheStats {
  hits: number
  misses: number
  /** Callers that got the result of a call that was under way. */
  shared: number
  /** Not kept: a secret was in it, it was too large, or it is nothing that JSON knows. */
  refused: number
}

/** Results of calls by what they were called with. */
export interface CallCache {
  get(name: string, input: unknown): Promise<{ value: unknown } | undefined>
  /** False when it was not kept: redaction touched the input or the result, or it is too large. */
  set(name: string, input: unknown, value: unknown, options?: EntryOptions): Promise<boolean>
  /**
   * The function with the cache in front. Of calls with the same input at the same time, in any process of the hive, one is made;
   * a failure is told to all who waited and is not kept.
   */
  wrap<Input, Output>(name: string, run: (input: Input, signal: AbortSignal) => Promise<Output>, options?: WrapOptions<Input>): (input: Input, options?: CallOptions) => Promise<Output>
  stats(): CallCacheStats
}

const maxEntryBytes = 256 * 1024
/** A process that dies in the middle of a call holds up the same call elsewhere for so long, ms. */
const flightTtlMs = 3_000
const lookEveryMs = 50

export function createCallCache(options: CallCacheOptions): CallCache {
  const { cache, clock } = options
  const flights = new Map<string, Promise<unknown>>()
  const stats: CallCacheStats = { hits: 0, misses: 0, shared: 0, refused: 0 }

  /** The key of a call, or nothing when it may not be kept. */
  function keyOf(name: string, input: unknown): string | undefined {
    if (typeof name !== 'string' || name === '') throw new InvalidArgument('name', 'must be the name of a tool')
    const json = canonicalJson(input)
    if (redactValue(JSON.parse(json) as unknown).touched) return undefined
    return options.key(name, createHash('sha256').update(json).digest('hex'))
  }

  async function read(key: string): Promise<{ value: unknown } | undefined> {
    const [bytes] = await cache.get([key])
    if (bytes === undefined) return undefined
    try {
      const kept = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as { key?: unknown; value?: unknown } | null
      // What somebody else put there, or half of what was, is no answer.
      return typeof kept === 'object' && kept !== null && kept.key === key ? { value: kept.value } : undefined
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return undefined
    }
  }

  async function write(key: string, value: unknown, ttlMs: number): Promise<boolean> {
    const bytes = encoded(key, value)
    if (bytes === undefined) {
      stats.refused++
      return false
    }
    await cache.set([{ key, value: bytes, ttlMs }])
    return true
  }

  /** Kept when it reads back as it is and holds no secret. */
  function encoded(key: string, value: unknown): Buffer | undefined {
    try {
      if (value !== undefined) canonicalJson(value, 'result')
      const json = JSON.stringify({ key, value })
      if (json.length > maxEntryBytes || containsDate(value) || redactValue(value).touched) return undefined
      const bytes = Buffer.from(json)
      return bytes.length > maxEntryBytes ? undefined : bytes
    } catch (error) {
      if (error instanceof InvalidArgument) return undefined
      throw error
    }
  }

  /** Makes the call, unless another process has made it or is at it. */
  async function fly<Output>(key: string, run: (signal: AbortSignal) => Promise<Output>, ttlMs: number, signal: AbortSignal): Promise<Output> {
    const holder = createLeaseHolder({ leases: options.leases, name: `call:${key}`, holder: `${options.node}:${options.randomness.id()}`, clock, ttlMs: flightTtlMs, retryMs: lookEveryMs, onFailure: gaveUp })
    let away: unknown
    function gaveUp(error: unknown): void {
      away = error
    }
    try {
      const mine = holder.held({ signal }).then(() => true, () => false)
      while (away === undefined) {
        const held = await Promise.race([mine, sleep(clock, lookEveryMs, signal).then(() => undefined)])
        const found = await read(key)
        if (found !== undefined) {
          stats.shared++
          return found.value as Output
        }
        if (held === false) signal.throwIfAborted()
        if (held !== undefined) break
      }
      // Nobody can be asked: the call is made, and perhaps made elsewhere too.
      if (away !== undefined) options.onProblem(away)
      const value = await run(signal)
      await write(key, value, ttlMs).catch(options.onProblem)
      return value
    } finally {
      await holder.stop()
    }
  }

  return {
    async get(name, input) {
      const key = keyOf(name, input)
      const found = key === undefined ? undefined : await read(key)
      if (found === undefined) stats.misses++
      else stats.hits++
      return found
    },
    async set(name, input, value, { ttlMs = options.ttlMs } = {}) {
      const key = keyOf(name, input)
      if (key === undefined) {
        stats.refused++
        return false
      }
      return write(key, value, ttlMs)
    },
    wrap<Input, Output>(name: string, run: (input: Input, signal: AbortSignal) => Promise<Output>, { ttlMs = options.ttlMs, key: part }: WrapOptions<Input> = {}) {
      return async (input: Input, { signal }: CallOptions = {}): Promise<Output> => {
        if (signal?.aborted) throw new Cancelled(`the call of ${name}`, signal.reason)
        const key = keyOf(name, part === undefined ? input : part(input))
        if (key === undefined) {
          stats.refused++
          return run(input, signal ?? new AbortController().signal)
        }
        let flight = flights.get(key) as Promise<Output> | undefined
        if (flight !== undefined) stats.shared++
        else {
          const found = await read(key).catch((error: unknown) => {
            if (!(error instanceof HivemindError)) throw error
            options.onProblem(error)
            return undefined
          })
          if (found !== undefined) {
            stats.hits++
            return found.value as Output
          }
          flight = flights.get(key) as Promise<Output> | undefined
          if (flight !== undefined) stats.shared++
        }
        if (flight === undefined) {
          stats.misses++
          // Ended when nobody waits for it any more.
          const ending = new AbortController()
          flight = fly(key, (ended) => run(input, ended), ttlMs, ending.signal)
          flights.set(key, flight)
          const landed = flight
          landed.catch(() => undefined).finally(() => {
            if (flights.get(key) === landed) flights.delete(key)
          })
          waiting.set(landed, { count: 0, end(reason) {
            if (flights.get(key) === landed) flights.delete(key)
            ending.abort(reason)
          } })
        }
        return waitFor(flight, name, signal)
      }
    },
    stats: () => ({ ...stats }),
  }
}

const waiting = new WeakMap<Promise<unknown>, { count: number; end(reason: Error): void }>()

/** One caller's share of a call: leaving it ends the call when it was the last one. */
function waitFor<Output>(flight: Promise<Output>, name: string, signal: AbortSignal | undefined): Promise<Output> {
  const callers = waiting.get(flight) as { count: number; end(reason: Error): void }
  callers.count++
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      callers.count--
      const cancelled = new Cancelled(`the call of ${name}`, signal?.reason)
      if (callers.count === 0) callers.end(cancelled)
      reject(cancelled)
    }
    signal?.addEventListener('abort', leave, { once: true })
    flight.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave))
  })
}

/** A date reads back as a string: the caller would get another type from the cache than from the call. */
function containsDate(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return value instanceof Date || Object.values(value).some(containsDate)
}
