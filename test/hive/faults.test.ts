import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHive, defineActor } from 'hivemind'
import type { Hive, HiveOptions, Logger, Room } from 'hivemind'
import { afterEach, describe, expect, it } from 'vitest'
import type { SqliteStore } from '../../src/store/sqlite/open.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

function folder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-faults-'))
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

async function start(options: HiveOptions = {}): Promise<Hive> {
  const hive = await createHive({ dataDir: folder(), log: { level: 'silent' }, ...options })
  cleanUps.push(() => hive.stop())
  return hive
}

/** Settles with the data of the next message of this type. */
function next(hive: Hive, type: string): Promise<any> {
  return new Promise((resolve) => {
    const subscription = hive.bus.on(type).subscribe(({ data }) => {
      subscription.unsubscribe()
      resolve(data)
    })
  })
}

describe('messages that are not as they should be', () => {
  it('an unknown type is refused by rooms, by the bus and by an actor, and the error says what to do', async () => {
    const hive = await start()
    const room = await hive.room('hall')
    await expect(room.post('txet', {})).rejects.toMatchObject({ code: 'unknown_message_type', message: expect.stringMatching(/"txet" \(did you mean "text"\?\).*defineMessage.*createHive/) })
    expect(() => hive.bus.publish('no.such-thing' as never, {} as never)).toThrow(/unknown message type "no\.such-thing"/)
    const ref = await hive.spawn(defineActor({ name: 'deaf', handlers: { hear: (_: {}) => 1 } }))
    await expect(ref.ask({ type: 'listen' } as never)).rejects.toMatchObject({ code: 'message_unhandled', message: expect.stringContaining('"listen"') })
    const letter = next(hive, 'deadletter.added')
    ref.tell({ type: 'listen' } as never)
    expect(await letter).toEqual({ actor: ref.id, type: 'listen', reason: 'unhandled' })
    expect(await ref.ask({ type: 'hear' })).toBe(1)
  })

  it('a wrong payload is refused with the name of the field, posted or committed', async () => {
    const hive = await start()
    const room = await hive.room('hall')
    await expect(room.post('text', { txt: 'x' })).rejects.toMatchObject({ code: 'invalid_message', field: 'text' })
    await expect(room.post('text', null)).rejects.toMatchObject({ code: 'invalid_message', field: '' })
    await expect(room.post('text', { text: 7n })).rejects.toMatchObject({ code: 'invalid_message', field: 'text' })
    const refusal = new Promise((resolve) => {
      void room.work('g', (_, ctx) => ctx.commit({ posts: [{ type: 'text', data: { text: 7 } }] }).catch(resolve))
    })
    await room.post('text', { text: 'go' })
    expect(await refusal).toMatchObject({ code: 'invalid_message', field: 'text' })
  })

  it('an oversized one is refused with both sizes: 1 MB unless configured', async () => {
    const room = await (await start()).room('hall')
    await expect(room.post('text', { text: 'x'.repeat(2 ** 20) })).rejects.toMatchObject({ code: 'message_too_large', limit: 2 ** 20, message: expect.stringContaining('limits.messageBytes') })
    await room.post('text', { text: 'x'.repeat(2 ** 20 - 1_000) })
    const small = await (await start({ limits: { messageBytes: 300 } })).room('hall')
    await expect(small.post('text', { text: 'x'.repeat(300) })).rejects.toMatchObject({ code: 'message_too_large', limit: 300 })
    await small.post('text', { text: 'fits' })
  })
})

