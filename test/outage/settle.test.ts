import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { createConflicts, keepConflict, type Conflict, type Conflicts } from '../../src/store/outage/conflicts.ts'
import { createTables } from '../../src/store/outage/tables.ts'
import type { StoredRecord, WriteResult } from '../../src/store/ports.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { removeFolder } from './bench.ts'

/** The shared store, and what happens just before and after each of its writes. */
class SharedRecords {
  record: StoredRecord | undefined = { value: 'theirs', version: 1 }
  before = async (): Promise<void> => undefined
  after = async (): Promise<void> => undefined
  puts = 0

  async get(key: string): Promise<StoredRecord | undefined> {
    return key === 'k' ? this.record : undefined
  }
  async put(_key: string, value: unknown, { expect: wanted }: { expect?: number } = {}): Promise<WriteResult> {
    this.puts++
    await this.before()
    if (wanted !== (this.record?.version ?? 0)) return { ok: false, reason: 'conflict', current: this.record }
    this.record = { value, version: wanted + 1 }
    await this.after()
    return { ok: true, version: wanted + 1 }
  }
  async delete(): Promise<WriteResult> {
    this.record = undefined
    return { ok: true, version: 0 }
  }
}

let dir: string
let local: SqliteStore
let shared: SharedRecords
let conflicts: Conflicts
let resolved: string[]

const sides = (ours: string, theirs: StoredRecord | undefined): Conflict => ({ kind: 'record', node: 'n1', base: 0, ours: { value: ours }, theirs })
async function keep(chain: number, conflict: Conflict): Promise<void> {
  await local.database.batch([keepConflict('c1', 'k', 5, chain, conflict)])
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hivemind-settle-'))
  local = await openSqliteStore({ dataDir: dir })
  await createTables(local.database)
  shared = new SharedRecords()
  resolved = []
  conflicts = createConflicts({
    database: local.database, clock: systemClock, records: shared, log: { append: async () => [] }, onResolved: (_conflict, choice) => resolved.push(choice),
  })
  await keep(1, sides('ours', shared.record))
})
afterEach(async () => {
  await local.close()
  removeFolder(dir)
})

it('a later write of ours that joins in the middle of a settlement is not forgotten with it', async () => {
  shared.after = () => keep(2, sides('ours too', { value: 'ours', version: 2 }))
  await expect(conflicts.resolve('c1', 'ours')).rejects.toMatchObject({ code: 'version_conflict' })
  expect(await conflicts.list()).toMatchObject([{ conflict: { ours: { value: 'ours too' } } }])
  expect(resolved).toEqual([])
  shared.after = async () => undefined
  await conflicts.resolve('c1', 'ours')
  expect(shared.record).toEqual({ value: 'ours too', version: 3 })
  expect(await conflicts.list()).toEqual([])
  expect(resolved).toEqual(['ours'])
})

it('nor is it written over by the version of theirs that was found', async () => {
  shared.before = async () => {
    shared.record = { value: 'theirs again', version: 2 }
    await keep(2, sides('ours too', shared.record))
  }
  await expect(conflicts.resolve('c1', 'ours')).rejects.toMatchObject({ code: 'version_conflict' })
  expect(await conflicts.list()).toMatchObject([{ conflict: { ours: { value: 'ours too' }, theirs: { value: 'theirs again', version: 2 } } }])
})

it('another record under the version that was shown is not written over', async () => {
  shared.record = { value: 'made anew', version: 1 }
  await expect(conflicts.resolve('c1', 'ours')).rejects.toMatchObject({ code: 'version_conflict' })
  expect(shared.record).toEqual({ value: 'made anew', version: 1 })
  expect(await conflicts.list()).toMatchObject([{ conflict: { theirs: { value: 'made anew' } } }])
})

it('a write whose answer was lost is asked for again, and found', async () => {
  shared.after = () => Promise.reject(new StoreUnavailable('the answer was lost'))
  await conflicts.resolve('c1', 'ours')
  expect(shared.record).toEqual({ value: 'ours', version: 2 })
  expect(shared.puts).toBe(1)
})

it('a store that stays away is asked three times; the conflict stays', async () => {
  shared.before = () => Promise.reject(new StoreUnavailable('away'))
  await expect(conflicts.resolve('c1', 'ours')).rejects.toMatchObject({ code: 'store_unavailable', message: 'away' })
  expect(shared.puts).toBe(3)
  expect(await conflicts.list()).toHaveLength(1)
})

it('a settlement can be called off; the conflict stays', async () => {
  const off = new AbortController()
  shared.before = async () => off.abort(new Error('called off'))
  await expect(conflicts.resolve('c1', 'ours', off.signal)).rejects.toThrow('called off')
  await expect(conflicts.resolve('c1', 'theirs', off.signal)).rejects.toThrow('called off')
  expect(await conflicts.list()).toHaveLength(1)
})
