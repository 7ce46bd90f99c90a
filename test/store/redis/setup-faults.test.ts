import { afterEach, describe, expect, test } from 'vitest'
import type { LogConfig } from '../../../src/store/ports.ts'
import { openRedisStore, type RedisStoreOptions } from '../../../src/store/redis/open.ts'
import { freePort, startRedisServer, type RedisServerOptions } from '../../redis-server.ts'
import { bulk, startRespStub } from '../../resp-stub.ts'

const config: LogConfig = { cap: 100_000, quotaBytes: 1 << 30, dedupeMs: 3_600_000, meta: null }
const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

async function server(options?: RedisServerOptions) {
  const started = await startRedisServer(options)
  cleanUp.push(() => started.stop())
  return started
}
async function open(options: RedisStoreOptions) {
  const notices: string[] = []
  const store = await openRedisStore({ onNotice: (notice) => notices.push(notice), ...options })
  cleanUp.push(() => store.close())
  return { store, notices }
}
const plainUrl = (port: number, credentials = ''): string => `redis://${credentials}127.0.0.1:${port}`

describe('who may connect', () => {
  test('a wrong password is refused in words, without the password', async () => {
    const { port } = await server({ password: 'right' })
    const refused = await openRedisStore({ url: plainUrl(port, ':guess@') }).catch((error: unknown) => error as Error)
    expect(refused).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/refused the user name or password.*REDIS_URL/) })
    expect((refused as Error).message).not.toContain('guess')
  })

  test('a missing password is named', async () => {
    const { port } = await server({ password: 'right' })
    await expect(openRedisStore({ url: plainUrl(port) })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringContaining('wants a password') })
  })

  test('nobody at the address', async () => {
    await expect(openRedisStore({ url: plainUrl(await freePort()) })).rejects.toMatchObject({ code: 'store_unavailable', retryable: true, message: expect.stringContaining('ECONNREFUSED') })
  })

  test('a frozen server is given up after the watchdog time', async () => {
    const redis = await server()
    redis.freeze()
    await expect(openRedisStore({ url: redis.url, watchdogMs: 200 })).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('does not answer') })
  })

  test.each(['localhost:6379', 'http://localhost', 'redis://localhost/x'])('%s is no URL of a Redis', async (url) => {
    await expect(openRedisStore({ url })).rejects.toMatchObject({ code: 'invalid_config', field: 'redis' })
  })

  test('TLS, an ACL user limited to the prefix, a Unix socket', async () => {
    const tls = await server({ tls: true, acl: ['hive on >pass ~h:* &h:* +@all -@dangerous +info'] })
    const socket = await server({ unixSocket: true })
    const secure = await open({ url: `rediss://hive:pass@127.0.0.1:${tls.port}`, options: { tls: { ca: tls.ca } }, prefix: 'h:' })
    const local = await open({ url: socket.url })
    for (const { store } of [secure, local]) {
      await store.log.open('hall', config)
      let onRing: (names: string[]) => void = () => undefined
      const ring = new Promise<string[]>((resolve) => (onRing = resolve))
      await store.log.listen((rooms) => onRing([...rooms.keys()]))
      await store.log.append([{ room: 'hall', messageId: 'a', body: '1' }])
      expect(await ring).toEqual(['hall'])
      expect(await store.leases.acquire('l', 'me', 1_000)).toBeDefined()
      await store.log.remove('hall')
    }
    await expect(openRedisStore({ url: `rediss://hive:pass@127.0.0.1:${tls.port}`, options: { tls: { ca: tls.ca } }, prefix: 'other:' })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringContaining('grant') })
    await expect(openRedisStore({ url: `rediss://hive:pass@127.0.0.1:${tls.port}` })).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringMatching(/certificate/) })
  })
})

describe('trap 9: how the server is set up', () => {
  test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random'])('%s on the durable role is refused', async (policy) => {
    const { url } = await server({ policy, maxmemory: '50mb' })
    await expect(openRedisStore({ url })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(new RegExp(`${policy}.*noeviction.*redis-conf durable`)) })
  })

  test('volatile-lfu serves both roles, with a word of warning; allkeys-lfu serves the cache', async () => {
    const both = await server({ policy: 'volatile-lfu', maxmemory: '50mb' })
    expect((await open({ url: both.url })).notices).toEqual([expect.stringContaining('use two servers')])
    const [durable, cache] = await Promise.all([server(), server({ policy: 'allkeys-lfu', maxmemory: '50mb', appendonly: false })])
    expect((await open({ url: durable.url, cache: cache.url })).notices).toEqual([])
  })

  test('appendonly off is told', async () => {
    const { url } = await server({ appendonly: false })
    expect((await open({ url })).notices).toEqual([expect.stringContaining('appendonly off')])
  })

  test('durability fsync needs appendfsync always, or WAITAOF', async () => {
    const [always, everysec] = await Promise.all([server({ appendfsync: 'always' }), server()])
    expect((await open({ url: always.url, durability: 'fsync' })).store.features.waitaof).toBe(false)
    await expect(openRedisStore({ url: everysec.url, durability: 'fsync' })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringContaining('WAITAOF') })
  })

  test('a cluster node needs cluster: true', async () => {
    const { url } = await server({ cluster: true })
    await expect(openRedisStore({ url })).rejects.toMatchObject({ code: expect.stringMatching(/store_(misconfigured|unavailable)/) })
  })
})