describe('rooms that are not there, or not for you', () => {
  it('names a room that does not exist, and the ways to one', async () => {
    const hive = await start()
    const room = await hive.room('hall')
    const refusal = new Promise((resolve) => {
      void room.work('g', (_, ctx) => ctx.commit({ posts: [{ room: 'nowhere', type: 'text', data: { text: 'x' } }] }).catch(resolve))
    })
    await room.post('text', { text: 'go' })
    expect(await refusal).toMatchObject({ code: 'room_unknown', room: 'nowhere', message: expect.stringMatching(/"nowhere".*hive\.room.*rooms ls/) })
    await expect(hive.room('')).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('1 to 256 characters') })
  })

  it('keeps a stranger out of every door of a room', async () => {
    const hive = await start()
    await (await hive.room('board', { visibility: 'members', members: ['ann'], as: 'ann' })).post('text', { text: 'secret' })
    await hive.room('den', { visibility: 'private', members: ['ann'], as: 'ann' })
    const doors: ((room: Room) => Promise<unknown>)[] = [
      (room) => room.post('text', { text: 'x' }), (room) => room.history(), (room) => room.join('eve', () => undefined), (room) => room.work('g', () => undefined),
      (room) => room.deadLetters(), (room) => room.pending('g'), (room) => room.replay(),
    ]
    const board = await hive.room('board', { as: 'eve' })
    for (const door of doors) await expect(door(board), String(door)).rejects.toMatchObject({ code: 'room_forbidden', message: expect.stringMatching(/"eve" may not .*"board".*members/) })
    await expect(hive.room('den', { as: 'eve' })).rejects.toMatchObject({ code: 'room_unknown' })
    expect((await hive.rooms.list({ as: 'eve' })).map(({ name }) => name)).toEqual(['board'])
  })
})

describe('handlers that fail', () => {
  it('an actor whose handler throws, rejects or never returns is restarted, its message kept as a dead letter, and the next one handled', async () => {
    const hive = await start()
    const ref = await hive.spawn(defineActor({
      name: 'frail', deadlineMs: 30,
      handlers: {
        throw: () => { throw new Error('thrown') },
        reject: () => Promise.reject(new Error('rejected')),
        hang: () => new Promise<void>(() => undefined),
        get: (_: {}) => 'alive',
      },
    }), { supervision: { maxRestarts: 10, backoff: { minMs: 1, maxMs: 1 } } })
    await expect(ref.ask({ type: 'throw' })).rejects.toMatchObject({ code: 'actor_crashed', message: expect.stringContaining('thrown') })
    await expect(ref.ask({ type: 'reject' })).rejects.toMatchObject({ code: 'actor_crashed', message: expect.stringContaining('rejected') })
    await expect(ref.ask({ type: 'hang' })).rejects.toMatchObject({ cause: { code: 'handler_timeout', message: expect.stringMatching(/"hang" within 30 ms: raise deadlineMs/) } })
    expect(await ref.ask({ type: 'get' })).toBe('alive')
    expect(hive.system.deadLetters.list().map(({ message }) => message.type)).toEqual(['throw', 'reject', 'hang'])
    expect((await hive.metrics())['actors.restarts']).toBe(3)
  })

  it('a worker whose handler does is tried again, then sets the message aside; the others are handled, and a replay mends it', async () => {
    const hive = await start()
    const room = await hive.room('jobs')
    let mended = false
    const done: string[] = []
    let count = (): void => undefined
    const setAside: string[] = []
    hive.bus.on('room.dead-lettered').subscribe(({ data }) => {
      setAside.push(data.reason)
      count()
    })
    await room.work('g', (message) => {
      if (message.data.text === 'throw' && !mended) throw new Error('thrown')
      if (message.data.text === 'reject' && !mended) return Promise.reject(new Error('rejected'))
      if (message.data.text === 'hang' && !mended) return new Promise<void>(() => undefined)
      done.push(message.data.text)
      count()
    }, { maxAttempts: 2, deadlineMs: 50, concurrency: 4 })
    const total = (n: number): Promise<void> => new Promise((resolve) => {
      count = () => void (done.length + setAside.length >= n && resolve())
      count()
    })
    for (const text of ['throw', 'one', 'reject', 'two', 'hang', 'three']) await room.post('text', { text })
    await total(6)
    expect(done.toSorted()).toEqual(['one', 'three', 'two'])
    expect(setAside.toSorted()).toEqual([expect.stringMatching(/50 ms/), expect.stringContaining('rejected'), expect.stringContaining('thrown')])
    mended = true
    expect(await room.replay()).toBe(3)
    await total(9)
    expect(done.toSorted()).toEqual(['hang', 'one', 'reject', 'three', 'throw', 'two'])
  })
})

