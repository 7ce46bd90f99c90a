import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startRedisCluster } from '../../redis-cluster.ts'
import { startRedisServer } from '../../redis-server.ts'
import { sharedRedis } from '../../shared-redis.ts'

test('a private server keeps its data over a restart and leaves nothing behind', async () => {
  const server = await startRedisServer()
  await server.command('SET', 'a', '1')
  await server.kill()
  await server.restart()
  expect(await server.command('GET', 'a')).toBe('1')
  const { pid, dir } = server
  await server.stop()
  await server.stop()
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect(existsSync(dir)).toBe(false)
})

test('a server speaks TLS, asks for its password and listens on a socket', async () => {
  const [tls, socket] = await Promise.all([startRedisServer({ tls: true, password: 'p w' }), startRedisServer({ unixSocket: true })])
  expect(await tls.command('PING')).toBe('PONG')
  expect(await socket.command('PING')).toBe('PONG')
  await Promise.all([tls.stop(), socket.stop()])
})

test('a cluster of three masters forms', async () => {
  const cluster = await startRedisCluster()
  expect(String(await cluster.nodes[1]?.command('CLUSTER', 'INFO'))).toContain('cluster_size:3')
  await cluster.stop()
})

test('the shared server is there and prefixes differ', () => {
  expect(sharedRedis().url).toMatch(/^redis:/)
  expect(sharedRedis().prefix).not.toBe(sharedRedis().prefix)
})
