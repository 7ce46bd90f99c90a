import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeliveryContext, RoomMessage } from '../../actors/room/types.ts'
import type { Log } from '../../src/store/ports.ts'
import { firstEntryId } from '../../src/store/ports.ts'
import { withFault, type Fault, type FaultyLog } from './faults.ts'
import { backings, createNode, type Backing, type Node } from './fixture.ts'

const faults: Fault[] = ['request lost', 'reply lost', 'killed before', 'killed after']
const messages = 4
/** Message 2 fails at its first attempt, so that retries meet the faults too. */
const failing = 2

/**
 * A consumer with effects meets a fault at each of its calls of the log in turn: a lost request, a lost reply, the death of its
 * process before and after. However it went on, each message has had its effects exactly once.
 */
describe.each(['sqlite', 'redis'] as const)('effects once on %s', (kind) => {
  let backing: Backing
  let store: { log: Log; close(): Promise<void> }
  let runs = 0

  beforeAll(async () => {
    backing = await backings[kind]()
    store = await backing.connect()
  })
  afterAll(async () => {
    await store.close()
    await backing.close()
  })

  /** Runs a consumer until all is done, through one fault; gives how many calls the first life made. */
  const runThrough = async (reader: 'work' | 'join', fault: Fault, at: number, handlerDies?: { n: number; after: boolean }): Promise<number> => {
    const name = `once-${kind}-${++runs}`
    const out = `${name}-out`
    const outside = createNode({ log: store.log, name: 'poster' })
    const room = await outside.rooms.open(name)
    await outside.rooms.open(out)
    for (let n = 1; n <= messages; n++) await room.post('test.task', { n }, { id: `m${n}` })

    const handlerOf = (life: FaultyLog | undefined) => async (message: RoomMessage, ctx: DeliveryContext): Promise<void> => {
      const { n } = message.data as { n: number }
      if (life?.dead) return
      if (life && handlerDies?.n === n && !handlerDies.after) life.kill()
      if (n === failing && ctx.attempt === 1) throw new Error('the first time fails')
      const sum = ((await ctx.record('sum')) as number | undefined) ?? 0
      await ctx.commit({ posts: [{ room: out, type: 'test.task', data: { n } }], records: [{ key: 'sum', value: sum + n }] })
      if (life && handlerDies?.n === n && handlerDies.after) life.kill()
    }
    const live = async (node: Node, life: FaultyLog | undefined): Promise<void> => {
      const opened = await node.rooms.open(name)
      if (reader === 'work') await opened.work('g', handlerOf(life))
      else await opened.join('ada', handlerOf(life), { from: 'start' })
    }
    const isDone = async (): Promise<boolean> => {
      const info = (await store.log.info(name))!
      return reader === 'work'
        ? info.groups.some(({ pending, lastDelivered }) => pending === 0 && lastDelivered === info.last)
        : info.members.some(({ cursor }) => cursor === info.last)
    }

    const first = withFault(store.log, fault, at)
    const one = createNode({ log: first.log, name: 'consumer', fence: 1 })
    // A call that never comes back holds this promise up for ever; a lost one rejects, and the program tries again.
    const started = live(one, first).catch(() => live(one, first))
    await until(async () => first.dead || (await isDone()))
    const calls = first.calls
    let two: Node | undefined
    if (first.dead) {
      two = createNode({ log: store.log, name: 'consumer', fence: 2 })
      await live(two, undefined)
      await until(isDone)
    } else {
      await started
    }

    const posted = await store.log.range(out, { limit: 100 })
    expect(posted.map(({ body }) => (JSON.parse(body) as RoomMessage).data.n).sort(), `${reader}, ${fault} at call ${at}`).toEqual([1, 2, 3, 4])
    expect(await store.log.record(name, 'sum'), `${reader}, ${fault} at call ${at}`).toBe(10)
    if (reader === 'join') expect(posted.map(({ body }) => (JSON.parse(body) as RoomMessage).data.n)).toEqual([1, 2, 3, 4])
    expect(await store.log.deadLetters(name)).toEqual([])
    if (first.dead) await one.system.stop({ graceMs: 0 })
    else await one.stop()
    await two?.stop()
    await outside.stop()
    return calls
  }

  const until = (condition: () => Promise<boolean>): Promise<void> => expect.poll(condition, { timeout: 10_000, interval: 5 }).toBe(true)

  for (const reader of ['work', 'join'] as const) {
    it(`${reader}: whatever call of the log fails, and however`, async () => {
      const calls = await runThrough(reader, 'reply lost', Number.MAX_SAFE_INTEGER)
      expect(calls).toBeGreaterThan(messages)
      for (const fault of faults) {
        for (let at = 1; at <= calls; at++) await runThrough(reader, fault, at)
      }
    }, 60_000)

    it(`${reader}: whether the process dies in a handler before its commit or after`, async () => {
      for (let n = 1; n <= messages; n++) {
        for (const after of [false, true]) await runThrough(reader, 'killed before', Number.MAX_SAFE_INTEGER, { n, after })
      }
    }, 30_000)
  }

  it('a consumer that was thought dead commits nothing after its entry was taken over', async () => {
    const name = `once-${kind}-${++runs}`
    const zombie = createNode({ log: store.log, name: 'zombie' })
    const room = await zombie.rooms.open(name)
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const outcome = new Promise<unknown>((resolve) => {
      void room.work('g', async (_, ctx) => {
        await held
        resolve(await ctx.commit({ records: [{ key: 'by', value: 'zombie' }] }).catch((error: unknown) => error))
      })
    })
    await room.post('test.task', { n: 1 })
    await until(async () => (await store.log.pending(name, 'g')).length === 1)
    const [taken] = await store.log.takeOver(name, 'g', { name: 'heir', fence: 1 }, { minIdleMs: 0, count: 1 })
    await store.log.commit([{ kind: 'work', room: name, group: 'g', owner: { name: 'heir', fence: 1 }, entry: taken!.entry, effects: { posts: [], records: [{ key: 'by', value: 'heir' }] } }])
    release()
    expect(await outcome).toMatchObject({ code: 'stale_owner' })
    expect(await store.log.record(name, 'by')).toBe('heir')
    expect(taken!.entry).not.toBe(firstEntryId)
    await zombie.stop()
  })
})
