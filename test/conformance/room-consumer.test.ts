import { afterAll, expect, it } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { createRooms } from '../../actors/room/rooms.ts'
import type { DeliveryContext, Room, Subscription } from '../../actors/room/types.ts'
import { roomConsumerMachine, type RoomConsumerEvent, type RoomConsumerInput } from '../../machines/room-consumer.ts'
import { createBus } from '../../src/bus/bus.ts'
import { conform, type Command, type Observed } from '../../src/check/index.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import { transitions, type Transition } from '../../src/kernel/transitions.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import type { Log } from '../../src/store/ports.ts'
import { gate, type Gate } from '../kernel/world.ts'
import { backings, task } from '../rooms/fixture.ts'

type Snapshot = SnapshotFrom<typeof roomConsumerMachine>

const retry = { minMs: 1_000_000, maxMs: 1_000_000 }
/** Between two looks whether what a reader holds is still its own: a third of `takeOverMs`. */
const sweepMs = 100_000
const [node, fence, group, consumer] = ['n1', 1, 'workers', 'c'] as const

/**
 * What a reader of a work group can be put through. Left out, because no real reader can come to it:
 * - `handled`, `commit` and `failed` of an earlier attempt: what a handler does after its attempt is over reaches nobody, and its delivery never hears of it;
 * - an answer where no request is on its way, a second answer to one, and a handler that ends twice;
 * - `overtaken` while a request is on its way: whoever takes the entry then makes the log answer `stale`, which is toured;
 * - a timer that was replaced or cancelled: the clock does not call it.
 */
function events(snapshot: Snapshot): RoomConsumerEvent[] {
  const { attempt, nonces: { running } } = snapshot.context
  const timers = Object.entries(running).map(([id, nonce]): RoomConsumerEvent => ({ type: 'timer', id, nonce }))
  const over = [{ type: 'handled' as const, attempt }, { type: 'failed' as const, attempt }]
  const release = { type: 'release' as const }
  const lost = [{ type: 'stale' as const }, { type: 'unknown' as const }]
  const answers = (...more: RoomConsumerEvent[]): RoomConsumerEvent[] => (timers.length > 0 ? timers : [{ type: 'applied' }, ...lost, ...more])
  if (snapshot.matches('handling')) return [...over, { type: 'commit', attempt }, { type: 'overtaken' }, release]
  if (snapshot.matches('acknowledging') || snapshot.matches('burying')) return [...answers(), release]
  if (snapshot.matches({ committing: 'attended' })) return [...answers({ type: 'refused' }), ...over, release]
  if (snapshot.matches({ committing: 'orphaned' })) return [...answers({ type: 'refused' }), release]
  if (snapshot.matches('backingOff')) return [...timers, { type: 'overtaken' }, release]
  return [{ type: 'attempted', attempt: attempt + 1 }, ...lost, release]
}

const key = ({ value, status, context }: Snapshot) => ({ value, status, attempt: context.attempt, resumed: context.resumed, running: Object.keys(context.nonces.running) })

/** A request of the reader that waits for the tour to say what becomes of it. */
interface Request {
  kind: string
  pass(): Promise<unknown>
  answer(result: any): void
  fail(error: Error): void
}

/** Rooms and ids so far, over all tours: they share stores. */
let made = 0

