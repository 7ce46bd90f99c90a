import { expect, it } from 'vitest'
import { Tail } from '../../actors/room/tail.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import type { Log, LogEntry } from '../../src/store/ports.ts'
import { firstEntryId } from '../../src/store/ports.ts'

function tailOf(count: number): { tail: Tail; entries: LogEntry[]; reads: () => number } {
  const body = JSON.stringify({ id: 'x', type: 'text', source: 'a', time: 1, data: { text: 'x' } })
  const entries = Array.from({ length: count }, (_, index): LogEntry => ({ entry: `1-${index + 1}`, messageId: `m${index + 1}`, body }))
  let reads = 0
  const log = {
    async range(_room: string, { after, limit }: { after: string; limit: number }) {
      reads++
      const from = Number(after.split('-')[1])
      return entries.slice(from, from + limit)
    },
  } as unknown as Log
  const tail = new Tail(log, createCatalogue(), 'r', () => undefined)
  tail.join()
  return { tail, entries, reads: () => reads }
}

it('a page that is not full ends there: what comes later rings', async () => {
  const { tail } = tailOf(3)
  expect(await tail.read(firstEntryId)).toMatchObject({ entries: { length: 3 }, more: false })
})

it('a full page may have something after it', async () => {
  const { tail } = tailOf(65)
  expect(await tail.read(firstEntryId)).toMatchObject({ entries: { length: 64 }, more: true })
  expect(await tail.read('1-64')).toMatchObject({ entries: { length: 1 }, more: false })
})

it('members share a read; whoever came while it was under way looks once more', async () => {
  const { tail, reads } = tailOf(3)
  tail.join()
  const [one, other] = await Promise.all([tail.read(firstEntryId), tail.read(firstEntryId)])
  expect(reads()).toBe(1)
  expect([one.more, other.more]).toEqual([false, true])
  expect([one.entries.length, other.entries.length]).toEqual([3, 3])
})

it('what was kept says nothing of what follows it', async () => {
  const { tail, reads } = tailOf(3)
  tail.join()
  await tail.read(firstEntryId)
  expect(await tail.read('1-1')).toMatchObject({ entries: [{ entry: '1-2' }, { entry: '1-3' }], more: true })
  expect(reads()).toBe(1)
})
