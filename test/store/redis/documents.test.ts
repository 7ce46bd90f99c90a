import { expect, it } from 'vitest'
import { contentMark } from '../../../src/store/document-row.ts'
import { catalogue, sessionField } from '../../../src/store/keys.ts'
import { openRedisStore } from '../../../src/store/redis/open.ts'
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

it('knows what came from the same folder and was not answered, and nothing else', async () => {
  const store = await openRedisStore(sharedRedis())
  const key = sessionField('s', 'task')
  const row = (value: string, version = 0) => ({ key, version, json: JSON.stringify(value) })
  const [base] = await store.documents.write([{ mode: 'write', row: row('base') }])
  const made = base!.outcome === 'written' ? base!.version : 0
  await store.documents.write([{ mode: 'replay', row: row('arrived', made + 1), base: made, marks: '' }])
  expect(await store.documents.write([{ mode: 'replay', row: row('later', made + 2), base: made, marks: contentMark(row('other')) }])).toMatchObject([{ outcome: 'other' }])
  expect(await store.documents.write([{ mode: 'replay', row: row('arrived', made + 2), base: made, marks: '' }])).toMatchObject([{ outcome: 'same', version: made + 1 }])
  expect(await store.documents.write([{ mode: 'replay', row: row('later', made + 2), base: made, marks: contentMark(row('arrived')) }])).toEqual([{ outcome: 'written', version: made + 2 }])
  await store.close()
})
