import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock, systemRandomness } from '../../src/kernel/clock.ts'
import { StoreUnavailable } from '../../src/kernel/errors.ts'
import { createJournal } from '../../src/store/outage/journal.ts'
import { createLocalRecords } from '../../src/store/outage/local-records.ts'
import { openOutageStore } from '../../src/store/outage/open.ts'
import { drain } from '../../src/store/outage/sync.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { messageIds, post, removeFolder, roomConfig } from './bench.ts'

let here: SqliteStore
let there: SqliteStore
const dirs = [mkdtempSync(join(tmpdir(), 'hivemind-crash-')), mkdtempSync(join(tmpdir(), 'hivemind-crash-'))] as const
let runs = 0

beforeAll(async () => {
  here = await openSqliteStore({ dataDir: dirs[0] })
  there = await openSqliteStore({ dataDir: dirs[1] })
})
afterAll(async () => {
  await here.close()
  await there.close()
  for (const dir of dirs) removeFolder(dir)
})

class Killed extends Error {}

/** Kills at a given call: before it has an effect, or after, when nobody hears of it. */
interface Death {
  call: number
  after: boolean
}

/** Lets calls through until the one that kills; from then on nothing is done any more. */
function mortal({ call, after }: Death): <T extends object>(port: T) => T {
  let calls = 0
  return (port) => new Proxy(port, {
    get(target, name) {
      const method = (target as Record<PropertyKey, unknown>)[name]
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        const present = calls++
        if (present > call || (present === call && !after)) throw new Killed()
        const result: unknown = await method.apply(target, args)
        if (present === call) throw new Killed()
        return result
      }
    },
  })
}

type Operation = { kind: 'post'; room: number } | { kind: 'put' | 'delete'; key: number; compared: boolean }
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('post' as const), room: fc.nat(1) }),
  fc.record({ kind: fc.constantFrom('put' as const, 'put' as const, 'delete' as const), key: fc.nat(2), compared: fc.boolean() }),
)
const life = fc.record({ death: fc.record({ call: fc.nat(25), after: fc.boolean() }), theirs: fc.option(fc.nat(2), { nil: undefined }) })

it('killed at any call of the drain, and started again, it has lost and doubled nothing', async () => {
  await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), fc.array(life, { maxLength: 6 }), async (operations, lives) => {
    const run = ++runs
    const room = (index: number): string => `r${run}-${index}`
    const key = (index: number): string => `k${run}-${index}`
    for (const index of [0, 1]) await there.log.open(room(index), roomConfig)

    // Degraded: what is written goes into the journal.
    const away = async (): Promise<never> => {
      throw new StoreUnavailable('away')
    }
    const store = await openOutageStore({ local: here, connect: away, origin: 'n1', clock: systemClock, randomness: systemRandomness })
    const posted: string[][] = [[], []]
    const ours = new Map<number, unknown>()
    for (const [step, op] of operations.entries()) {
      if (op.kind === 'post') {
        posted[op.room]!.push(`m${step}`)
        await store.log.append([post(room(op.room), `m${step}`)])
        continue
      }
      const expected = op.compared ? { expect: (await store.records.get(key(op.key)))?.version ?? 0 } : {}
      const value = op.kind === 'put' ? `ours ${step}` : undefined
      const result = value === undefined ? await store.records.delete(key(op.key), expected) : await store.records.put(key(op.key), value, expected)
      expect(result.ok).toBe(true)
      ours.set(op.key, value)
    }
    await store.close()

    // The drain, killed again and again, with somebody else writing in between.
    const landed = new Set<unknown>()
    const theirs = new Map<number, string>()
    const attempt = async (death: Death): Promise<void> => {
      const kill = mortal(death)
      const database = kill(here.database)
      await drain({
        shared: { log: kill(there.log), records: kill(there.records), blobs: there.blobs },
        local: { database, blobs: here.blobs, records: createLocalRecords(database, systemClock, () => undefined) },
        journal: createJournal(database, 'n1', systemClock), clock: systemClock, randomness: systemRandomness,
        exclusive: (work) => work(), onDrained: () => undefined,
      }, new AbortController().signal)
    }
    const note = async (): Promise<void> => {
      for (const index of [0, 1, 2]) landed.add(`${index} ${JSON.stringify((await there.records.get(key(index)))?.value)}`)
    }
    for (const [turn, { death, theirs: written }] of lives.entries()) {
      await attempt(death).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error
      })
      await note()
      if (written === undefined) continue
      await there.records.put(key(written), `theirs ${turn}`)
      theirs.set(written, `theirs ${turn}`)
    }
    await attempt({ call: Infinity, after: false })
    await note()

    expect(await createJournal(here.database, 'n1', systemClock).totals()).toEqual({ items: 0, bytes: 0, oldestAt: 0 })
    for (const index of [0, 1]) expect(await messageIds(there, room(index))).toEqual(posted[index])
    const conflicts = (await store.conflicts.list()).filter(({ subject }) => subject.startsWith(`k${run}-`))
    for (const [index, value] of ours) {
      const inConflict = conflicts.some(({ subject, conflict }) => subject === key(index) && conflict.kind === 'record' && conflict.ours.value === value)
      const final = (await there.records.get(key(index)))?.value
      expect(final === value || inConflict || landed.has(`${index} ${JSON.stringify(value)}`), 'ours is there, was there, or is kept').toBe(true)
      expect(final, 'theirs is never overwritten').toBe(theirs.get(index) ?? value)
    }
    for (const { subject } of conflicts) expect(theirs.has(Number(subject.split('-')[1])), 'a conflict has two sides').toBe(true)
    for (const { id } of conflicts) await store.conflicts.resolve(id, 'theirs')
  }), { numRuns: 60 })
})
