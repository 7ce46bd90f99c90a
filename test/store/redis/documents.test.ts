import { documentsContract } from '../../contract/documents.ts'
import { startRedisCluster } from '../../redis-cluster.ts'
import { sharedRedis } from '../../shared-redis.ts'
import { openFolder } from './documents.ts'

documentsContract('redis', async () => {
  const folder = await openFolder(sharedRedis())
  await folder.until('connected')
  return { documents: folder.documents, close: () => folder.remove() }
})

documentsContract('redis cluster', async () => {
  const cluster = await startRedisCluster()
  const folder = await openFolder({ url: cluster.url, cluster: true })
  await folder.until('connected')
  return {
    documents: folder.documents,
    async close() {
      await folder.remove()
      await cluster.stop()
    },
  }
})
