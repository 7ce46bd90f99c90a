import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeConfig, resolveConfig } from '../../src/config.ts'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hivemind-config-'))
})
afterEach(() => rm(cwd, { recursive: true }))

const file = (name: string, text: string): Promise<void> => writeFile(join(cwd, name), text)

describe('precedence', () => {
  test('defaults, then environment, then file, then code, field by field, each with its origin', async () => {
    await file('hivemind.config.json', JSON.stringify({ limits: { mailbox: 20, roomBytes: 30 } }))
    const env = { HIVEMIND_LIMITS_MAILBOX: '10', HIVEMIND_LIMITS_JOURNAL_BYTES: '11', HIVEMIND_LIMITS_ROOM_BYTES: '12' }
    const resolved = await resolveConfig({ limits: { roomBytes: 40 } }, env, cwd)
    expect(resolved.config.limits).toMatchObject({ mailbox: 20, journalBytes: 11, roomBytes: 40, messageBytes: 1048576 })
    const origin = Object.fromEntries(describeConfig(resolved).map((line) => [line.path, line.origin]))
    expect(origin).toMatchObject({
      'limits.mailbox': join(cwd, 'hivemind.config.json'), 'limits.journalBytes': 'HIVEMIND_LIMITS_JOURNAL_BYTES',
      'limits.roomBytes': 'code', 'limits.messageBytes': 'default',
    })
  })

  test('the data folder is absolute, .hivemind in the working directory by default', async () => {
    expect((await resolveConfig({}, {}, cwd)).config.dataDir).toBe(join(cwd, '.hivemind'))
    expect((await resolveConfig({}, { HIVEMIND_DATA_DIR: 'a/b' }, cwd)).config.dataDir).toBe(join(cwd, 'a/b'))
  })

  test('REDIS_URL wins over REDIS_HOST and REDIS_PORT; HIVEMIND_REDIS wins over both', async () => {
    const redis = async (env: NodeJS.ProcessEnv): Promise<unknown> => (await resolveConfig({}, env, cwd)).config.redis
    expect(await redis({ REDIS_HOST: 'a', REDIS_PORT: '7000' })).toBe('redis://a:7000')
    expect(await redis({ REDIS_PORT: '7000' })).toBe('redis://127.0.0.1:7000')
    expect(await redis({ REDIS_HOST: '::1' })).toBe('redis://[::1]:6379')
    expect(await redis({ REDIS_HOST: 'a', REDIS_URL: 'redis://b' })).toBe('redis://b')
    expect(await redis({ REDIS_URL: 'redis://b', HIVEMIND_REDIS: 'rediss://c' })).toBe('rediss://c')
    expect(await redis({ REDIS_URL: '' })).toBeUndefined()
  })

  test('lists and booleans are read from text', async () => {
    expect((await resolveConfig({}, { HIVEMIND_NODE_ROLES: 'memory, training' }, cwd)).config.node.roles).toEqual(['memory', 'training'])
  })
})

describe('files', () => {
  test.each(['hivemind.config.js', 'hivemind.config.mjs', 'hivemind.config.ts'])('%s is loaded', async (name) => {
    await file(name, 'export default { prefix: "from-file" }')
    expect((await resolveConfig({}, {}, cwd)).config.prefix).toBe('from-file')
  })

  test('two files are an error that names both', async () => {
    await file('hivemind.config.mjs', 'export default {}')
    await file('hivemind.config.json', '{}')
    await expect(resolveConfig({}, {}, cwd)).rejects.toThrow(/hivemind\.config\.mjs and .*hivemind\.config\.json exist: keep one/)
  })

  test.each([
    ['hivemind.config.json', '{ "a": ', /hivemind\.config\.json cannot be read/],
    ['hivemind.config.json', '[1]', /holds an array, not an object/],
    ['hivemind.config.mjs', 'export const x = 1', /exports nothing by default/],
    ['hivemind.config.mjs', 'throw new Error("boom")', /cannot be loaded: boom/],
  ])('%s holding %j is refused', async (name, text, message) => {
    await file(name, text)
    await expect(resolveConfig({}, {}, cwd)).rejects.toThrow(message)
  })
})

describe('wrong values name the field, where it came from and the fix', () => {
  test.each([
    [{ limits: { mailbx: 1 } } as object, {}, /"limits\.mailbx": is not a setting \(from code\): did you mean limits\.mailbox\?/],
    [{ wholly: 1 } as object, {}, /known are dataDir, redis/],
    [{}, { HIVEMIND_HTTP_PORT: 'abc' }, /"http\.port": .*expected number.*\(from HIVEMIND_HTTP_PORT\)/],
    [{}, { HIVEMIND_HTTP_PORT: '70000' }, /"http\.port": .*\(from HIVEMIND_HTTP_PORT\)/],
    [{ redis: 'http://x' }, {}, /"redis": write redis:\/\//],
    [{ node: { roles: ['a b'] } }, {}, /"node\.roles\.0": use letters.*\(from code\)/],
    [{}, { REDIS_HOST: 'a', REDIS_PORT: 'x' }, /REDIS_PORT is "x": give a port number/],
    [{ http: { apiKey: 'short' } }, {}, /"http\.apiKey": use at least 16/],
  ])('%j %j', async (options, env, message) => {
    await expect(resolveConfig(options, env, cwd)).rejects.toMatchObject({ code: 'invalid_config', message: expect.stringMatching(message) })
  })

  test('an unknown HIVEMIND_ variable is told', async () => {
    expect((await resolveConfig({}, { HIVEMIND_DATADIR: 'x' }, cwd)).notices).toEqual([expect.stringContaining('HIVEMIND_DATADIR sets nothing')])
  })
})

test('secrets and passwords in URLs are not shown', async () => {
  const resolved = await resolveConfig({ redis: 'redis://user:p@ss:w@host:6379,redis://user:hunter2@other', http: { apiKey: 'abcdefghijklmnop' } }, {}, cwd)
  const text = JSON.stringify(describeConfig(resolved))
  expect(text).not.toMatch(/p@ss|hunter2|abcdefghijklmnop/)
  expect(text).toContain('redis://user:***@host:6379,redis://user:***@other')
})