const infoOf = (version: string, more = ''): string => `# Server\r\nredis_version:${version}\r\nrun_id:${'a'.repeat(40)}\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n${more}`

describe('versions', () => {
  test.each(['5.0.14', '6.2.7'])('%s is too old', async (version) => {
    const stub = await startRespStub(([name]) => {
      if (name === 'hello' && version.startsWith('6')) return `*4\r\n${bulk('server')}${bulk('redis')}${bulk('version')}${bulk(version)}`
      if (name === 'info') return bulk(infoOf(version))
      if (name === 'client' || name === 'set') return '+OK\r\n'
      if (name === 'get') return bulk('epoch')
      return undefined
    })
    cleanUp.push(stub.stop)
    await expect(openRedisStore({ url: stub.url })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringContaining(`version ${version}, and 7.0 or newer`) })
  })

  test('durability fsync waits for WAITAOF where there is one', async () => {
    let synced = 1
    const stub = await startRespStub(([name, argument]) => {
      switch (name) {
        case 'hello': return `*2\r\n${bulk('proto')}:3\r\n`
        case 'info': return bulk(infoOf('7.2.4'))
        case 'client': case 'set': return '+OK\r\n'
        case 'get': return bulk('epoch')
        case 'ping': return '+PONG\r\n'
        case 'script': return bulk('0'.repeat(40))
        case 'config': return `*2\r\n${bulk(argument === 'GET' ? 'appendfsync' : '')}${bulk('everysec')}`
        case 'command': return `*3\r\n*1\r\n${bulk('waitaof')}*-1\r\n*-1\r\n`
        case 'evalsha': return `*1\r\n${bulk('1700000000000-1')}`
        case 'waitaof': return `*2\r\n:${synced}\r\n:0\r\n`
        default: return undefined
      }
    })
    cleanUp.push(stub.stop)
    const { store } = await open({ url: stub.url, durability: 'fsync' })
    expect(store.features).toMatchObject({ waitaof: true, vectorSets: false })
    expect(await store.log.append([{ room: 'hall', messageId: 'a', body: '1' }])).toMatchObject([{ ok: true }])
    expect(stub.seen.map(([name]) => name).slice(-2)).toEqual(['evalsha', 'waitaof'])
    synced = 0
    await expect(store.log.append([{ room: 'hall', messageId: 'b', body: '1' }])).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('on disk') })
  })
})

test('trap 8: out of memory, posts are refused and acknowledgements work', async () => {
  const { url, command } = await server({ maxmemory: '4mb', policy: 'noeviction' })
  const { store } = await open({ url })
  const owner = { name: 'n', fence: 1 }
  await store.log.open('hall', config)
  await store.log.openGroup('hall', 'g', '0-0')
  const body = 'x'.repeat(20_000)
  let posted = 0
  let refusal: unknown
  while (refusal === undefined && posted < 1_000) {
    await store.log.append([{ room: 'hall', messageId: `m${posted}`, body }]).then(() => posted++, (error: unknown) => (refusal = error))
    if (posted === 5) expect(await store.log.take('hall', 'g', owner, 3)).toHaveLength(3)
  }
  expect(refusal).toMatchObject({ code: 'store_full', retryable: true, message: expect.stringContaining('maxmemory') })
  const [first, second, third] = (await store.log.pending('hall', 'g')).map(({ entry }) => entry) as [string, string, string]
  const ack = (entry: string) => ({ kind: 'work' as const, room: 'hall', group: 'g', owner, entry })
  const withEffect = { ...ack(second), effects: { posts: [{ room: 'hall', messageId: 'e', body: '1' }], records: [] } }
  const results = await Promise.allSettled([store.log.commit([ack(first)]), store.log.commit([withEffect]), store.log.commit([ack(third)])])
  expect(results).toMatchObject([
    { status: 'fulfilled', value: [{ ok: true, posted: [] }] },
    { status: 'rejected', reason: { code: 'store_full' } },
    { status: 'fulfilled', value: [{ ok: true, posted: [] }] },
  ])
  expect((await store.log.pending('hall', 'g')).map(({ entry }) => entry)).toEqual([second])
  await command('CONFIG', 'SET', 'maxmemory', '100mb')
  expect(await store.log.commit([withEffect])).toMatchObject([{ ok: true, posted: [expect.any(String)] }])
  expect(await store.log.append([{ room: 'hall', messageId: `m${posted}`, body }])).toMatchObject([{ ok: true, duplicate: false }])
})