/** A real reader of a real room, with a gate before what it asks the log. */
async function world(raw: Log, input: Pick<RoomConsumerInput, 'attempt' | 'resumed' | 'maxAttempts'>) {
  const clock = new VirtualClock(Date.now())
  const randomness = { next: () => 1, id: () => `id-${++made}` }
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  let told: Command[] = []
  let requests: Request[] = []
  /** Requests whose way to the log has not ended: no answer came, and they may still arrive. */
  let adrift: Request[] = []
  let overtaking = false
  const gated = <T>(kind: string, pass: () => Promise<T>): Promise<T> => {
    told.push({ type: kind, params: undefined })
    return new Promise<T>((answer, fail) => requests.push({ kind, pass, answer, fail }))
  }
  const log: Log = {
    ...raw,
    commit: (commits) => gated(commits[0]!.effects === undefined ? 'acknowledge' : 'commit', () => raw.commit(commits)),
    bury: (...args) => gated('bury', () => raw.bury(...args)),
    retry: (...args) => gated('attempt', () => raw.retry(...args)),
    // A look changes nothing unless the tour has let somebody else take the entry.
    extend: (room, of, owner, entries) => (overtaking ? raw.extend(room, of, owner, entries) : Promise.resolve([...entries])),
    takeOver: () => Promise.resolve([]),
  }
  const system = createActorSystem({ clock, randomness, logger: silent })
  const catalogue = createCatalogue([task])
  const bus = createBus({ catalogue, clock, randomness, source: node })
  const rooms = createRooms({ log, catalogue, bus, clock, randomness, system, name: node, owner: () => ({ name: node, fence }), limits: { retry, takeOverMs: sweepMs * 3 } })

  let room: Room
  let target: Room
  let reading: Subscription | undefined
  let handlers: { context: DeliveryContext; over: Gate; ended: boolean }[] = []
  let machine: Transition | undefined
  let heard: (() => void) | undefined
  let timers: Record<string, number> = {}

  const handler = async (_: unknown, context: DeliveryContext): Promise<void> => {
    told.push({ type: 'handle', params: { attempt: context.attempt } })
    const running = { context, over: gate(), ended: false }
    handlers.push(running)
    await running.over.promise
  }
  const takeAway = async (): Promise<void> => {
    expect(await raw.takeOver(room.name, group, { name: 'thief/1', fence: 9 }, { minIdleMs: 0, count: 10 })).toHaveLength(1)
  }

  const happen = async (event: RoomConsumerEvent): Promise<void> => {
    const request = requests.at(-1)
    const running = handlers.at(-1)
    switch (event.type) {
      case 'handled':
        running!.ended = true
        return running!.over.open()
      case 'failed':
        running!.ended = true
        return running!.over.fail(new Error('as the tour says'))
      case 'commit':
        target = await rooms.open(`effects-${++made}`, { quotaBytes: 2_000 })
        running!.context.commit({ posts: [{ room: target.name, type: task.type, data: { n: 1 } }] }).catch(() => undefined)
        return
      case 'applied':
      case 'attempted':
        return request!.answer(await request!.pass())
      case 'stale':
        // A request that was given up arrives late and settles the entry; or else somebody took it.
        if (adrift.length > 0 && request!.kind !== 'attempt') await adrift.shift()!.pass()
        else await takeAway()
        return request!.answer(await request!.pass())
      case 'refused':
        await raw.append([{ room: target.name, messageId: 'filling', body: JSON.stringify({ id: 'filling', type: 'filling', source: 'the test', time: 0, data: 'x'.repeat(1_850) }) }])
        return request!.answer(await request!.pass())
      case 'unknown':
        if (request!.kind !== 'attempt') adrift.push(request!)
        return request!.fail(new StoreUnavailable('the connection broke'))
      case 'overtaken':
        await takeAway()
        overtaking = true
        // Not at once: for the clock of the reader, an answer of the log must not take minutes.
        for (let ms = 0; ms < sweepMs && machine?.event?.type !== 'overtaken'; ms += 10_000) {
          await clock.advance(10_000)
          await raw.info(room.name)
        }
        return
      case 'release':
        void reading!.stop({ drainMs: 0 })
        await clock.advance(1)
        return
      case 'timer':
        await clock.advance(timers[event.id]!)
    }
  }

  const observe = async (): Promise<Observed> => {
    for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate)
    const commands = told
    told = []
    const { snapshot } = machine!
    const { value } = snapshot as Snapshot
    // Nothing is applied twice, whatever was sent twice.
    if (target !== undefined) expect((await target.history()).messages.filter(({ type }) => type === task.type).length).toBeLessThanOrEqual(1)
    const over = ['lost', 'released', 'buried'].includes(value as string)
    return {
      commands,
      state: {
        value, attempt: (snapshot as Snapshot).context.attempt,
        // Who lost it knows nothing of it.
        ...(value !== 'lost' && { pending: (await raw.pending(room.name, group)).length, dead: (await raw.deadLetters(room.name)).length }),
        unaware: over ? handlers.filter(({ ended, context }) => !ended && !context.signal.aborted).length : 0,
      },
    }
  }

  return {
    listen(message: unknown): void {
      machine = message as Transition
      for (const { type, params } of machine.commands as Command[]) if (type === 'startTimer') timers[params.id] = params.ms
      heard?.()
    },
    async reset(): Promise<Observed> {
      await this.end()
      requests = []
      adrift = []
      handlers = []
      timers = {}
      overtaking = false
      machine = undefined
      const begun = new Promise<void>((resolve) => { heard = resolve })
      room = await rooms.open(`room-${++made}`)
      await room.post(task.type, { n: 1 })
      const owner = { name: `${node}/${consumer}`, fence }
      if (input.resumed) {
        // An earlier life of this reader took it, made its attempts, and died.
        await raw.openGroup(room.name, group, '0-0')
        const [held] = await raw.take(room.name, group, owner, 1)
        for (let attempt = 1; attempt < input.attempt; attempt++) await raw.retry(room.name, group, owner, held!.entry)
      }
      told = []
      reading = await room.work(group, handler, { consumer, maxAttempts: input.maxAttempts, deadlineMs: Infinity })
      await begun
      return observe()
    },
    async send(event: RoomConsumerEvent): Promise<Observed> {
      const arrived = new Promise<void>((resolve) => {
        heard = () => { if (machine?.event?.type === event.type) resolve() }
      })
      await happen(event)
      await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 2_000).unref())])
      return observe()
    },
    async end(): Promise<void> {
      for (const { over } of handlers) over.open()
      for (const request of requests) request.fail(new StoreUnavailable('the tour is over'))
      const stopped = reading?.stop({ drainMs: 0 })
      await clock.advance(10_000)
      await stopped
    },
    async close(): Promise<void> {
      await this.end()
      await rooms.stop()
      await system.stop()
      bus.stop()
    },
  }
}