it('a mailbox that fills says so, keeps the message as a dead letter, and offer() waits; limits.mailbox is how many', async () => {
  const hive = await start({ limits: { mailbox: 3 } })
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const slow = defineActor({ name: 'slow', handlers: { wait: () => gate, note: (_: { n: number }) => undefined } })
  const ref = await hive.spawn(slow, { id: 'slow' })
  const waiting = ref.ask({ type: 'wait' })
  await new Promise((resolve) => setImmediate(resolve))
  for (const n of [1, 2, 3]) ref.tell({ type: 'note', n })
  expect(() => ref.tell({ type: 'note', n: 4 })).toThrow(expect.objectContaining({ code: 'mailbox_full', capacity: 3, message: expect.stringMatching(/"slow" is full \(3 messages\).*offer\(\).*limits\.mailbox/) }))
  expect(hive.system.deadLetters.list()).toMatchObject([{ target: 'slow', reason: 'full', message: { n: 4 } }])
  let admitted = false
  const offered = ref.offer({ type: 'note', n: 5 }).then(() => (admitted = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(admitted).toBe(false)
  open()
  await Promise.all([waiting, offered])
})

describe('the data folder', () => {
  it('with a corrupt database: set aside byte by byte, told to the log and the bus, and the hive works', async () => {
    const dataDir = folder()
    const garbage = Buffer.from('no database '.repeat(1_000))
    writeFileSync(join(dataDir, 'hive.db'), garbage)
    const warnings: string[] = []
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn: (_, message) => void warnings.push(message), error: () => undefined }
    const hive = await start({ dataDir, logger })
    const { file, message } = await next(hive, 'store.quarantined')
    expect(readFileSync(file).equals(garbage)).toBe(true)
    expect(message).toMatch(/was damaged: it was moved to .*nothing was deleted/)
    expect(warnings).toEqual([message])
    await (await hive.room('hall')).post('text', { text: 'works' })
    await hive.stop()
    await start({ dataDir })
    expect(readdirSync(dataDir).filter((name) => name.includes('corrupt'))).toHaveLength(1)
  })

  it('that cannot be made names the folder and the setting, and leaves nothing open', async () => {
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    await expect(createHive({ dataDir: join(file, 'below') })).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/file\/below.*HIVEMIND_DATA_DIR/) })
  })

  it('on a full disk: a post is refused in words, work with effects waits for space, and all goes on when there is some', async () => {
    const hive = await start()
    const { database } = hive.store as SqliteStore
    const [room, done] = [await hive.room('hall'), await hive.room('done')]
    let fill = (): void => undefined
    const full = new Promise<void>((resolve) => (fill = resolve))
    let committed = false
    const worked = new Promise<void>((resolve, reject) => {
      void room.work('g', async (message, ctx) => {
        if (message.data.text !== 'before') return
        await full
        await ctx.commit({ posts: [{ room: 'done', type: 'text', data: { text: 'y'.repeat(20_000) } }] }).then(() => {
          committed = true
          resolve()
        }, reject)
      })
    })
    await room.post('text', { text: 'before' })
    const [{ page_count: pages }] = (await database.all('PRAGMA page_count')) as [{ page_count: number }]
    await database.run(`PRAGMA max_page_count = ${pages + 4}`)
    const large = (): Promise<unknown> => room.post('text', { text: 'x'.repeat(9_000) })
    let refusal: unknown
    while (refusal === undefined) await large().catch((error: unknown) => (refusal = error))
    expect(refusal).toMatchObject({ code: 'store_full', retryable: true, message: expect.stringMatching(/hive\.db: free some disk space/) })
    fill()
    for (let n = 0; n < 20; n++) await expect(large()).rejects.toMatchObject({ code: 'store_full' })
    expect(committed).toBe(false)
    await database.run('PRAGMA max_page_count = 1000000')
    await worked
    expect((await done.info()).entries).toBe(1)
    expect(await room.deadLetters()).toEqual([])
  })

  it('of two hives at once is shared: each sees the other, and what one posts the other handles', async () => {
    const dataDir = folder()
    mkdirSync(dataDir, { recursive: true })
    const [a, b] = [await start({ dataDir }), await start({ dataDir })]
    expect(a.node.id).not.toBe(b.node.id)
    await expect(createHive({ dataDir, node: { id: a.node.id } })).rejects.toMatchObject({ code: 'invalid_config', field: 'node.id', message: expect.stringMatching(/in use by process \d+/) })
    const heard = new Promise<string>((resolve) => void b.room('hall').then((room) => room.work('g', (message) => resolve(message.data.text))))
    await (await a.room('hall')).post('text', { text: 'over there' })
    expect(await heard).toBe('over there')
    expect((await b.nodes.list()).map(({ id }) => id)).toEqual([a.node.id, b.node.id].sort())
  })
})
