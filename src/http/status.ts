import type { Hive } from '../hive.ts'

export interface HiveStatus {
  node: string
  store: { kind: 'sqlite' | 'redis'; dataDir: string }
  nodes: { id: string; host: string; pid: number; holds: readonly string[]; health: string; http?: string; self: boolean }[]
  rooms: number
  conflicts: number
  health: unknown
}

const pageSize = 500

/** What `hivemind status` and `GET /status` tell. */
export async function readStatus(hive: Hive): Promise<HiveStatus> {
  const [nodes, conflicts, rooms] = await Promise.all([hive.nodes.list(), hive.conflicts.list(), countRooms(hive)])
  return {
    node: hive.node.id,
    store: { kind: hive.store.kind, dataDir: hive.config.dataDir },
    nodes: nodes.map(({ id, host, pid, holds, health, http, self }) => ({ id, host, pid, holds, health, ...(http !== undefined && { http }), self })),
    rooms, conflicts: conflicts.length, health: hive.health(),
  }
}

async function countRooms(hive: Hive): Promise<number> {
  let count = 0
  for (let after: string | undefined; ;) {
    const page = await hive.rooms.list({ limit: pageSize, ...(after !== undefined && { after }) })
    count += page.length
    if (page.length < pageSize) return count
    after = page.at(-1)?.name
  }
}
