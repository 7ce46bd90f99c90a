import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { startPrivateRedis } from '../../../src/store/redis/private-server.ts'
import { StoreMisconfigured, StoreUnavailable } from '../../../src/kernel/errors.ts'

async function alive(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0)
    } catch {
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}

async function ask(url: string, ...command: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(url)
  try {
    return await client.call(...command)
  } finally {
    client.disconnect()
  }
}

it('starts, survives a kill and a restart with its data, and ends', async () => {
  const redis = await startPrivateRedis({ appendonly: true })
  expect(await ask(redis.url, 'SET', 'k', 'v')).toBe('OK')
  await redis.restart()
  expect(await ask(redis.url, 'GET', 'k')).toBe('v')
  const { pid } = redis
  await redis.kill()
  expect(await alive(pid)).toBe(false)
  await redis.restart()
  expect(redis.pid).not.toBe(pid)
  expect(await ask(redis.url, 'GET', 'k')).toBe('v')
  await redis.stop()
  await redis.stop()
  expect(await alive(redis.pid)).toBe(false)
})

it('says what to do when there is no redis-server', async () => {
  const path = process.env.PATH
  process.env.PATH = '/nonexistent'
  try {
    await expect(startPrivateRedis()).rejects.toThrow(/npm run setup/)
    await expect(startPrivateRedis()).rejects.toThrow(StoreMisconfigured)
  } finally {
    process.env.PATH = path
  }
})

it('says why it did not start', async () => {
  const redis = await startPrivateRedis()
  await expect(startPrivateRedis({ port: redis.port })).rejects.toThrow(StoreUnavailable)
  await redis.stop()
})

it('ends with its process, even when that is killed, and leaves no folder', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'hivemind-tether-'))
  const script = "import('./src/store/redis/private-server.ts').then((m) => m.startPrivateRedis()).then((r) => { console.log(r.pid); setTimeout(() => {}, 60000) })"
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: temporary } })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const pid = Number(String(line))
  expect(pid).toBeGreaterThan(0)
  const folders = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('hivemind-redis-'))
  expect(folders()).toHaveLength(1)
  child.kill('SIGKILL')
  expect(await alive(pid)).toBe(false)
  await expect.poll(folders).toEqual([])
  rmSync(temporary, { recursive: true, force: true })
})
