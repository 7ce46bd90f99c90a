import { describe, expect, it } from 'vitest'
import { createHive } from '../../src/index.ts'
import type { Hive, HiveOptions } from '../../src/index.ts'
import { freePort } from '../redis-server.ts'
import { bulk, startRespStub } from '../resp-stub.ts'
import { afterTest, privateRedis, temporaryFolder } from './nodes.ts'

async function hiveOn(redis: string, options: HiveOptions = {}): Promise<Hive> {
  const hive = await createHive({ redis, dataDir: temporaryFolder(), log: { level: 'silent' }, ...options })
  afterTest(() => hive.stop())
  return hive
}

/** Settles with the data of the next message of this type that fits. */
function next(hive: Hive, type: string, fits: (data: any) => boolean = () => true): Promise<any> {
  return new Promise((resolve) => {
    const subscription = hive.bus.on(type).subscribe(({ data }) => {
      if (!fits(data)) return
      subscription.unsubscribe()
      resolve(data)
    })
  })
}

describe('a Redis that is set up wrongly is refused at the start, in words', () => {
  const refused = (redis: string): Promise<unknown> => createHive({ redis, dataDir: temporaryFolder(), log: { level: 'silent' } }).then(() => 'started', (error: unknown) => error)

  it('a missing or wrong password', async () => {
    const { port } = await privateRedis({ password: 'right' })
    expect(await refused(`redis://127.0.0.1:${port}`)).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/wants a password.*REDIS_URL/) })
    const wrong = await refused(`redis://:guess@127.0.0.1:${port}`)
    expect(wrong).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/refused the user name or password.*REDIS_URL/) })
    expect(String(wrong)).not.toContain('guess')
  })

  it('an eviction policy that throws rooms away', async () => {
    const { url } = await privateRedis({ policy: 'allkeys-lru', maxmemory: '50mb' })
    expect(await refused(url)).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/allkeys-lru.*noeviction.*redis-conf durable/) })
  })

  it('a version that is too old', async () => {
    const stub = await startRespStub(([name]) => {
      if (name === 'hello') return `*4\r\n${bulk('server')}${bulk('redis')}${bulk('version')}${bulk('6.2.7')}`
      if (name === 'info') return bulk(`# Server\r\nredis_version:6.2.7\r\nrun_id:${'a'.repeat(40)}\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n`)
      if (name === 'client' || name === 'set') return '+OK\r\n'
      if (name === 'get') return bulk('epoch')
      return undefined
    })
    afterTest(stub.stop)
    expect(await refused(stub.url)).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/version 6\.2\.7, and 7\.0 or newer is needed.*npm run setup/) })
  })
})

