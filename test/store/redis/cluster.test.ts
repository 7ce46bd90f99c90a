import { openRedisStore } from '../../../src/store/redis/open.ts'
import { logContract } from '../../contract/log.ts'
import { startRedisCluster } from '../../redis-cluster.ts'

logContract('redis cluster', async () => {
  const cluster = await startRedisCluster()
  const target = { url: cluster.url, cluster: true, prefix: 'h:' }
  const store = await openRedisStore(target)
  const peers: { close(): Promise<void> }[] = []
  return {
    log: store.log,
    async peer() {
      const peer = await openRedisStore(target)
      peers.push(peer)
      return peer.log
    },
    async close() {
      await Promise.all([store, ...peers].map((each) => each.close()))
      await cluster.stop()
    },
  }
})
