import { describe, expect, test } from 'vitest'
import { createBatcher } from '../../src/store/batcher.ts'

/** A batcher over a flush that the test settles by hand. */
function manual(options: { maxItems?: number; maxBytes?: number; maxQueued?: number; maxQueuedBytes?: number; inFlight?: number } = {}) {
  const batches: { items: string[]; done(results?: string[]): void; fail(error: Error): void }[] = []
  const batcher = createBatcher<string, string>({
    what: 'appends',
    maxItems: options.maxItems ?? 100,
    maxBytes: options.maxBytes ?? 1_000,
    maxQueued: options.maxQueued ?? 100,
    maxQueuedBytes: options.maxQueuedBytes,
    inFlight: options.inFlight,
    sizeOf: (item) => item.length,
    flush: (items) => new Promise((resolve, reject) => {
      batches.push({ items, done: (results = items.map((item) => `${item}!`)) => resolve(results), fail: reject })
    }),
  })
  return { batcher, batches }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('batcher', () => {
  test('calls of one tick go together, calls made meanwhile make the next batch', async () => {
    const { batcher, batches } = manual()
    const first = [batcher.add('a'), batcher.add('b')]
    await settle()
    const second = [batcher.add('c'), batcher.add('d')]
    await settle()
    expect(batches.map((batch) => batch.items)).toEqual([['a', 'b']])
    batches[0]!.done()
    expect(await Promise.all(first)).toEqual(['a!', 'b!'])
    await settle()
    expect(batches[1]!.items).toEqual(['c', 'd'])
    batches[1]!.done()
    expect(await Promise.all(second)).toEqual(['c!', 'd!'])
  })

  test('a batch is cut at maxItems and at maxBytes; one oversized item travels alone', async () => {
    const { batcher, batches } = manual({ maxItems: 2, maxBytes: 5, inFlight: 10 })
    const all = ['a', 'b', 'c', 'dddd', 'eeeeeeeee', 'f'].map((item) => batcher.add(item))
    await settle()
    expect(batches.map((batch) => batch.items)).toEqual([['a', 'b'], ['c', 'dddd'], ['eeeeeeeee'], ['f']])
    for (const batch of batches) batch.done()
    await Promise.all(all)
  })

  test('beyond maxQueued a call is refused as retryable and the others are not hurt', async () => {
    const { batcher, batches } = manual({ maxQueued: 2 })
    const queued = [batcher.add('a'), batcher.add('b')]
    await expect(batcher.add('c')).rejects.toMatchObject({ code: 'store_busy', retryable: true })
    await settle()
    batches[0]!.done()
    expect(await Promise.all(queued)).toEqual(['a!', 'b!'])
    expect(batcher.size).toBe(0)
  })

  test('what waits is bounded in bytes too, and what has left makes way', async () => {
    const { batcher, batches } = manual({ maxQueuedBytes: 5 })
    const first = batcher.add('aaaaaa')
    await expect(batcher.add('b')).rejects.toMatchObject({ code: 'store_busy' })
    await settle()
    const second = batcher.add('c')
    batches[0]!.done()
    await settle()
    batches[1]!.done()
    expect(await Promise.all([first, second])).toEqual(['aaaaaa!', 'c!'])
  })

  test('a failed flush fails its own items only', async () => {
    const { batcher, batches } = manual({ maxItems: 1 })
    const first = batcher.add('a')
    const second = batcher.add('b')
    await settle()
    batches[0]!.fail(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await settle()
    batches[1]!.done()
    expect(await second).toBe('b!')
  })

  test('a flush that answers too little fails its items instead of leaving them pending', async () => {
    const { batcher, batches } = manual()
    const first = batcher.add('a')
    await settle()
    batches[0]!.done([])
    await expect(first).rejects.toThrow('0 results for 1 items')
  })

  test('no more than inFlight batches are on their way', async () => {
    const { batcher, batches } = manual({ maxItems: 1, inFlight: 2 })
    const all = ['a', 'b', 'c'].map((item) => batcher.add(item))
    await settle()
    expect(batches.length).toBe(2)
    batches[1]!.done()
    await settle()
    expect(batches.length).toBe(3)
    batches[0]!.done()
    batches[2]!.done()
    await Promise.all(all)
  })

  test('idle settles after the last batch, failed or not', async () => {
    const { batcher, batches } = manual({ maxItems: 1 })
    await batcher.idle()
    const first = batcher.add('a').catch(() => 'failed')
    const second = batcher.add('b')
    let idle = false
    const waiting = batcher.idle().then(() => { idle = true })
    await settle()
    batches[0]!.fail(new Error('broken'))
    await settle()
    expect(idle).toBe(false)
    batches[1]!.done()
    await waiting
    expect([await first, await second]).toEqual(['failed', 'b!'])
  })
})