const stores = new Map<string, { log: Log; close(): Promise<unknown> }>()
afterAll(async () => {
  for (const { close } of stores.values()) await close()
})

/** The log in `kind`, one for all its tours. */
async function logIn(kind: 'redis' | 'sqlite'): Promise<Log> {
  const known = stores.get(kind)
  if (known !== undefined) return known.log
  const backing = await backings[kind]()
  const { log, close } = await backing.connect()
  stores.set(kind, { log, close: async () => { await close(); await backing.close() } })
  return log
}

/** What is asked of the log and the handler; timers are seen by their events, the end of a handler's attempt in `unaware`. */
const seen = ['handle', 'acknowledge', 'commit', 'bury', 'attempt']
const told = (commands: readonly Command[]): string => commands.filter(({ type }) => seen.includes(type)).map(({ type, params }) => `${type} ${type === 'handle' ? params.attempt : ''}`).join()

it.each((['redis', 'sqlite'] as const).flatMap((kind) => ([
  ['a new entry', { attempt: 1, resumed: false, maxAttempts: 2 }],
  ['an entry held before', { attempt: 1, resumed: true, maxAttempts: 2 }],
  ['an entry tried too often', { attempt: 2, resumed: true, maxAttempts: 2 }],
] as const).map(([what, input]) => [what, kind, input] as const)))('a real reader does what the room-consumer machine does with %s, along every transition, on %s', { timeout: 120_000 }, async (_what, kind, input) => {
  const real = await world(await logIn(kind), input)
  const listen = (message: unknown): void => {
    if ((message as Transition).machine === roomConsumerMachine.id) real.listen(message)
  }
  transitions.subscribe(listen)
  const result = await conform(roomConsumerMachine, real, {
    events, key,
    input: { ...input, retry },
    state: ({ value, context }) => ({
      value, attempt: context.attempt, unaware: 0,
      pending: value === 'committed' || value === 'buried' ? 0 : 1, dead: value === 'buried' ? 1 : 0,
    }),
    commands: (expected, actual) => told(expected) === told(actual),
  }).finally(async () => {
    transitions.unsubscribe(listen)
    await real.close()
  })
  expect(result.failure && [result.failure.message, ...result.failure.path.map(({ event }) => JSON.stringify(event))]).toBeUndefined()
  expect(result).toMatchObject({ ok: true })
  expect(result.covered).toBe(result.transitions)
})
