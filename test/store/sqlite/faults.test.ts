import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LogConfig } from '../../../src/store/ports.ts'
import { Connection } from '../../../src/store/sqlite/binding.ts'
import type { SqliteNotice, SqliteStore } from '../../../src/store/sqlite/open.ts'
import { temporaryFolder } from './store.ts'

const config: LogConfig = { cap: 10_000, quotaBytes: 1 << 30, dedupeMs: 3_600_000, meta: null }
const post = (messageId: string, body = '"x"') => ({ room: 'hall', messageId, body })

describe('sqlite faults', () => {
  let folder: ReturnType<typeof temporaryFolder>
  const database = () => join(folder.dataDir, 'hive.db')
  const setAside = () => readdirSync(folder.dataDir).filter((name) => /^hive\.db\.corrupt-[\dTZ-]+$/.test(name))

  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => folder.remove())

  describe('a damaged file', () => {
    test('is set aside whole, told, and a new one is begun', async () => {
      const garbage = Buffer.from('this is no database at all. '.repeat(500))
      writeFileSync(database(), garbage)
      const notices: SqliteNotice[] = []
      const store = await folder.open({ onNotice: (notice) => notices.push(notice) })
      expect(setAside()).toHaveLength(1)
      expect(readFileSync(join(folder.dataDir, setAside()[0]!)).equals(garbage)).toBe(true)
      expect(notices).toEqual([{ kind: 'set-aside', file: join(folder.dataDir, setAside()[0]!), message: expect.stringContaining(setAside()[0]!) }])
      await store.log.open('hall', config)
      expect(await store.log.append([post('a')])).toMatchObject([{ ok: true }])
    })

    test('is found inside the file too, not only in its header', async () => {
      await fillWithMegabytes(2)
      damageMiddle()
      const store = await folder.open()
      expect(setAside()).toHaveLength(1)
      expect(await store.log.info('hall')).toBeUndefined()
    })

    test('is moved once when two open it together, and both then share the new one', async () => {
      writeFileSync(database(), 'x'.repeat(10_000))
      const [a, b] = (await Promise.all([folder.open(), folder.open()])) as [SqliteStore, SqliteStore]
      expect(setAside()).toHaveLength(1)
      await a.log.open('hall', config)
      expect((await b.log.append([post('a')]))[0]).toMatchObject({ ok: true })
      expect(await a.log.range('hall', { limit: 9 })).toHaveLength(1)
    })

    test('is met while running in a file too large to check at every start: the call fails, the next ones work on a new file', async () => {
      await fillWithMegabytes(20)
      damageMiddle()
      const notices: SqliteNotice[] = []
      const store = await folder.open({ onNotice: (notice) => notices.push(notice) })
      expect(setAside()).toEqual([])
      await expect(store.log.range('hall', { limit: 100 })).rejects.toMatchObject({ code: 'store_corrupt', message: expect.stringContaining(database()) })
      await store.log.open('hall', config)
      expect(setAside()).toHaveLength(1)
      expect(notices.map((notice) => notice.kind)).toEqual(['set-aside'])
      expect(await store.log.append([post('a')])).toMatchObject([{ ok: true }])
    })

    async function fillWithMegabytes(count: number): Promise<void> {
      const store = await folder.open()
      await store.log.open('hall', config)
      await store.log.append(Array.from({ length: count }, (_, index) => post(`m${index}`, JSON.stringify('y'.repeat(1 << 20)))))
      await store.close()
    }

    function damageMiddle(): void {
      const file = openSync(database(), 'r+')
      writeSync(file, Buffer.alloc(1 << 20, 0xa5), 0, 1 << 20, Math.floor(statSync(database()).size / 8192) * 4096)
      closeSync(file)
    }
  })

  test('a file that is replaced under a running store is noticed, and the next calls go to the new one', async () => {
    let now = 1_000_000
    const store = await folder.open({ clock: { now: () => now, monotonic: () => now, timer: () => ({ cancel() {} }) } })
    await store.log.open('hall', config)
    await store.log.append([post('a')])
    let hear = (): void => {}
    await store.log.listen((rooms) => rooms.has('fresh') && hear())
    for (const round of ['b', 'c', 'd']) await store.log.append([post(round)])
    const elsewhere = temporaryFolder()
    spawnSync('mv', [database(), `${database()}-wal`, `${database()}-shm`, elsewhere.dataDir])
    const peer = await folder.open()
    for (const room of ['fresh', 'later']) await peer.log.open(room, config)
    await peer.log.append([{ room: 'fresh', messageId: 'a', body: '"x"' }])
    now += 5_000
    await expect(store.log.info('hall')).rejects.toMatchObject({ code: 'store_unavailable', retryable: true })
    expect(await store.log.info('hall')).toBeUndefined()
    const heard = new Promise<void>((resolve) => { hear = resolve })
    await peer.log.append([{ room: 'later', messageId: 'a', body: '"x"' }])
    await heard
    await elsewhere.remove()
  })

  describe('a folder that cannot be used', () => {
    test('says which and what to do when it cannot be made', async () => {
      writeFileSync(join(folder.dataDir, 'file'), '')
      const blocked = join(folder.dataDir, 'file', 'hive')
      await expect(folder.open({ dataDir: blocked })).rejects.toMatchObject({
        code: 'store_misconfigured', message: expect.stringMatching(new RegExp(`${blocked}.*HIVEMIND_DATA_DIR`)),
      })
    })

    test.each(['empty', 'with a hive in it'])('says so when it is read-only, %s', async (state) => {
      const dataDir = join(folder.dataDir, 'hive')
      mkdirSync(dataDir)
      if (state !== 'empty') await (await folder.open({ dataDir })).close()
      for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o444)
      chmodSync(folder.dataDir, 0o755)
      chmodSync(dataDir, 0o555)
      // Root may write anywhere, so the child becomes somebody else first.
      const child = spawnSync(process.execPath, ['--import', 'tsx', new URL('./read-only.ts', import.meta.url).pathname, dataDir], { encoding: 'utf8' })
      chmodSync(dataDir, 0o755)
      const error = JSON.parse(child.stdout) as { code: string; message: string }
      expect(error.code).toBe('store_misconfigured')
      expect(error.message).toContain(dataDir)
      expect(error.message).toContain('HIVEMIND_DATA_DIR')
    })

    test('says so when it was written by a newer version', async () => {
      const store = await folder.open()
      await store.database.run('PRAGMA user_version = 99')
      await store.close()
      await expect(folder.open()).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringMatching(/newer Hivemind \(schema 99/) })
      expect(setAside()).toEqual([])
    })
  })

  test('a full disk refuses what does not fit, keeps what was acknowledged, and recovers', async () => {
    const store = await folder.open()
    await store.log.open('hall', config)
    const [{ page_count: pages }] = (await store.database.all('PRAGMA page_count')) as [{ page_count: number }]
    await store.database.run(`PRAGMA max_page_count = ${pages + 20}`)
    const results = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => store.log.append([post(`m${index}`, JSON.stringify('z'.repeat(index % 2 === 0 ? 10 : 9_000)))])))
    const stored = results.flatMap((result, index) => (result.status === 'fulfilled' ? [`m${index}`] : []))
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'store_full', retryable: true, message: expect.stringContaining('disk space') })
    expect(stored.length).toBeGreaterThan(0)
    expect((await store.log.range('hall', { limit: 100 })).map((entry) => entry.messageId)).toEqual(stored)
    await store.database.run('PRAGMA max_page_count = 1000000')
    expect(await store.log.append([post('after')])).toMatchObject([{ ok: true }])
  })

  test('a failing call costs only itself when it shares a transaction', async () => {
    const store = await folder.open()
    await store.log.open('hall', config)
    const results = await Promise.allSettled([
      store.log.append([post('a')]), store.log.append([post('b', 'a\0b')]), store.log.openGroup('nowhere', 'g', 'end'), store.log.append([post('c')]),
      store.database.run('INSERT INTO nowhere VALUES (1)'), store.log.range('hall', { after: 'not an id', limit: 1 }),
    ])
    expect(results.map((result) => (result.status === 'fulfilled' ? 'ok' : result.reason.code))).toEqual(['ok', 'invalid_argument', 'room_unknown', 'ok', 'store_failed', 'invalid_argument'])
    expect((await store.log.range('hall', { limit: 9 })).map((entry) => entry.messageId)).toEqual(['a', 'c'])
  })

  test('what cannot be sent to the worker is refused alone', async () => {
    const store = await folder.open()
    await store.log.open('hall', config)
    const results = await Promise.allSettled([
      store.log.append([post('a')]), store.database.run('SELECT ?', [(() => 1) as unknown as string]), store.log.append([post('b')]), store.database.all('SELECT ?', [true as unknown as number]),
    ])
    expect(results.map((result) => (result.status === 'fulfilled' ? 'ok' : result.reason.code))).toEqual(['ok', 'invalid_argument', 'ok', 'invalid_argument'])
  })

  test('waiting for a lock does not stop the event loop', async () => {
    const store = await folder.open()
    await store.log.open('hall', config)
    const other = new Connection(database())
    other.exec('BEGIN IMMEDIATE')
    let settled = false
    const append = store.log.append([post('a')]).finally(() => { settled = true })
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    other.exec('COMMIT')
    other.close()
    expect(await append).toMatchObject([{ ok: true }])
  })

  test.each([['process', 1], ['fsync', 2]] as const)('durability %s is what SQLite is told', async (durability, synchronous) => {
    const store = await folder.open({ durability })
    expect(await store.database.all('PRAGMA synchronous')).toEqual([{ synchronous }])
    expect(await store.database.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
  })

  test('a store that was left open does not keep the process from ending', () => {
    const source = new URL('../../../src/store/sqlite/open.ts', import.meta.url).href
    const program = `import { openSqliteStore } from ${JSON.stringify(source)}
      const store = await openSqliteStore({ dataDir: ${JSON.stringify(folder.dataDir)} })
      console.log((await store.records.put('k', 1)).version)`
    const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { encoding: 'utf8', timeout: 15_000 })
    expect(child).toMatchObject({ status: 0, signal: null, stdout: '1\n' })
  })

  test('a batch of SQL is all or nothing', async () => {
    const { database: sql } = await folder.open()
    await sql.run('CREATE TABLE mine (n INTEGER PRIMARY KEY)')
    await expect(sql.batch([{ sql: 'INSERT INTO mine VALUES (?)', params: [1] }, { sql: 'INSERT INTO mine VALUES (?)', params: [1] }])).rejects.toThrow(/UNIQUE/)
    expect(await sql.all('SELECT * FROM mine')).toEqual([])
    expect(await sql.batch([{ sql: 'INSERT INTO mine VALUES (?)', params: [1] }, { sql: 'UPDATE mine SET n = ?', params: [2] }])).toEqual([{ changes: 1 }, { changes: 1 }])
    expect(await sql.all('SELECT * FROM mine')).toEqual([{ n: 2 }])
  })

  test('when the writer dies, what waits for it is told so, and the next call starts it again', async () => {
    const posted = vi.spyOn(Worker.prototype, 'postMessage')
    const store = await folder.open()
    await store.log.open('hall', config)
    expect(await store.log.append([post('a')])).toMatchObject([{ ok: true }])
    const lost = store.log.append([post('b', 'x'.repeat(1 << 22))])
    await Promise.resolve()
    const dead = (posted.mock.contexts.at(-1) as unknown as Worker).terminate()
    await expect(lost).rejects.toMatchObject({ code: 'store_unavailable', retryable: true })
    expect(await store.log.append([post('a'), post('c')])).toMatchObject([{ ok: true, duplicate: true }, { ok: true, duplicate: false }])
    await dead
    posted.mockRestore()
  })

  test('closing twice is harmless, and later calls say that it is closed', async () => {
    const store = await folder.open()
    const last = store.log.open('hall', config)
    await Promise.all([store.close(), store.close()])
    expect((await last).created).toBe(true)
    await expect(store.log.info('hall')).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('closed') })
    expect(readdirSync(folder.dataDir).filter((name) => name.endsWith('-wal'))).toEqual([])
  })
})
