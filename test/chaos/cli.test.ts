import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createHive } from '../../src/index.ts'
import { run, start, temporaryFolder } from '../cli/binary.ts'
import { privateRedis } from './nodes.ts'

/** A scenario of a user's own, which imports nothing. */
function scenario(cwd: string, body: string): void {
  writeFileSync(join(cwd, 'mine.mjs'), `
    const empty = { def: { type: 'object' }, shape: {}, safeParse: (value) => ({ success: true, data: value }) }
    export default { kind: 'scenario', options: { name: 'mine', title: 'Mine', description: '', input: empty, rooms: { hall: {}, quiet: {} }, expectations: [], report: () => ({}), steps: [], ${body} } }
  `)
}

describe('the data folder', () => {
  test.each([[['rooms', 'ls']], [['run', './mine.mjs', '--json']]])('with a corrupt database, %j: one line says where it was moved, and it is all there', async (args) => {
    const cwd = temporaryFolder()
    scenario(cwd, '')
    const garbage = 'no database '.repeat(1_000)
    mkdirSync(join(cwd, '.hivemind'))
    writeFileSync(join(cwd, '.hivemind/hive.db'), garbage)
    const { code, stderr } = await run(args, { cwd })
    expect(stderr).toMatch(/^hivemind: the database of .* was damaged: it was moved to .*hive\.db\.corrupt-\S+ and a new one was begun; nothing was deleted\n$/)
    expect(code).toBe(0)
    const [aside] = readdirSync(join(cwd, '.hivemind')).filter((name) => name.includes('corrupt'))
    expect(readFileSync(join(cwd, '.hivemind', aside!), 'utf8')).toBe(garbage)
  })

  test('that is read-only: named, with what to do', async () => {
    const cwd = temporaryFolder()
    const dataDir = join(cwd, 'data')
    await run(['rooms', 'post', 'hall', 'x', '--data-dir', dataDir], { cwd })
    for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o444)
    chmodSync(cwd, 0o755)
    chmodSync(dataDir, 0o555)
    // Root may write anywhere, so it becomes somebody else.
    const { code, stderr } = await run(['rooms', 'ls', '--data-dir', dataDir], { cwd, user: 65_534 })
    chmodSync(dataDir, 0o755)
    expect(stderr).toMatch(/^hivemind: .*data.*(read-only|cannot be written|writable).*HIVEMIND_DATA_DIR/)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(1)
  })

  test('in use by a busy scenario: others post, tail and list meanwhile, without a lock error', { timeout: 40_000 }, async () => {
    const cwd = temporaryFolder()
    scenario(cwd, `steps: [{ name: 'busy', run: async (ctx) => {
      const [hall, quiet] = [await ctx.hive.room('hall'), await ctx.hive.room('quiet')]
      let busy = true
      await quiet.join('ear', (message) => { if (message.data.text === 'enough') busy = false })
      await hall.work('g', () => {}, { concurrency: 8 })
      console.log('busy')
      while (busy) await Promise.all(Array.from({ length: 8 }, () => hall.post('text', { text: 'x'.repeat(500) })))
    } }]`)
    const busy = start(['run', './mine.mjs'], { cwd })
    await busy.until(/busy/)
    const tail = start(['rooms', 'tail', 'quiet', '--follow'], { cwd })
    for (let n = 0; n < 3; n++) {
      const posted = await run(['rooms', 'post', 'quiet', `word ${n}`], { cwd })
      expect(posted).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^posted /) })
      await tail.until(new RegExp(`word ${n}`))
    }
    expect(await run(['rooms', 'ls'], { cwd })).toMatchObject({ code: 0, stderr: '' })
    expect(await run(['rooms', 'tail', 'hall', '-n', '3'], { cwd })).toMatchObject({ code: 0, stderr: '' })
    expect((await run(['rooms', 'post', 'quiet', 'enough'], { cwd })).code).toBe(0)
    expect(await busy.finished).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/lock|busy\b.*store/i) })
    tail.child.kill('SIGINT')
    expect(await tail.finished).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('what a stranger types', () => {
  test('a message over the limit, which is a setting', async () => {
    const { code, stderr } = await run(['rooms', 'post', 'hall', '-'], { input: 'x'.repeat(2_000), env: { HIVEMIND_LIMITS_MESSAGE_BYTES: '1000' } })
    expect(stderr).toMatch(/^hivemind: the message is 2\d{3} bytes and the limit is 1000: .*limits\.messageBytes\n$/)
    expect(code).toBe(2)
  })

  test('rooms of others: forbidden or not there', async () => {
    const cwd = temporaryFolder()
    const hive = await createHive({ dataDir: join(cwd, '.hivemind'), log: { level: 'silent' } })
    await hive.room('board', { visibility: 'members', members: ['ann'], as: 'ann' })
    await hive.room('den', { visibility: 'private', members: ['ann'], as: 'ann' })
    await hive.stop()
    for (const action of ['tail', 'dead']) {
      expect(await run(['rooms', action, 'board', '--as', 'eve'], { cwd })).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^hivemind: "eve" may not \w+ .*"board": it is not among its members\n$/) })
      expect(await run(['rooms', action, 'den', '--as', 'eve'], { cwd })).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^hivemind: there is no room "den"/) })
    }
    expect((await run(['rooms', 'post', 'board', 'x', '--as', 'eve'], { cwd })).stderr).toMatch(/"eve" may not post/)
    expect((await run(['rooms', 'post', 'den', 'x', '--as', 'eve'], { cwd })).stderr).toMatch(/there is no room "den"/)
    expect((await run(['rooms', 'ls', '--as', 'eve'], { cwd })).stdout).not.toContain('den')
    expect(await run(['rooms', 'post', 'den', 'x', '--as', 'ann'], { cwd })).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('Redis', () => {
  test('that refuses the password: one line, without the password', async () => {
    const { port } = await privateRedis({ password: 'right' })
    for (const args of [['rooms', 'ls'], ['up', '--http', '127.0.0.1:0'], ['status']]) {
      const { code, stdout, stderr } = await run([...args, '--redis', `redis://:guess@127.0.0.1:${port}`])
      expect(stderr).toMatch(/^hivemind: Redis at 127\.0\.0\.1:\d+ refused the user name or password: check the setting redis \(REDIS_URL\)\n$/)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    }
  })

  test('that is away: a post is kept in the data folder and delivered by the next command; what needs it says so', async () => {
    const cwd = temporaryFolder()
    const redis = await privateRedis()
    const env = { REDIS_URL: redis.url }
    await redis.kill()
    expect((await run(['rooms', 'post', 'hall', 'kept'], { cwd, env })).stdout).toBe('posted (kept until the shared store is back)\n')
    expect(await run(['rooms', 'tail', 'hall'], { cwd, env })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^hivemind: the shared store is away \(Redis at .*ECONNREFUSED/) })
    await redis.restart()
    expect(await run(['rooms', 'tail', 'hall'], { cwd, env })).toMatchObject({ code: 0, stdout: expect.stringMatching(/kept\n$/), stderr: '' })
  })

  test('that goes away under "up": Ctrl-C ends it all the same, and its port is free', async () => {
    const redis = await privateRedis()
    const up = start(['up', '--http', '127.0.0.1:0', '--json', '--roles', 'memory'], { env: { REDIS_URL: redis.url } })
    const { url } = JSON.parse(await up.until(/\n/))
    await redis.kill()
    for (let health = ''; health !== 'degraded';) health = (await (await fetch(`${url}/health`)).json() as { state: string }).state
    const from = performance.now()
    up.child.kill('SIGINT')
    expect((await up.finished).code).toBe(0)
    expect(performance.now() - from).toBeLessThan(5_000)
    const probe = createServer().listen(Number(new URL(url).port), '127.0.0.1')
    await once(probe, 'listening')
    probe.close()
  })

  test('with the same node started twice: the older "up" ends and says why', { timeout: 30_000 }, async () => {
    const redis = await privateRedis()
    const env = { REDIS_URL: redis.url, HIVEMIND_NODE_ID: 'same' }
    const older = start(['up', '--http', '127.0.0.1:0'], { env })
    await older.until(/is up/)
    const younger = start(['up', '--http', '127.0.0.1:0'], { env })
    await younger.until(/is up/)
    expect(await older.finished).toMatchObject({ code: 1, stderr: expect.stringContaining('another process runs under the id of this node') })
    younger.child.kill('SIGINT')
    expect((await younger.finished).code).toBe(0)
  })
})
