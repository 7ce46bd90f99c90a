import { once } from 'node:events'
import { expect, it } from 'vitest'
import { disconnect } from '../../../src/store/redis/link.ts'
import { openRedisStore } from '../../../src/store/redis/open.ts'
import { startRedisServer } from '../../redis-server.ts'

it('a client that waits for its next attempt to connect can be ended', async () => {
  const server = await startRedisServer()
  const client = server.client({ retryStrategy: () => 60_000 })
  client.on('error', () => undefined)
  await once(client, 'ready')
  const waits = once(client, 'reconnecting')
  await server.kill()
  await waits
  expect(client.status).toBe('reconnecting')
  await disconnect(client)
  await server.stop()
})

it('a store whose subscriber was cut off a moment ago can be closed', async () => {
  const server = await startRedisServer()
  const store = await openRedisStore({ url: server.url })
  await store.signals.subscribe('channel:events', () => undefined, () => undefined)
  await server.kill()
  await store.close()
  await server.stop()
})
