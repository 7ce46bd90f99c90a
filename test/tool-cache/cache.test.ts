import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canonicalJson } from '../../actors/tool-cache/canonical.ts'
import { Cancelled, InvalidArgument } from '../../src/index.ts'
import { catalogue } from '../../src/store/keys.ts'
import { temporaryHive } from '../memory/fixture.ts'

describe('canonical JSON', () => {
  it('is one text for one value, however its fields are ordered, and says the same as JSON', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer(), (value, seed) => {
      expect(canonicalJson(shuffled(value, seed))).toBe(canonicalJson(value))
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }))
  })

  it('is two texts for two values', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, two) => {
      expect(canonicalJson(one) === canonicalJson(two)).toBe(isSame(one, two))
    }))
  })

  it.each<[unknown, string]>([[-0, '0'], [{ b: undefined, a: 1 }, '{"a":1}'], [[undefined], '[null]'], [new Date(0), '"1970-01-01T00:00:00.000Z"'], [1e21, '1e+21'], [Object.create(null), '{}'], ['é', '"é"'], ['e\u0301', '"e\u0301"']])('%j is %s', (value, json) => {
    expect(canonicalJson(value)).toBe(json)
  })

  it.each<[unknown, RegExp]>([
    [undefined, /"input".*undefined/], [{ a: [Number.NaN] }, /"input.a\[0\]".*NaN/], [1n, /bigint/], [() => 1, /function/], [new Map(), /Map/], [new Uint8Array(3), /Uint8Array/], [Symbol('x'), /symbol/],
    [(() => { const loop: { self?: unknown } = {}; loop.self = loop; return loop })(), /"input.self".*itself/],
  ])('refuses %s', (value, message) => {
    expect(() => canonicalJson(value)).toThrow(InvalidArgument)
    expect(() => canonicalJson(value)).toThrow(message)
  })
})

