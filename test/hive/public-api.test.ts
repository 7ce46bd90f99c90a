import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHive, defineActor, defineMessage, z } from 'hivemind'
import type { Hive, HiveOptions } from 'hivemind'
import { afterEach, describe, expect, it } from 'vitest'

const buildFinished = defineMessage('build.finished', z.object({ ok: z.boolean() }), { about: 'A build ended.' })

declare module 'hivemind' {
  interface MessageMap {
    'build.finished': { ok: boolean }
  }
}

const counter = defineActor({
  name: 'counter',
  state: (input: { start: number }) => ({ n: input.start }),
  handlers: {
    add: (message: { by: number }, ctx) => { ctx.state.n += message.by },
    get: (_message: {}, ctx) => ctx.state.n,
    fail: () => { throw new Error('on purpose') },
  },
})

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function folder(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hivemind-api-'))
  cleanUps.push(() => rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

async function start(options: HiveOptions = {}): Promise<Hive> {
  const hive = await createHive({ dataDir: options.dataDir ?? await folder(), log: { level: 'silent' }, ...options })
  cleanUps.push(() => hive.stop())
  return hive
}

describe('createHive', () => {
  it('runs actors, typed end to end', async () => {
    const hive = await start()
    const ref = await hive.spawn(counter, { id: 'c', input: { start: 2 } })
    ref.tell({ type: 'add', by: 3 })
    const n: number = await ref.ask({ type: 'get' })
    expect(n).toBe(5)
    // @ts-expect-error a wrong type does not compile
    void (() => ref.tell({ type: 'multiply', by: 3 }))
    // @ts-expect-error a wrong payload does not compile
    void (() => ref.tell({ type: 'add', by: 'three' }))
    // @ts-expect-error the input is required
    void (() => hive.spawn(counter, { id: 'd' }))
  })

  it('tells the bus what happens to actors', async () => {
    const hive = await start()
    const seen: string[] = []
    const restarted = new Promise<void>((resolve) => {
      hive.bus.on('actor.restarted').subscribe(({ data }) => {
        seen.push(`${data.actor} ${data.incarnation}`)
        resolve()
      })
    })
    const ref = await hive.spawn(counter, { id: 'c', input: { start: 0 }, supervision: { backoff: { minMs: 1 } } })
    await expect(ref.ask({ type: 'fail' })).rejects.toMatchObject({ code: 'actor_crashed' })
    await restarted
    expect(seen).toEqual(['c 2'])
  })

  it('knows message types of the user, on the bus and in rooms', async () => {
    const hive = await start({ messages: [buildFinished] })
    const heard: boolean[] = []
    hive.bus.on('build.finished').subscribe(({ data }) => heard.push(data.ok))
    hive.bus.publish('build.finished', { ok: true })
    // @ts-expect-error a wrong payload does not compile
    void (() => hive.bus.publish('build.finished', { ok: 'yes' }))
    expect(heard).toEqual([true])
    const room = await hive.room('builds')
    await expect(room.post('build.finished', { ok: 1 })).rejects.toMatchObject({ code: 'invalid_message', field: 'ok' })
    await expect(room.post('build.finnished', { ok: true })).rejects.toThrow('did you mean "build.finished"')
  })

  it('keeps what was posted for the next hive on the same folder', async () => {
    const dataDir = await folder()
    const first = await start({ dataDir })
    await (await first.room('notes')).post('text', { text: 'remember' })
    await first.stop()
    const second = await start({ dataDir })
    const { messages } = await (await second.room('notes')).history()
    expect(messages.map((message) => message.data)).toEqual([{ text: 'remember' }])
  })

  it('stops twice without harm, and nothing works afterwards', async () => {
    const hive = await start()
    const ref = await hive.spawn(counter, { id: 'c', input: { start: 0 } })
    await Promise.all([hive.stop(), hive.stop()])
    await expect(ref.ask({ type: 'get' })).rejects.toMatchObject({ code: 'actor_stopped' })
    await expect(hive.spawn(counter, { id: 'd', input: { start: 0 } })).rejects.toMatchObject({ code: 'spawn_refused' })
    await expect(hive.room('late')).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('names the field of a wrong setting', async () => {
    await expect(createHive({ limits: { messageBytes: -1 } })).rejects.toMatchObject({ code: 'invalid_config', field: 'limits.messageBytes' })
    await expect(createHive({ redis: 'localhost' })).rejects.toMatchObject({ code: 'invalid_config', field: 'redis' })
  })
})
