import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RoomMessage, Truncated } from '../../actors/room/types.ts'
import { entrySequence, type Log } from '../../src/store/ports.ts'
import { backings, collector, createNode, gate, type Backing, type Node, type NodeOptions } from './fixture.ts'

/** What rooms do, over one kind of store. */
export function roomsBehaviour(kind: keyof typeof backings): void {
  describe(`rooms on ${kind}`, () => {
    let backing: Backing
    let store: { log: Log; close(): Promise<void> }
    const nodes: Node[] = []
    const stores: { close(): Promise<void> }[] = []
    let count = 0

    beforeAll(async () => {
      backing = await backings[kind]()
      store = await backing.connect()
    })
    afterEach(async () => {
      await Promise.all(nodes.splice(0).map((node) => node.stop()))
      await Promise.all(stores.splice(0).map((each) => each.close()))
    })
    afterAll(async () => {
      await store.close()
      await backing.close()
    })

    const node = (options: Partial<NodeOptions> = {}): Node => {
      const created = createNode({ log: store.log, ...options })
      nodes.push(created)
      return created
    }
    /** A node with a connection of its own. */
    const otherNode = async (options: Partial<NodeOptions> = {}): Promise<Node> => {
      const connected = await backing.connect()
      stores.push(connected)
      return node({ log: connected.log, name: 'n2', ...options })
    }
    const name = (): string => `room-${++count}`
    const text = (message: RoomMessage): string => message.data.text

    describe('post and history', () => {
      it('stores what it is given, once per id', async () => {
        const room = await node().rooms.open(name(), { as: 'ada' })
        const first = await room.post('text', { text: 'hello' }, { id: 'one', subject: 's', correlationid: 'c', causationid: 'k' })
        expect(first).toEqual({ id: 'one', entry: expect.stringMatching(/-1$/), duplicate: false })
        expect(await room.post('text', { text: 'again' }, { id: 'one' })).toEqual({ ...first, duplicate: true })
        await room.post('test.task', { n: 1 }, { as: 'bo' })
        const { messages, next } = await room.history()
        expect(messages).toMatchObject([
          { id: 'one', type: 'text', source: 'ada', subject: 's', correlationid: 'c', causationid: 'k', data: { text: 'hello' }, entry: first.entry },
          { type: 'test.task', source: 'bo', data: { n: 1 } },
        ])
        expect(next).toBeUndefined()
      })

      it('posts many at once, in order, all checked before any is stored', async () => {
        const room = await node().rooms.open(name(), { quotaBytes: 20_000 })
        const seen = collector<number>()
        await room.join('ada', (message) => seen.add(message.data.n))
        const results = await room.postMany(Array.from({ length: 50 }, (_, n) => ({ type: 'test.task', data: { n }, id: `m${n % 49}`, as: 'bo' })))
        expect(results.map(({ entry }) => entrySequence(entry!))).toEqual([...Array.from({ length: 49 }, (_, n) => n + 1), 1])
        expect(results.map(({ duplicate }) => duplicate).indexOf(true)).toBe(49)
        expect(await seen.reached(49)).toEqual(Array.from({ length: 49 }, (_, n) => n))
        await expect(room.postMany([{ type: 'test.task', data: { n: 1 } }, { type: 'test.task', data: { n: 'x' } }])).rejects.toMatchObject({ code: 'invalid_message' })
        await expect(room.postMany([{ type: 'text', data: { text: 'x'.repeat(30_000) } }])).rejects.toMatchObject({ code: 'room_full' })
        expect((await room.history()).messages).toHaveLength(49)
        expect(await room.postMany([])).toEqual([])
      })

      it('pages forwards and backwards', async () => {
        const room = await node().rooms.open(name())
        for (let n = 0; n < 5; n++) await room.post('test.task', { n })
        const pages: number[][] = []
        for (let after: string | undefined, more = true; more;) {
          const page = await room.history({ after, limit: 2 })
          pages.push(page.messages.map((message) => message.data.n))
          more = page.next !== undefined
          after = page.next
        }
        expect(pages).toEqual([[0, 1], [2, 3], [4]])
        const last = await room.history({ reverse: true, limit: 2 })
        expect(last.messages.map((message) => message.data.n)).toEqual([4, 3])
        expect((await room.history({ before: last.next, reverse: true })).messages.map((message) => message.data.n)).toEqual([2, 1, 0])
      })

      it('refuses what is unknown, wrong or too large, and says what', async () => {
        const room = await node({ limits: { messageBytes: 1000 } }).rooms.open(name())
        await expect(room.post('txet', { text: 'x' })).rejects.toThrow(/unknown message type "txet".*"text"/)
        await expect(room.post('text', { text: 1 })).rejects.toMatchObject({ code: 'invalid_message', field: 'text' })
        await expect(room.post('text', { text: 'x'.repeat(1000) })).rejects.toMatchObject({ code: 'message_too_large', limit: 1000 })
        await expect(room.post('text', { text: '漢'.repeat(320) })).rejects.toMatchObject({ code: 'message_too_large' })
        await expect(room.post('text', { text: 'x' }, { id: '' })).rejects.toMatchObject({ code: 'invalid_argument', field: 'id' })
        expect((await room.history()).messages).toEqual([])
      })

      it('refuses a post over the byte quota with RoomFull', async () => {
        const room = await node().rooms.open(name(), { quotaBytes: 500 })
        await room.post('text', { text: 'x'.repeat(200) })
        await expect(room.post('text', { text: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'room_full', retryable: true, quota: 500 })
      })

      it('tells the bus', async () => {
        const { rooms, bus } = node()
        const posted = collector<unknown>()
        bus.on('room.posted').subscribe((envelope) => posted.add(envelope.data))
        bus.on('room.opened').subscribe((envelope) => posted.add(envelope.data))
        const room = await rooms.open(name())
        const { id, entry } = await room.post('text', { text: 'hi' }, { as: 'ada' })
        await room.post('text', { text: 'hi' }, { as: 'ada', id })
        expect(posted.values).toEqual([{ room: room.name, visibility: 'public' }, { room: room.name, entry, id, type: 'text', source: 'ada' }])
      })
    })

    it('tells the bus of every node what is posted on any, once, and nothing of private rooms', async () => {
      const [here, there] = [node(), await otherNode()]
      const room = await here.rooms.open(name())
      const secret = await here.rooms.open(name(), { visibility: 'private', as: 'ada' })
      const remote = await there.rooms.open(room.name)
      const told = [here, there].map((each) => {
        const ids = collector<string>()
        each.bus.on('room.posted').subscribe(({ data }) => ids.add(data.id))
        return ids
      })
      await secret.post('text', { text: 'psst' })
      await remote.post('test.task', { n: -1 }, { id: 'first' })
      await Promise.all(told.map((ids) => ids.reached(1)))
      const posts = Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? remote : room).post('test.task', { n }, { id: `p${n}` }))
      await Promise.all(posts)
      await room.post('test.task', { n: 60 }, { id: 'p60' })
      for (const ids of told) {
        await ids.reached(62)
        expect(ids.values).toHaveLength(62)
        expect(new Set(ids.values).size).toBe(62)
      }
    })

    describe('visibility', () => {
      it('lets only members use a members room, which is listed', async () => {
        const { rooms } = node()
        const room = await rooms.open(name(), { visibility: 'members', members: ['ada', 'bo'] })
        await expect(room.post('text', { text: 'x' })).rejects.toMatchObject({ code: 'room_forbidden' })
        await expect(room.post('text', { text: 'x' }, { as: 'eve' })).rejects.toThrow(/"eve" may not post to/)
        await expect(room.history({ as: 'eve' })).rejects.toMatchObject({ code: 'room_forbidden' })
        await expect(room.join('eve', () => {})).rejects.toMatchObject({ code: 'room_forbidden' })
        await expect(room.work('eve', () => {})).rejects.toMatchObject({ code: 'room_forbidden' })
        for (const forbidden of [room.info(), room.deadLetters(), room.pending('g'), room.replay(), room.configure({ cap: 1 })]) {
          await expect(forbidden).rejects.toMatchObject({ code: 'room_forbidden' })
        }
        await room.post('text', { text: 'x' }, { as: 'bo' })
        expect((await room.history({ as: 'ada' })).messages).toHaveLength(1)
        expect(await rooms.list()).toContainEqual({ name: room.name, visibility: 'members' })
      })

      it('hides a private room from everyone else', async () => {
        const { rooms, bus } = node()
        const told = collector<unknown>()
        bus.all().subscribe((envelope) => told.add(envelope))
        const secret = await rooms.open(name(), { visibility: 'private', as: 'ada', members: ['bo'] })
        await secret.post('text', { text: 'psst' })
        for (const as of [undefined, 'eve']) {
          await expect(rooms.open(secret.name, { as })).rejects.toMatchObject({ code: 'room_unknown' })
          await expect(rooms.open(secret.name, { as, visibility: 'public', cap: 5 })).rejects.toMatchObject({ code: 'room_unknown' })
        }
        await expect(secret.post('text', { text: 'x' }, { as: 'eve' })).rejects.toMatchObject({ code: 'room_unknown' })
        expect((await rooms.list({ as: 'eve' })).map((room) => room.name)).not.toContain(secret.name)
        expect((await rooms.list({ as: 'bo' })).map((room) => room.name)).toContain(secret.name)
        const theirs = await rooms.open(secret.name, { as: 'bo' })
        expect((await theirs.history()).messages).toMatchObject([{ data: { text: 'psst' } }])
        expect(told.values).toEqual([])
      })

      it('checks the rights of effects too', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const secret = await rooms.open(name(), { visibility: 'private', members: ['ada'] })
        const failures = collector<unknown>()
        await room.join('eve', (_, ctx) => ctx.commit({ posts: [{ room: secret.name, type: 'text', data: { text: 'x' } }] }).catch((error: unknown) => failures.add(error)))
        await room.post('text', { text: 'go' })
        expect(await failures.reached(1)).toMatchObject([{ code: 'room_unknown' }])
        expect((await secret.history({ as: 'ada' })).messages).toEqual([])
      })

      it('refuses options that contradict what is stored, naming the field', async () => {
        const { rooms } = node()
        const room = await rooms.open(name(), { cap: 100 })
        await expect(rooms.open(room.name, { cap: 200 })).rejects.toMatchObject({ code: 'room_conflict', field: 'cap' })
        await expect(rooms.open(room.name, { visibility: 'members', as: 'a' })).rejects.toMatchObject({ code: 'room_conflict', field: 'visibility' })
        await expect(rooms.open(name(), { visibility: 'private' })).rejects.toMatchObject({ code: 'invalid_argument', field: 'members' })
        await expect(rooms.open('', {})).rejects.toMatchObject({ code: 'invalid_argument', field: 'name' })
        await expect(rooms.open(name(), { cap: 0 })).rejects.toMatchObject({ code: 'invalid_argument', field: 'cap' })
        await expect(rooms.open(name(), { visibility: 'secret' as never })).rejects.toMatchObject({ code: 'invalid_argument', field: 'visibility' })
      })

      it('takes new members in, for every node', async () => {
        const here = node()
        const there = await otherNode()
        const room = await here.rooms.open(name(), { visibility: 'members', as: 'ada' })
        await room.configure({ members: ['bo'], cap: 50 })
        await room.post('text', { text: 'hi' }, { as: 'bo' })
        const remote = await there.rooms.open(room.name, { as: 'bo' })
        expect(remote.members).toEqual(['ada', 'bo'])
        expect((await remote.info()).config.cap).toBe(50)
      })
    })

    describe('join', () => {
      it('gives every member every message in order', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        await room.post('text', { text: 'before' })
        const [ada, bo] = [collector<string>(), collector<string>()]
        await room.join('ada', (message) => ada.add(text(message)), { from: 'start' })
        await room.join('bo', async (message) => {
          await Promise.resolve()
          bo.add(text(message))
        })
        for (let index = 0; index < 200; index++) void room.post('text', { text: `m${index}` })
        const expected = Array.from({ length: 200 }, (_, index) => `m${index}`)
        expect(await ada.reached(201)).toEqual(['before', ...expected])
        expect(await bo.reached(200)).toEqual(expected)
      })

      it('waits for an asynchronous handler before the next message', async () => {
        const room = await node().rooms.open(name())
        const trace = collector<string>()
        await room.join('ada', async (message) => {
          trace.add(`+${text(message)}`)
          await new Promise((resolve) => setImmediate(resolve))
          trace.add(`-${text(message)}`)
        })
        for (const word of ['a', 'b', 'c']) void room.post('text', { text: word })
        expect(await trace.reached(6)).toEqual(['+a', '-a', '+b', '-b', '+c', '-c'])
      })

      it('goes on at its cursor after a restart, also past messages its filter left out', async () => {
        const first = node()
        const room = await first.rooms.open(name())
        const seen = collector<number>()
        const member = await room.join('ada', (message) => seen.add(message.data.n), { from: 'start', filter: (message) => message.data.n % 10 === 0 })
        let last: string | undefined
        for (let n = 1; n <= 25; n++) last = (await room.post('test.task', { n })).entry
        expect(await seen.reached(2)).toEqual([10, 20])
        await expect.poll(() => member.cursor).toBe(last)
        await member.stop()
        await member.stop()

        await room.post('test.task', { n: 26 })
        const again = await room.join('ada', (message) => seen.add(message.data.n), { from: 'start' })
        expect(again.cursor).toBe(last)
        expect(await seen.reached(3)).toEqual([10, 20, 26])
      })

      it('refuses the same member twice on a node, and takes it again after it left', async () => {
        const room = await node().rooms.open(name())
        const membership = await room.join('ada', () => {})
        await expect(room.join('ada', () => {})).rejects.toMatchObject({ code: 'invalid_argument', field: 'member' })
        await membership.stop()
        await room.join('ada', () => {})
      })

      it('tries a failing message again, then sets it aside and goes on', async () => {
        const { rooms, bus } = node()
        const room = await rooms.open(name())
        const dead = collector<unknown>()
        bus.on('room.dead-lettered').subscribe((envelope) => dead.add(envelope.data))
        const attempts: number[] = []
        const seen = collector<string>()
        await room.join('ada', (message, ctx) => {
          if (text(message) === 'poison') {
            attempts.push(ctx.attempt)
            throw new Error('cannot stomach it')
          }
          seen.add(text(message))
        }, { maxAttempts: 3 })
        for (const word of ['a', 'poison', 'b']) await room.post('text', { text: word })
        expect(await seen.reached(2)).toEqual(['a', 'b'])
        expect(attempts).toEqual([1, 2, 3])
        expect(await room.deadLetters()).toMatchObject([{ group: 'ada', reason: 'cannot stomach it', attempts: 3 }])
        expect(dead.values).toMatchObject([{ room: room.name, group: 'ada', attempts: 3 }])
      })

      it('tells a member that the cap overtook it, with the exact count', async () => {
        const { rooms, bus } = node()
        const room = await rooms.open(name(), { cap: 50 })
        const hold = gate()
        const seen = collector<number>()
        const truncated = collector<Truncated>()
        const told = collector<unknown>()
        bus.on('room.truncated').subscribe((envelope) => told.add(envelope.data))
        await room.join('ada', async (message) => {
          seen.add(message.data.n)
          await hold.promise
        }, { onTruncated: truncated.add })
        for (let n = 1; n <= 800; n++) void room.post('test.task', { n })
        await room.post('test.task', { n: 801 })
        await seen.reached(1)
        hold.open()
        await expect.poll(() => seen.values.at(-1), { timeout: 10_000 }).toBe(801)
        const missed = truncated.values.reduce((sum, { count }) => sum + count, 0)
        expect(missed).toBeGreaterThan(0)
        expect(seen.values.length + missed).toBe(801)
        expect([...seen.values].sort((a, b) => a - b)).toEqual(seen.values)
        for (const { from, to, count } of truncated.values) expect(entrySequence(to) - entrySequence(from) - 1).toBe(count)
        expect(told.values).toEqual(truncated.values)
      })

      it('applies effects of a member once, with its cursor', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const out = await rooms.open(name())
        const keys = new Set<string>()
        let failures = 0
        await room.join('ada', async (message, ctx) => {
          keys.add(ctx.effectKey)
          const sum = ((await ctx.record('sum')) as number | undefined) ?? 0
          const { posted } = await ctx.commit({ posts: [{ room: out.name, type: 'test.task', data: { n: message.data.n } }], records: [{ key: 'sum', value: sum + message.data.n }] })
          expect(posted).toHaveLength(1)
          if (failures++ < 3) throw new Error('after the commit, which stands')
        }, { from: 'start' })
        for (let n = 1; n <= 10; n++) await room.post('test.task', { n })
        await expect.poll(() => store.log.record(room.name, 'sum')).toBe(55)
        const { messages } = await out.history()
        expect(messages.map((message) => message.data.n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        expect(messages[0]).toMatchObject({ source: 'ada', id: `${[...keys][0]}:0`, causationid: expect.any(String) })
        expect(keys.size).toBe(10)
      })

      it('reaches a member on another node', async () => {
        const here = node()
        const there = await otherNode()
        const room = await here.rooms.open(name())
        const seen = collector<string>()
        await (await there.rooms.open(room.name)).join('bo', (message) => seen.add(text(message)))
        await room.post('text', { text: 'over there' })
        expect(await seen.reached(1)).toEqual(['over there'])
      })
    })

    describe('work', () => {
      it('gives each message to one worker of two nodes', async () => {
        const here = node()
        const there = await otherNode()
        const room = await here.rooms.open(name())
        const remote = await there.rooms.open(room.name)
        const seen = collector<number>()
        const handler = async (message: RoomMessage): Promise<void> => {
          await Promise.resolve()
          seen.add(message.data.n)
        }
        await room.work('g', handler, { concurrency: 5 })
        await room.work('g', handler)
        await remote.work('g', handler, { concurrency: 5 })
        await Promise.all(Array.from({ length: 300 }, (_, n) => room.post('test.task', { n })))
        await seen.reached(300)
        await expect.poll(async () => (await room.pending('g')).length).toBe(0)
        expect(seen.values).toHaveLength(300)
        expect(new Set(seen.values).size).toBe(300)
      })

      it('runs as many handlers at a time as it is told', async () => {
        const room = await node().rooms.open(name())
        let running = 0
        let most = 0
        const done = collector<number>()
        await room.work('g', async (message) => {
          most = Math.max(most, ++running)
          await new Promise((resolve) => setImmediate(resolve))
          running--
          done.add(message.data.n)
        }, { concurrency: 4 })
        await Promise.all(Array.from({ length: 40 }, (_, n) => room.post('test.task', { n })))
        await done.reached(40)
        expect(most).toBe(4)
      })

      it('skips what the filter leaves out, acknowledged', async () => {
        const room = await node().rooms.open(name())
        const seen = collector<number>()
        await room.work('g', (message) => seen.add(message.data.n), { filter: (message) => message.data.n > 5 })
        for (let n = 0; n < 10; n++) await room.post('test.task', { n })
        expect(await seen.reached(4)).toEqual([6, 7, 8, 9])
        await expect.poll(async () => (await room.pending('g')).length).toBe(0)
      })

      it('treats a throw, a rejection and a missed deadline alike: again, then dead letters; poison blocks nobody', async () => {
        const { rooms, bus } = node()
        const room = await rooms.open(name())
        const tries: Record<string, number[]> = {}
        const aborted = collector<unknown>()
        const good = collector<string>()
        const dead = collector<unknown>()
        bus.on('room.dead-lettered').subscribe((envelope) => dead.add(envelope.data))
        await room.work('g', (message, ctx) => {
          const word = text(message)
          ;(tries[word] ??= []).push(ctx.attempt)
          if (word === 'throws') throw new Error('thrown')
          if (word === 'rejects') return Promise.reject(new Error('rejected'))
          if (word === 'hangs') {
            ctx.signal.addEventListener('abort', () => aborted.add(ctx.signal.reason))
            return new Promise(() => {})
          }
          good.add(word)
          return undefined
        }, { maxAttempts: 2, deadlineMs: 20 })
        for (const word of ['throws', 'rejects', 'hangs', 'fine']) await room.post('text', { text: word })
        expect(await good.reached(1)).toEqual(['fine'])
        await dead.reached(3)
        expect(tries).toEqual({ throws: [1, 2], rejects: [1, 2], hangs: [1, 2], fine: [1] })
        expect(aborted.values).toMatchObject([{ code: 'handler_timeout' }, { code: 'handler_timeout' }])
        const letters = await room.deadLetters()
        expect(letters.map(({ group, reason, attempts }) => [group, reason.slice(0, 8), attempts]).sort()).toEqual([['g', '"room:ro', 2], ['g', 'rejected', 2], ['g', 'thrown', 2]])
        await expect.poll(async () => (await room.pending('g')).length).toBe(0)

        await room.work('g', (message) => good.add(`replayed ${text(message)}`), { consumer: 'late', filter: (message) => text(message) !== 'hangs' })
        expect(await room.replay([letters[0]!.entry])).toBe(1)
        expect(await room.deadLetters()).toHaveLength(2)
      })

      it('replays dead letters to a worker that can handle them now', async () => {
        const room = await node().rooms.open(name())
        let broken = true
        const good = collector<string>()
        const dead = gate()
        await room.work('g', (message) => {
          if (broken) throw new Error('not yet')
          good.add(text(message))
        }, { maxAttempts: 1 })
        await room.post('text', { text: 'a' })
        await room.post('text', { text: 'b' })
        await expect.poll(async () => (await room.deadLetters()).length).toBe(2)
        dead.open()
        broken = false
        expect(await room.replay()).toBe(2)
        expect(await good.reached(2)).toEqual(['a', 'b'])
        expect(await room.deadLetters()).toEqual([])
      })

      it('applies effects once, and refuses a second commit and one after the deadline', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const out = await rooms.open(name())
        const errors = collector<unknown>()
        const zombie = gate()
        await room.work('g', async (message, ctx) => {
          if (message.data.n === 2 && ctx.attempt === 1) {
            await zombie.promise
            await ctx.commit({ posts: [{ room: out.name, type: 'test.task', data: { n: -2 } }] }).catch((error: unknown) => errors.add(error))
            return
          }
          await ctx.commit({ posts: [{ room: out.name, type: 'test.task', data: message.data }], records: [{ key: `n${message.data.n}`, value: true }] })
          if (message.data.n === 1) await ctx.commit().catch((error: unknown) => errors.add(error))
          else zombie.open()
        }, { concurrency: 2, deadlineMs: 100 })
        await room.post('test.task', { n: 1 })
        expect(await errors.reached(1)).toMatchObject([{ code: 'invalid_argument', field: 'commit' }])
        await room.post('test.task', { n: 2 })
        expect((await errors.reached(2))[1]).toMatchObject({ code: expect.stringMatching(/stale_owner|invalid_argument/) })
        expect((await out.history()).messages.map((message) => message.data.n)).toEqual([1, 2])
        expect(await store.log.record(room.name, 'n2')).toBe(true)
      })

      it('lets the handler decide when an effect is refused', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const small = await rooms.open(name(), { quotaBytes: 10 })
        const errors = collector<unknown>()
        await room.work('catches', async (_, ctx) => {
          await ctx.commit({ posts: [{ room: small.name, type: 'text', data: { text: 'too much' } }] }).catch((error: unknown) => errors.add(error))
          await ctx.commit({ records: [{ key: 'instead', value: 1 }] })
        })
        await room.work('throws', (_, ctx) => ctx.commit({ posts: [{ room: small.name, type: 'text', data: { text: 'too much' } }] }), { maxAttempts: 2 })
        await room.post('text', { text: 'go' })
        expect(await errors.reached(1)).toMatchObject([{ code: 'room_full', room: small.name }])
        await expect.poll(() => store.log.record(room.name, 'instead')).toBe(1)
        await expect.poll(() => room.deadLetters()).toMatchObject([{ group: 'throws', attempts: 2 }])
        expect((await small.history()).messages).toEqual([])
      })

      it('finishes what is running when it stops, and leaves the rest to the next', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const started = collector<number>()
        const hold = gate()
        const first = await room.work('g', async (message) => {
          started.add(message.data.n)
          await hold.promise
        })
        for (let n = 0; n < 3; n++) await room.post('test.task', { n })
        await started.reached(1)
        const stopping = first.stop()
        hold.open()
        await stopping
        expect(await room.pending('g')).toEqual([])
        const rest = collector<number>()
        await room.work('g', (message) => rest.add(message.data.n))
        expect(await rest.reached(2)).toEqual([1, 2])
        expect(started.values).toEqual([0])
      })

      it('gives up a handler that does not end in time; its entry stays pending and is handled by the next life', async () => {
        const { rooms } = node()
        const room = await rooms.open(name())
        const started = collector<AbortSignal>()
        const first = await room.work('g', (_, ctx) => {
          started.add(ctx.signal)
          return new Promise(() => {})
        })
        await room.post('text', { text: 'long' })
        await started.reached(1)
        await first.stop({ drainMs: 10 })
        expect(started.values[0]!.aborted).toBe(true)
        expect(await room.pending('g')).toMatchObject([{ attempt: 1 }])
        const attempts = collector<number>()
        await room.work('g', (_, ctx) => attempts.add(ctx.attempt))
        expect(await attempts.reached(1)).toEqual([2])
      })

      it('takes over what a dead node held, and buries what kills its consumers', async () => {
        const dying = await otherNode({ limits: { takeOverMs: 60 } })
        const room = await dying.rooms.open(name())
        const started = collector<string>()
        await room.work('g', (message) => {
          started.add(text(message))
          return new Promise(() => {})
        }, { concurrency: 2 })
        await room.post('text', { text: 'a' })
        await room.post('text', { text: 'b' })
        await started.reached(2)
        // Its process is gone: nothing extends or settles any more.
        await dying.system.stop({ graceMs: 0 })
        const alive = node({ limits: { takeOverMs: 60 } })
        const seen = collector<string>()
        await (await alive.rooms.open(room.name)).work('g', (message, ctx) => seen.add(`${text(message)}${ctx.attempt}`))
        expect((await seen.reached(2)).sort()).toEqual(['a2', 'b2'])
      })

      it('keeps its entries while it works on them, however long', async () => {
        const slow = node({ limits: { takeOverMs: 60 } })
        const eager = await otherNode({ limits: { takeOverMs: 60 } })
        const room = await slow.rooms.open(name())
        const hold = gate()
        const seen = collector<string>()
        await room.work('g', async (message) => {
          seen.add(`slow ${text(message)}`)
          await hold.promise
        })
        await room.post('text', { text: 'a' })
        await seen.reached(1)
        await (await eager.rooms.open(room.name)).work('g', (message) => seen.add(`eager ${text(message)}`))
        await new Promise((resolve) => setTimeout(resolve, 300))
        hold.open()
        await expect.poll(async () => (await room.pending('g')).length).toBe(0)
        expect(seen.values).toEqual(['slow a'])
      })

      it('restarts a reader that crashes, which first drains what it owned', async () => {
        const broken = { ...store.log }
        let crash = false
        const log = new Proxy(store.log, {
          get: (target, key) => {
            const value = Reflect.get(target, key) as unknown
            if (key === 'take' && crash) {
              return async () => {
                crash = false
                throw new TypeError('a defect')
              }
            }
            return typeof value === 'function' ? value.bind(target) : value
          },
        })
        expect(Object.keys(broken).length).toBeGreaterThan(0)
        const { rooms, events } = node({ log })
        const room = await rooms.open(name())
        const seen = collector<string>()
        const hold = gate()
        await room.work('g', async (message, ctx) => {
          seen.add(`${text(message)}${ctx.attempt}`)
          if (ctx.attempt === 1 && text(message) === 'a') await hold.promise
        }, { concurrency: 2 })
        await room.post('text', { text: 'a' })
        await seen.reached(1)
        crash = true
        await room.post('text', { text: 'b' })
        expect((await seen.reached(3)).slice(1).sort()).toEqual(['a2', 'b1'])
        expect(events.filter((event) => event.type === 'actor.restarted')).toHaveLength(1)
        hold.open()
        await expect.poll(async () => (await room.pending('g')).length).toBe(0)
      })
    })

    it('opens and closes harmlessly, twice and after the end', async () => {
      const { rooms } = node()
      const room = await rooms.open(name())
      await room.work('g', () => {})
      await room.close()
      await room.close()
      await expect(room.work('g', () => {})).rejects.toMatchObject({ code: 'invalid_argument' })
      await rooms.stop()
      await rooms.stop()
      await expect(rooms.open(name())).rejects.toMatchObject({ code: 'cancelled' })
    })
  })
}
