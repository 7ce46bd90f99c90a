import { RoomUnknown } from '../../kernel/errors.ts'
import { firstEntryId, type Delivery, type Log, type Owner, type PendingEntry } from '../ports.ts'
import type { Backend } from './link.ts'
import { ownerFields } from './owner.ts'
import type { ScriptName } from './scripts.ts'

type Work = Pick<Log, 'openGroup' | 'take' | 'owned' | 'takeOver' | 'retry' | 'extend' | 'bury' | 'pending'>

/** Most entries one script hands over. */
const maxTaken = 1_000

export function createWork(backend: Backend): Work {
  const { keys } = backend

  async function run(script: ScriptName, room: string, group: string, owner: Owner, args: readonly (string | number)[], more: readonly string[] = []): Promise<unknown> {
    const { fenceField, triesPrefix } = ownerFields(group, owner)
    return inGroup(room, () => backend.run(script, [keys.room(room), keys.roomFences(room), keys.roomTries(room), ...more],
      [group, owner.name, owner.fence, fenceField, triesPrefix, ...args]))
  }

  return {
    async openGroup(room, group, from) {
      const known = await backend.read((client) => client.exists(keys.roomAbout(room)))
      if (known === 0) throw new RoomUnknown(room)
      try {
        await backend.write((client) => client.xgroup('CREATE', keys.room(room), group, from === 'end' ? '$' : from, 'MKSTREAM'))
      } catch (error) {
        if (!String(error).includes('BUSYGROUP')) throw error
      }
    },
    async take(room, group, owner, count) {
      const flat = (await run('take', room, group, owner, [Math.min(count, maxTaken)])) as string[]
      const deliveries: Delivery[] = []
      for (let at = 0; at < flat.length; at += 3) deliveries.push({ entry: flat[at]!, messageId: flat[at + 1]!, body: flat[at + 2]!, attempt: 1 })
      return deliveries
    },
    async owned(room, group, owner, { after = firstEntryId, count }) {
      return readDeliveries(await run('owned', room, group, owner, [after, Math.min(count, maxTaken)]))
    },
    async takeOver(room, group, owner, { minIdleMs, count }) {
      return readDeliveries(await run('takeover', room, group, owner, [Math.ceil(minIdleMs), Math.min(count, maxTaken)]))
    },
    async retry(room, group, owner, entry) {
      return ((await run('retry', room, group, owner, [entry])) as number | null) ?? undefined
    },
    async extend(room, group, owner, entries) {
      const still: string[] = []
      for (let from = 0; from < entries.length; from += maxTaken) {
        still.push(...((await run('extend', room, group, owner, entries.slice(from, from + maxTaken))) as string[]))
      }
      return still
    },
    async bury(room, group, owner, entry, reason) {
      return (await run('bury', room, group, owner, [entry, reason], [keys.roomDead(room), keys.roomAbout(room)])) === 1
    },
    async pending(room, group, { after = firstEntryId, count = 100 } = {}) {
      const rows = (await inGroup(room, () => backend.read((client) => client.xpending(keys.room(room), group, `(${after}`, '+', count)))) as [string, string, number, number][]
      if (rows.length === 0) return []
      const { triesPrefix } = ownerFields(group, { name: '', fence: 0 })
      const tries = await backend.read((client) => client.hmget(keys.roomTries(room), ...rows.map(([entry]) => triesPrefix + entry)))
      return rows.map(([entry, owner, idleMs], index): PendingEntry => ({ entry, owner, idleMs, attempt: Number(tries[index] ?? 1) }))
    },
  }
}

async function inGroup<Result>(room: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (String(error).includes('NOGROUP')) throw new RoomUnknown(room)
    throw error
  }
}

function readDeliveries(reply: unknown): Delivery[] {
  const flat = reply as string[]
  const deliveries: Delivery[] = []
  for (let at = 0; at < flat.length; at += 4) deliveries.push({ entry: flat[at]!, messageId: flat[at + 1]!, body: flat[at + 2]!, attempt: Number(flat[at + 3]) })
  return deliveries
}
