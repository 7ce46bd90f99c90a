import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvalidArgument, VersionConflict } from '../../src/index.ts'
import type { Hive } from '../../src/index.ts'
import { temporaryHive } from '../memory/fixture.ts'
import { startRedisServer } from '../redis-server.ts'

describe('a session', () => {
  let hive: Awaited<ReturnType<typeof temporaryHive>>
  beforeAll(async () => {
    hive = await temporaryHive()
  })
  afterAll(() => hive.close())

  it('keeps fields, each with a version, until they are taken away', async () => {
    const session = hive.session('s-1')
    expect(await session.get()).toEqual({})
    await session.set({ context: { branch: 'main' }, files: ['a.ts', 'ü {x}:%.ts'], currentTask: 'write tests' })
    expect(await session.get()).toMatchObject({ context: { branch: 'main' }, files: ['a.ts', 'ü {x}:%.ts'], currentTask: 'write tests' })
    expect((await session.get()).updatedAt).toBeGreaterThan(1.7e12)
    expect(await session.get('currentTask')).toBe('write tests')
    await session.set('odd {field}:%', null)
    expect(await session.get('odd {field}:%')).toBeNull()
    await session.set('files', undefined)
    expect(Object.keys(await session.get()).sort()).toEqual(['context', 'currentTask', 'odd {field}:%', 'updatedAt'])
    expect(await hive.session('s-1x').get()).toEqual({})
    expect(await session.clear()).toBe(3)
    expect(await session.get()).toEqual({})
  })

  it('refuses a write that was made from an older version', async () => {
    const session = hive.session('s-2')
    const { plan } = await session.set('plan', 'one', { expect: 0 }) as { plan: number }
    await session.set('plan', 'two', { expect: plan })
    await expect(session.set('plan', 'three', { expect: plan })).rejects.toThrow(VersionConflict)
    await expect(session.set('plan', 'four', { expect: 0 })).rejects.toThrow(VersionConflict)
    expect(await session.get('plan')).toBe('two')
    await session.set('plan', 'five', { expect: (await session.versions())['plan'] })
    expect(await session.get('plan')).toBe('five')
  })

  it('takes secrets out before they are kept', async () => {
    const session = hive.session('s-3')
    await session.set({ context: { note: `key ${['AKIA', 'QYLPMN5HFIQR7XYA'].join('')}`, apiKey: 'Zk29slPqW83nvTy1' } })
    expect(JSON.stringify(await session.get())).not.toMatch(/AKIA|Zk29/)
  })

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a function', { run: () => 1 }, /"run".*function/],
    ['a cycle', { loop: (() => { const a: unknown[] = []; a.push(a); return a })() }, /"loop.*itself/],
    ['a BigInt', { big: { deep: 1n } }, /"big.deep".*bigint/],
    ['what is too large', { text: 'x'.repeat(300_000) }, /"text".*limit/],
    ['a name it keeps itself', { updatedAt: 1 }, /updatedAt/],
    ['control characters in a name', { 'a\u0000b': 1 }, /control/],
  ])('refuses %s, naming the field', async (_, patch, message) => {
    const failed = hive.session('s-4').set(patch)
    await expect(failed).rejects.toThrow(InvalidArgument)
    await expect(failed).rejects.toThrow(message)
    expect(await hive.session('s-4').get()).toEqual({})
  })

  it('needs an id', () => {
    expect(() => hive.session('')).toThrow(InvalidArgument)
  })
})

describe('two nodes and an outage', () => {
  const until = async (what: () => Promise<boolean>): Promise<void> => expect.poll(what, { timeout: 15_000, interval: 30 }).toBe(true)

  it('goes on without the shared store; different fields unite, the same field becomes a conflict that can be settled', async () => {
    const server = await startRedisServer()
    const a = await temporaryHive({ redis: server.url, node: { id: 'a' } })
    const b = await temporaryHive({ redis: server.url, node: { id: 'b' } })
    await a.session('s').set({ task: 'begin', files: [] })
    await until(async () => (await b.session('s').get('task')) === 'begin')

    await server.kill()
    await until(async () => degraded(a) && degraded(b))
    await a.session('s').set({ task: 'of a', onlyA: 1 })
    await b.session('s').set({ task: 'of b', onlyB: 2 })
    expect(await a.session('s').get()).toMatchObject({ task: 'of a', onlyA: 1, files: [] })
    await server.restart()
    await until(async () => (await a.conflicts.list()).length + (await b.conflicts.list()).length === 1)
    await until(async () => {
      const [one, two] = [await a.session('s').get(), await b.session('s').get()]
      return one['onlyA'] === 1 && one['onlyB'] === 2 && two['onlyA'] === 1 && two['onlyB'] === 2
    })
    const loser = (await a.conflicts.list()).length === 1 ? a : b
    const [conflict] = await loser.conflicts.list()
    expect(JSON.stringify(conflict)).toContain(loser === a ? 'of a' : 'of b')
    await loser.conflicts.resolve(conflict!.id, 'ours')
    await until(async () => (await a.session('s').get('task')) === (await b.session('s').get('task')))
    expect(await a.session('s').get('task')).toBe(loser === a ? 'of a' : 'of b')
    await a.close()
    await b.close()
    await server.stop()
  }, 40_000)
})

function degraded(hive: Hive): boolean {
  return hive.health().state === 'degraded'
}
