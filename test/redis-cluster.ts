import { once } from 'node:events'
import { startRedisServer, type RedisServer } from './redis-server.ts'

export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** Seed node; the client finds the others. */
  readonly url: string
  stop(): Promise<void>
}

/** Three masters that share the 16,384 slots; settles when every node answers `cluster_state:ok`. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all([0, 1, 2].map(() => startRedisServer({ cluster: true, appendonly: false })))
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    const ranges = [[0, 5460], [5461, 10922], [10923, 16383]]
    await Promise.all(nodes.map((node, index) => node.command('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[index] as number[]).map(String))))
    await Promise.all(nodes.map((node, index) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))))
    const first = nodes[0] as RedisServer
    for (const node of nodes.slice(1)) {
      const busPort = /cluster-port (\d+)/.exec(String((await node.command('CONFIG', 'GET', 'cluster-port') as string[]).join(' ')))?.[1]
      await first.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port), busPort as string)
    }
    await Promise.all(nodes.map(untilJoined))
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, url: (nodes[0] as RedisServer).url, stop }
}

/** Asks until gossip has reached the node: a cluster has no event to wait for. */
async function untilJoined(node: RedisServer): Promise<void> {
  const client = node.client()
  try {
    for (let asked = 0; asked < 5_000; asked += 1) {
      const info = String(await client.call('CLUSTER', 'INFO'))
      if (info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3') && info.includes('cluster_slots_assigned:16384')) return
      await client.call('WAIT', '1', '5')
    }
    throw new Error('the cluster did not form')
  } finally {
    client.disconnect()
    if (client.status !== 'end') await once(client, 'end')
  }
}