describe('the tool cache', () => {
  let hive: Awaited<ReturnType<typeof temporaryHive>>
  beforeAll(async () => {
    hive = await temporaryHive()
  })
  afterAll(() => hive.close())

  it('answers the same call from what it knows, and counts', async () => {
    let calls = 0
    const read = hive.toolCache.wrap('read', async ({ path }: { path: string }) => {
      calls++
      return { path, lines: calls }
    })
    expect(await read({ path: 'a' })).toEqual({ path: 'a', lines: 1 })
    expect(await read({ path: 'a' })).toEqual({ path: 'a', lines: 1 })
    expect(await read({ path: 'b' })).toEqual({ path: 'b', lines: 2 })
    expect(await hive.toolCache.get('read', { path: 'a' })).toEqual({ value: { path: 'a', lines: 1 } })
    expect(await hive.toolCache.get('read', { path: 'c' })).toBeUndefined()
    const metrics = await hive.metrics()
    expect(metrics['cache.tool.hits']).toBe(2)
    expect(metrics['cache_hit_rate']).toBeCloseTo(2 / 5)
  })

  it('makes one of many calls at once; a failure is told to all and not kept', async () => {
    let calls = 0
    const open = deferred()
    const slow = hive.toolCache.wrap('slow', async (input: number) => {
      calls++
      await open.promise
      if (input === 13) throw new Error('unlucky')
      return input * 2
    })
    const all = [slow(21), slow(21), slow(21)]
    open.resolve()
    expect(await Promise.all(all)).toEqual([42, 42, 42])
    expect(calls).toBe(1)
    expect((await Promise.allSettled([slow(13), slow(13)])).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(slow(13)).rejects.toThrow('unlucky')
    expect(calls).toBe(3)
  })

  it('lets one caller leave, and ends the call when the last one does', async () => {
    let ended: unknown
    let begun!: () => void
    const started = new Promise<void>((resolve) => (begun = resolve))
    const never = hive.toolCache.wrap('never', (_: number, signal) => new Promise<string>((_resolve, reject) => {
      begun()
      signal.addEventListener('abort', () => {
        ended = signal.reason
        reject(signal.reason as Error)
      })
    }))
    const [one, two] = [new AbortController(), new AbortController()]
    const first = never(1, { signal: one.signal })
    const second = never(1, { signal: two.signal })
    await started
    one.abort()
    await expect(first).rejects.toThrow(Cancelled)
    expect(ended).toBeUndefined()
    two.abort()
    await expect(second).rejects.toThrow(Cancelled)
    expect(ended).toBeInstanceOf(Cancelled)
    const again = hive.toolCache.wrap('never', async () => 'made anew')
    expect(await again(1)).toBe('made anew')
  })

  it('never keeps what a secret is in', async () => {
    const key = ['AKIA', 'QYLPMN5HFIQR7XYA'].join('')
    let calls = 0
    const env = hive.toolCache.wrap('env', async (_: unknown) => ({ n: ++calls, out: calls < 10 ? `AWS_KEY=${key}` : '' }))
    expect((await env({})).n).toBe(1)
    expect((await env({})).n).toBe(2)
    const login = hive.toolCache.wrap('login', async (_: { password: string }) => ++calls)
    expect(await login({ password: 'Zk29slPqW83nvTy1' })).toBe(3)
    expect(await login({ password: 'Zk29slPqW83nvTy1' })).toBe(4)
    expect(await hive.toolCache.set('env', { a: 1 }, key)).toBe(false)
    expect(await hive.toolCache.get('env', { a: 1 })).toBeUndefined()
  })

  it('passes through what is too large or nothing that JSON gives back', async () => {
    let calls = 0
    const big = hive.toolCache.wrap('big', async (size: number) => 'x'.repeat(size) + ++calls)
    await big(300_000)
    expect((await big(300_000)).endsWith('2')).toBe(true)
    const date = hive.toolCache.wrap('date', async (_: number) => ({ when: new Date(++calls) }))
    expect((await date(1)).when).toBeInstanceOf(Date)
    expect((await date(1)).when).toEqual(new Date(4))
    const nothing = hive.toolCache.wrap('nothing', async (_: number): Promise<void> => void calls++)
    expect(await nothing(1)).toBeUndefined()
    expect(await nothing(1)).toBeUndefined()
    expect(calls).toBe(5)
  })

  it.each([['text', Buffer.from('no json')], ['half', Buffer.from('{"key":"x","val')], ['foreign', Buffer.from('{"key":"tool:other:0","value":666}')], ['null', Buffer.from('null')]])('takes %s under a key for nothing', async (_, bytes) => {
    let key = ''
    const cache = hive.store.cache
    const known = hive.toolCache.wrap('known', async (input: string) => input.toUpperCase())
    expect(await known('abc')).toBe('ABC')
    const { createHash } = await import('node:crypto')
    key = catalogue.tool.build('known', createHash('sha256').update('"abc"').digest('hex'))
    expect(await cache.get([key])).not.toEqual([undefined])
    await cache.set([{ key, value: bytes, ttlMs: 60_000 }])
    expect(await known('abc')).toBe('ABC')
  })

  it('has a namespace of its own for generations, and parts of an input that decide', async () => {
    let calls = 0
    const say = hive.generationCache.wrap('gpt', async (input: { prompt: string; trace: number }) => `${input.prompt} ${++calls}`, { key: ({ prompt }) => prompt })
    expect(await say({ prompt: 'hi', trace: 1 })).toBe('hi 1')
    expect(await say({ prompt: 'hi', trace: 2 })).toBe('hi 1')
    expect(await hive.toolCache.get('gpt', 'hi')).toBeUndefined()
    expect(await hive.generationCache.get('gpt', 'hi')).toEqual({ value: 'hi 1' })
  })

  it('makes one call over several processes, and takes over from one that is killed in the middle', async () => {
    const child = fork(fileURLToPath(new URL('./caller.ts', import.meta.url)), [hive.dataDir], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [message] = await once(child, 'message')
    expect(message).toBe('at it')
    let calls = 0
    const shared = hive.toolCache.wrap('shared', async (input: string) => `${input} here ${++calls}`)
    const waits = shared('x')
    const other = shared('y')
    expect(await other).toBe('y here 1')
    child.send('finish')
    expect(await waits).toBe('x there')
    expect(calls).toBe(1)
    expect(await once(child, 'message')).toEqual(['at it again', undefined])
    const taken = shared('z')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await taken).toBe('z here 2')
  }, 30_000)
})

function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve!: () => void
  const promise = new Promise<void>((take) => (resolve = take))
  return { promise, resolve }
}

/** The same value with the fields of its objects in another order. */
function shuffled(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, seed))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, item]) => [name, shuffled(item, seed)] as const)
  return Object.fromEntries(seed % 2 === 0 ? fields.toReversed() : fields.slice(1).concat(fields.slice(0, 1)))
}

function isSame(one: unknown, two: unknown): boolean {
  try {
    expect(JSON.parse(JSON.stringify(one))).toEqual(JSON.parse(JSON.stringify(two)))
    return true
  } catch {
    return false
  }
}
