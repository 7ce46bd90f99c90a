// Child process of processes.test.ts: does to a shared data folder what it is told, and says what was acknowledged.
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'

export type Order =
  | { kind: 'append'; room: string; messageId: string }
  /** Appends without end, many at once; every acknowledged id is told. */
  | { kind: 'flood'; room: string; prefix: string }
  | { kind: 'work'; room: string; group: string; count: number; owner: string }

export type Told = { kind: 'ready' } | { kind: 'acknowledged'; ids: string[]; at: number } | { kind: 'worked'; handled: string[] } | { kind: 'failed'; message: string }

const store = await openSqliteStore({ dataDir: process.argv[2]! })
const tell = (told: Told): void => void process.send!(told)
const body = JSON.stringify('x'.repeat(200))

async function append(room: string, ids: string[]): Promise<void> {
  const results = await store.log.append(ids.map((messageId) => ({ room, messageId, body })))
  tell({ kind: 'acknowledged', ids: ids.filter((_, index) => results[index]!.ok), at: Date.now() })
}

async function work(order: Order & { kind: 'work' }): Promise<string[]> {
  const owner = { name: order.owner, fence: 1 }
  const handled: string[] = []
  for (let idle = 0; idle < 200;) {
    const taken = await store.log.take(order.room, order.group, owner, 7)
    const results = await store.log.commit(taken.map(({ entry }) => ({ kind: 'work', room: order.room, group: order.group, owner, entry })))
    handled.push(...taken.filter((_, index) => results[index]!.ok).map(({ messageId }) => messageId))
    idle = taken.length === 0 ? idle + 1 : 0
    if ((await store.log.info(order.room))!.groups[0]!.lastDelivered.endsWith(`-${order.count}`) && taken.length === 0) break
  }
  return handled
}

process.on('message', (order: Order) => {
  const run = async (): Promise<void> => {
    if (order.kind === 'append') await append(order.room, [order.messageId])
    else if (order.kind === 'work') tell({ kind: 'worked', handled: await work(order) })
    else await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
      for (let index = 0; ; index += 3) await append(order.room, [0, 1, 2].map((step) => `${order.prefix}-${lane}-${index + step}`))
    }))
  }
  run().catch((error: unknown) => tell({ kind: 'failed', message: String(error) }))
})
process.on('disconnect', () => void store.close())
tell({ kind: 'ready' })
