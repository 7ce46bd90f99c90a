import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ScopeForbidden } from '../../src/index.ts'
import type { Memory, Scope } from '../../src/index.ts'
import { temporaryHive } from './fixture.ts'

let hive: Awaited<ReturnType<typeof temporaryHive>>
beforeAll(async () => {
  hive = await temporaryHive()
})
afterAll(() => hive.close())

const name = fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 2 })
const scope: fc.Arbitrary<Scope> = fc.record({ project: name, agent: name, session: name }).map((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)))
const within = (bound: Scope, of: Scope): boolean => (['project', 'agent', 'session'] as const).every((field) => bound[field] === undefined || bound[field] === of[field])

type Step = { of: Scope; text: string } & ({ act: 'store' | 'recall' | 'recent' | 'export' } | { act: 'forget' | 'restore' | 'purge' | 'supersede' | 'get'; pick: number })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('store' as const), of: scope, text: fc.constantFrom('alpha', 'beta', 'gamma', 'delta').map((word) => `the note about ${word}`) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('recall' as const, 'recent' as const, 'export' as const), of: scope, text: fc.constant('note about alpha beta') }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('forget' as const, 'restore' as const, 'purge' as const, 'supersede' as const, 'get' as const), of: scope, text: fc.constant('a newer note'), pick: fc.nat(30) }) },
)

/** Calls of a bound view that ask for something wider are refused; the rest stays inside, for reading and for writing. */
it('nothing outside of a view is seen or touched through it, whatever is done', async () => {
  await fc.assert(fc.asyncProperty(scope, fc.array(step, { minLength: 5, maxLength: 25 }), async (bound, steps) => {
    const all = hive.memory
    await all.forget({ all: true })
    await all.purge({ all: true }, { dryRun: true })
    const seeded = await all.store([{}, { project: 'a' }, { project: 'b' }, { project: 'a', agent: 'a' }, { project: 'a', agent: 'b', session: 'a' }, { agent: 'b' }, { session: 'b' }].map((of, index) => ({ text: `seed ${index} note about alpha`, scope: of })))
    const ids = seeded.map(({ id }) => id)
    const view = all.as({ channel: 'agent', scope: bound })
    for (const one of steps) {
      const before = await outside(all, bound, ids)
      await attempt(view, bound, one, ids)
      expect(await outside(all, bound, ids), JSON.stringify(one)).toEqual(before)
    }
  }), { numRuns: 10 })
}, 60_000)

async function attempt(view: Memory, bound: Scope, one: Step, ids: string[]): Promise<void> {
  try {
    switch (one.act) {
      case 'store': {
        const { id } = await view.store({ text: one.text, scope: one.of })
        expect(within(bound, (await view.get(id))?.scope ?? {})).toBe(true)
        ids.push(id)
        break
      }
      case 'recall':
        for (const hit of (await view.recall({ query: one.text, scope: one.of, limit: 100 })).hits) expect(within({ ...one.of, ...bound }, hit.scope)).toBe(true)
        break
      case 'recent':
        for (const record of await view.recent({ scope: one.of, limit: 100 })) expect(within({ ...one.of, ...bound }, record.scope)).toBe(true)
        break
      case 'export':
        for await (const line of view.export({ scope: one.of })) expect(within({ ...one.of, ...bound }, (JSON.parse(line) as { scope: Scope }).scope)).toBe(true)
        break
      case 'get': {
        const record = await view.get(ids[one.pick % ids.length]!)
        if (record !== undefined) expect(within(bound, record.scope)).toBe(true)
        break
      }
      case 'supersede':
        ids.push((await view.store({ text: `${one.text} ${one.pick}`, supersedes: ids[one.pick % ids.length]! })).id)
        break
      default:
        await view[one.act](one.pick % 2 === 0 ? { ids: [ids[one.pick % ids.length]!] } : { scope: one.of, all: true })
    }
  } catch (error) {
    if (!(error instanceof ScopeForbidden || /no memory/.test(String(error)))) throw error
  }
}

/** State and version of every memory that the view must not touch. */
async function outside(all: Memory, bound: Scope, ids: readonly string[]): Promise<string[]> {
  const records = await Promise.all([...new Set(ids)].map((id) => all.get(id)))
  return records.flatMap((record) => (record === undefined || within(bound, record.scope) ? [] : [`${record.id} ${record.state} ${record.version}`])).sort()
}