describe('a Redis that is away', () => {
  it('at the start: the hive begins degraded and says why; posts are kept, and delivered once it is there', async () => {
    const port = await freePort()
    const hive = await hiveOn(`redis://127.0.0.1:${port}`)
    expect(hive.health()).toMatchObject({ ok: true, state: 'degraded', problems: [expect.stringContaining('ECONNREFUSED')] })
    const room = await hive.room('hall')
    const worked = new Promise<string>((resolve) => void room.work('g', (message) => resolve(message.data.text)))
    expect(await room.post('text', { text: 'kept' })).toMatchObject({ journalled: true, duplicate: false })
    await expect(hive.room('hall').then((again) => again.history())).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('ECONNREFUSED') })
    const connected = next(hive, 'link.connected')
    await privateRedis({ port })
    expect(await connected).toMatchObject({ replayed: expect.any(Number), conflicts: 0 })
    expect(await worked).toBe('kept')
    expect(hive.health().state).toBe('ready')
  })

  it('and comes back as one that wants a password: told with the fix, kept trying, nothing lost', async () => {
    const port = await freePort()
    const hive = await hiveOn(`redis://:guess@127.0.0.1:${port}`)
    const room = await hive.room('hall')
    await room.post('text', { text: 'kept' })
    const warned = next(hive, 'store.warned')
    const redis = await privateRedis({ port, password: 'right' })
    expect(await warned).toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/refused the user name or password.*REDIS_URL/) })
    expect(hive.health()).toMatchObject({ state: 'degraded', problems: [expect.stringContaining('refused the user name or password')] })
    const connected = next(hive, 'link.connected')
    await redis.command('CONFIG', 'SET', 'requirepass', 'guess')
    await connected
    expect((await room.history()).messages.map(({ data }) => data.text)).toEqual(['kept'])
  })

  it('killed and frozen in mid-run: posts go on, members hear them at once, work goes on when it is back, each once', { timeout: 40_000 }, async () => {
    const redis = await privateRedis()
    const hive = await hiveOn(redis.url)
    const [room, done] = [await hive.room('jobs'), await hive.room('done')]
    const heard: string[] = []
    const finished: string[] = []
    let wake = (): void => undefined
    await room.join('ear', (message) => {
      heard.push(message.data.text)
      wake()
    })
    await room.work('g', (message, ctx) => ctx.commit({ posts: [{ room: 'done', type: 'text', data: message.data }] }))
    await done.join('ear', (message) => {
      finished.push(message.data.text)
      wake()
    })
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => (wake = resolve))
    }
    const outage = async (text: string, begin: () => unknown, end: () => unknown): Promise<void> => {
      const degraded = next(hive, 'link.degraded')
      await begin()
      const { reason } = await degraded
      expect(reason).toMatch(/Redis at 127\.0\.0\.1:\d+ (is away|accepts connections and does not answer)/)
      expect(await room.post('text', { text })).toMatchObject({ journalled: true })
      await until(() => heard.includes(text))
      expect(finished).not.toContain(text)
      const connected = next(hive, 'link.connected')
      await end()
      await connected
      await until(() => finished.includes(text))
    }
    await room.post('text', { text: 'first' })
    await until(() => finished.includes('first'))
    await outage('killed', () => redis.kill(), () => redis.restart())
    await outage('frozen', () => redis.freeze(), () => redis.thaw())
    await room.post('text', { text: 'last' })
    await until(() => finished.includes('last') && heard.includes('last'))
    expect(heard).toEqual(['first', 'killed', 'frozen', 'last'])
    expect(finished).toEqual(['first', 'killed', 'frozen', 'last'])
  })
})

it('a Redis that is emptied in mid-run: told, rooms are opened anew, workers and roles go on under greater fences', async () => {
  const redis = await privateRedis()
  const hive = await hiveOn(redis.url)
  const room = await hive.room('hall')
  let worked = (_text: string): void => undefined
  await room.work('g', (message) => worked(message.data.text))
  const grant = await hive.store.leases.acquire('mine', 'me', 60_000)
  const warned = next(hive, 'store.warned', ({ code }) => code === 'redis_lost_data')
  await redis.flush()
  expect((await warned).message).toMatch(/was emptied.*hive\.room\(\)/)
  await expect(room.post('text', { text: 'x' })).rejects.toMatchObject({ code: 'room_unknown', message: expect.stringContaining('hive.room') })
  const heard = new Promise<string>((resolve) => (worked = resolve))
  await (await hive.room('hall')).post('text', { text: 'anew' })
  expect(await heard).toBe('anew')
  await room.post('text', { text: 'the old handle works too' })
  expect((await hive.store.leases.acquire('mine', 'other', 60_000))?.fence).toBeGreaterThan(grant?.fence ?? Infinity)
})

it('a Redis that is out of memory: posts are refused with the fix, what was begun is finished when there is room', async () => {
  const redis = await privateRedis({ maxmemory: '6mb' })
  const hive = await hiveOn(redis.url)
  const [room, done] = [await hive.room('jobs'), await hive.room('done')]
  let fill = (): void => undefined
  const full = new Promise<void>((resolve) => (fill = resolve))
  const finished = new Promise<string>((resolve, reject) => void done.join('ear', (message) => resolve(message.data.text)).catch(reject))
  await room.work('g', async (message, ctx) => {
    if (message.data.text !== 'first') return
    await full
    await ctx.commit({ posts: [{ room: 'done', type: 'text', data: message.data }] })
  })
  await room.post('text', { text: 'first' })
  let refusal: unknown
  while (refusal === undefined) await room.post('text', { text: 'x'.repeat(100_000) }).catch((error: unknown) => (refusal = error))
  expect(refusal).toMatchObject({ code: 'store_full', retryable: true, message: expect.stringMatching(/out of memory \(maxmemory\).*raise maxmemory/) })
  fill()
  await expect(room.post('text', { text: 'x'.repeat(100_000) })).rejects.toMatchObject({ code: 'store_full' })
  await redis.command('CONFIG', 'SET', 'maxmemory', '100mb')
  expect(await finished).toBe('first')
  await room.post('text', { text: 'again' })
  expect(hive.health().ok).toBe(true)
})
