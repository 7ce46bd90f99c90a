import { afterEach, beforeEach, expect, it } from 'vitest'
import { contentMark, encodeWrites, type DocumentRow } from '../../../src/store/document-row.ts'
import { catalogue, sessionField } from '../../../src/store/keys.ts'
import { createTables } from '../../../src/store/outage/tables.ts'
import type { SqliteStore } from '../../../src/store/sqlite/open.ts'
import type { Replica } from '../../../src/store/sqlite/replica.ts'
import { memory } from '../../contract/documents.ts'
import { temporaryFolder } from './store.ts'

let folder: ReturnType<typeof temporaryFolder>
let store: SqliteStore
let replica: Replica

beforeEach(async () => {
  folder = temporaryFolder()
  store = await folder.open()
  replica = store.replica
  await createTables(store.database)
})
afterEach(() => folder.remove())

const task = sessionField('s', 'task')
const note = catalogue.memory.build('note')
const row = (key: string, value: unknown, version: number): DocumentRow => ({ ...encodeWrites([{ key, value }])[0]!, version })
const read = async (key: string): Promise<unknown> => (await replica.get([key]))[0]?.value
const journal = (key: string, value: unknown, tried = false) => replica.journal(encodeWrites([{ key, value }]), tried, 'n1', 100)

it.each([['memory', note, memory('new'), memory('old')], ['session field', task, 'new', 'old']])('%s: what was fetched before a newer change landed does not undo it', async (_, key, newer, older) => {
  expect(await replica.apply([row(key, newer, 20)])).toBe(1)
  expect(await replica.apply([row(key, older, 10)])).toBe(0)
  expect(await replica.apply([row(key, newer, 20)])).toBe(0)
  expect(await read(key)).toEqual(newer)
  await replica.apply([{ key, version: 30 }])
  await replica.apply([row(key, newer, 25)])
  expect(await read(key)).toBeUndefined()
})

it('what waits in the journal is not written over by what others wrote, until it is settled', async () => {
  await replica.apply([row(task, 'base', 10)])
  expect((await journal(task, 'ours')).kept).toBe(true)
  const later = Date.now() * 2_000
  await replica.apply([row(task, 'theirs', later)])
  expect(await read(task)).toBe('ours')
  const [waiting] = await replica.pending([task])
  expect(waiting).toMatchObject({ base: 10, json: '"ours"' })
  expect(await replica.settle([{ key: task, sent: waiting!.version, version: later, row: row(task, 'theirs', later) }])).toEqual([])
  expect(await read(task)).toBe('theirs')
  expect(await replica.pending([task])).toEqual([])
})

it('a document that was written again while it was sent is sent again, made from what landed', async () => {
  await journal(task, 'first')
  const [sent] = await replica.pending([task])
  expect((await journal(task, 'second')).kept).toBe(false)
  expect(await replica.settle([{ key: task, sent: sent!.version, version: 77 }])).toEqual([task])
  expect(await replica.pending([task])).toMatchObject([{ base: 77, json: '"second"' }])
  const { version } = (await replica.pending([task]))[0]!
  expect(await replica.settle([{ key: task, sent: version, version: 88 }])).toEqual([])
  expect((await replica.get([task]))[0]).toMatchObject({ version: 88, value: 'second' })
})

it('remembers what it may have sent', async () => {
  await journal(task, 'not sent')
  await journal(task, 'perhaps sent', true)
  await journal(task, 'now')
  const marks = (await replica.pending([task]))[0]!.marks
  expect(['"not sent"', '"perhaps sent"', '"now"'].map((json) => marks.includes(contentMark({ key: task, version: 0, json })))).toEqual([false, true, true])
})

it('an erasure elsewhere takes waiting changes of what it erased, and leaves what was made anew', async () => {
  await replica.apply([row(note, memory('secret'), 10), row(task, 'secret', 10)])
  await journal(note, memory('secret', { state: 'forgotten' }))
  await replica.journalErasure([task], 'n1', 100)
  await journal(task, 'anew')
  const version = Date.now() * 2_000
  await replica.apply([{ key: note, version, erased: true }, { key: task, version, erased: true }])
  expect(await replica.pending([note])).toEqual([])
  expect(await replica.pending([task])).toMatchObject([{ json: '"anew"' }])
  expect(await read(note)).toBeUndefined()
})

it('gives every change of a row the next number, in the order of commits', async () => {
  await replica.apply([row(note, memory('a'), 1), row(task, 1, 1)])
  await replica.apply([row(note, memory('b'), 2)])
  const rows = await store.database.all("SELECT id AS name, num, seq FROM memories UNION ALL SELECT key, 0, seq FROM documents ORDER BY seq")
  expect(rows).toEqual([{ name: task, num: 0, seq: 2 }, { name: 'note', num: 1, seq: 3 }])
})
