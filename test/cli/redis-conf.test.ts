import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { redisConf } from '../../src/cli/redis-conf.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { startRedisServer } from '../redis-server.ts'

/** The printed settings without what the test's own server decides (where it listens, how much it may use). */
const settings = (conf: string): string[] => conf.split('\n').filter((line) => line !== '' && !/^(#|port|bind|protected-mode|maxmemory )/.test(line))

test('a server with the durable configuration is accepted without a word', async () => {
  const server = await startRedisServer({ config: settings(redisConf('durable')) })
  const notices: string[] = []
  const store = await openRedisStore({ url: server.url, onNotice: (notice) => notices.push(notice) })
  await store.close()
  await server.stop()
  expect(notices).toEqual([])
})

test('so is one with the cache configuration as the cache', async () => {
  const [durable, cache] = await Promise.all([startRedisServer(), startRedisServer({ config: settings(redisConf('cache')) })])
  const notices: string[] = []
  const store = await openRedisStore({ url: durable.url, cache: cache.url, onNotice: (notice) => notices.push(notice) })
  await store.close()
  await Promise.all([durable.stop(), cache.stop()])
  expect(notices).toEqual([])
  await expect(openRedisStore({ url: cache.url })).rejects.toMatchObject({ code: expect.any(String) })
})

test.each(['durable', 'cache'] as const)('Redis itself takes the command line of the %s Compose file', (role) => {
  const compose = redisConf(role, { compose: true, maxmemory: '256mb' })
  const words = compose.split('command:')[1]!.split('volumes:')[0]!.split('\n').flatMap((line) => /^ {6}- (.*)$/.exec(line)?.[1] ?? [])
  const command = words.map((word) => (word.startsWith('"') ? (JSON.parse(word) as string) : word))
  const [program, ...args] = command
  expect(args).toContain('256mb')
  const run = spawnSync(program as string, [...args, '--port', '0'], { encoding: 'utf8', timeout: 10_000 })
  expect(run.stdout).toContain('Configuration loaded')
  expect(run.stdout).toContain('Configured to not listen anywhere, exiting')
})

test('says what is wrong with its arguments', () => {
  expect(() => redisConf('fast' as never)).toThrow(/durable or cache/)
  expect(() => redisConf('cache', { maxmemory: 'lots' })).toThrow(/512mb/)
  expect(redisConf('cache', { maxmemory: '2gb' })).toContain('maxmemory 2gb')
})
