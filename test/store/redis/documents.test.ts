import { expect, it } from 'vitest'
import { catalogue, sessionField } from '../../../src/store/keys.ts'
import { documentsContract, memory } from '../../contract/documents.ts'
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

it('writes on after a node of the cluster came back without its last seconds, which are written again', async () => {
  const cluster = await startRedisCluster()
  const folder = await openFolder({ url: cluster.url, cluster: true })
  await folder.until('connected')
  const keys = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? sessionField(`s${n}`, 'task') : catalogue.memory.build(`m${n}`)))
  await folder.documents.write(keys.map((key, n) => ({ key, value: n % 2 === 0 ? n : memory(`text ${n}`) })))
  for (const node of cluster.nodes) await node.restart({ empty: true })
  const written = await folder.documents.write([{ key: keys[0]!, value: 'after' }])
  expect(written).toMatchObject([{ ok: true }])
  await folder.until('connected')
  while ((await folder.shared().documents.versions(keys)).includes(0)) await new Promise((resolve) => setImmediate(resolve))
  await folder.remove()
  await cluster.stop()
}, 60_000)
