import { RoomUnknown } from '../../kernel/errors.ts'
import { slotGroupOf, slotGroups } from '../keys.ts'
import { firstEntryId, type Log, type LogConfig } from '../ports.ts'
import { masters } from './clients.ts'
import type { Backend } from './link.ts'

type Rooms = Pick<Log, 'open' | 'configure' | 'info' | 'list' | 'remove' | 'openCursor' | 'record' | 'range'>

export function createRooms(backend: Backend): Rooms {
  const { keys } = backend

  const openWith = async (run: Backend['run'], room: string, config: LogConfig): Promise<[number, string, string, string, string]> =>
    (await run('open', [keys.roomAbout(room), keys.roomsNames(slotGroupOf(room))],
      [room, config.cap, config.quotaBytes, config.dedupeMs, JSON.stringify(config.meta ?? null)])) as [number, string, string, string, string]

  return {
    async open(room, config) {
      const [created, ...stored] = await openWith(backend.run, room, config)
      if (created === 1) backend.recent.keep(500, async () => void (await openWith(backend.runUnchecked, room, config)))
      return { config: readConfig(stored), created: created === 1 }
    },
    async configure(room, config) {
      const done = await backend.run('configure', [keys.roomAbout(room), keys.roomIds(room, 0), keys.roomIds(room, 1)],
        [config.cap, config.quotaBytes, config.dedupeMs, JSON.stringify(config.meta ?? null)])
      if (done !== 1) throw new RoomUnknown(room)
    },
    async info(room) {
      const stream = keys.room(room)
      const [about, entries, first, groups, cursors, dead, last] = await backend.read((client) => Promise.all([
        client.hmget(keys.roomAbout(room), 'cap', 'quota', 'dedupe', 'meta', 'total', 'base'),
        client.xlen(stream),
        client.xrange(stream, '-', '+', 'COUNT', 1),
        client.exists(stream).then((there) => (there === 0 ? [] : (client.xinfo('GROUPS', stream) as Promise<unknown[][]>))),
        client.hgetall(keys.roomCursors(room)),
        client.xlen(keys.roomDead(room)),
        client.hget(keys.roomsLast(slotGroupOf(room)), room),
      ]))
      if (about[0] === null) return undefined
      return {
        room,
        config: readConfig(about as string[]),
        entries,
        bytes: Number(about[4] ?? 0) - Number(about[5] ?? 0),
        first: first[0]?.[0],
        last: entries === 0 ? undefined : last ?? undefined,
        groups: groups.map((group) => ({ group: String(group[1]), pending: Number(group[5]), lastDelivered: String(group[7]) })),
        members: Object.entries(cursors).map(([member, cursor]) => ({ member, cursor: cursor.split(' ')[0] as string })),
        dead,
      }
    },
    async list({ after, limit } = {}) {
      const from = after === undefined ? '-' : `(${after}`
      const pages = await backend.read((client) => Promise.all(Array.from({ length: slotGroups }, (_, group) =>
        limit === undefined
          ? client.zrangebylex(keys.roomsNames(group), from, '+')
          : client.zrangebylex(keys.roomsNames(group), from, '+', 'LIMIT', 0, limit))))
      return pages.flat().sort(byBytes).slice(0, limit)
    },
    async remove(room) {
      const group = slotGroupOf(room)
      const own = [keys.room(room), keys.roomAbout(room), keys.roomIds(room, 0), keys.roomIds(room, 1), keys.roomFences(room), keys.roomTries(room),
        keys.roomCursors(room), keys.roomDead(room)]
      const records = await backend.read(async (client) => {
        const found: string[] = []
        for (const node of masters(client)) {
          let cursor = '0'
          do {
            const [next, page] = await node.scan(cursor, 'MATCH', `${escapeGlob(keys.roomRecord(room, ''))}*`, 'COUNT', 1_000)
            cursor = next
            found.push(...page)
          } while (cursor !== '0')
        }
        return found
      })
      await backend.write((client) => Promise.all([
        client.unlink(...own, ...records), client.hdel(keys.roomsLast(group), room), client.zrem(keys.roomsNames(group), room),
      ]))
    },
    async openCursor(room, member, owner, from) {
      const entry = await backend.run('cursor', [keys.roomCursors(room), keys.roomsLast(slotGroupOf(room)), keys.roomAbout(room)], [member, owner.fence, from, room])
      if (entry === null) throw new RoomUnknown(room)
      return entry as string
    },
    async record(room, key) {
      const json = await backend.read((client) => client.get(keys.roomRecord(room, key)))
      return json === null ? undefined : JSON.parse(json)
    },
    async range(room, { after, before, limit, reverse }) {
      const from = after === undefined || after === firstEntryId ? '-' : `(${after}`
      const to = before === undefined ? '+' : before === firstEntryId ? '0-0' : `(${before}`
      const stream = keys.room(room)
      const entries = await backend.read((client) => (reverse ? client.xrevrange(stream, to, from, 'COUNT', limit) : client.xrange(stream, from, to, 'COUNT', limit)))
      return entries.map(([entry, fields]) => ({ entry, messageId: fields[1]!, body: fields[3]! }))
    },
  }
}

function readConfig([cap, quota, dedupe, meta]: readonly string[]): LogConfig {
  return { cap: Number(cap), quotaBytes: Number(quota), dedupeMs: Number(dedupe), meta: JSON.parse(meta!) }
}

/** The order ZRANGEBYLEX pages by. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&')
}
