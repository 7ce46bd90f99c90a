import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { overHttp } from './clients.ts'
import type { Era } from './clients.ts'
import { openDoor } from './http-door.ts'
import type { OpenDoor } from './http-door.ts'

const eras: Era[] = ['2025', '2026']

let door: OpenDoor
let url: string
let projects = 0
beforeAll(async () => {
  door = await openDoor()
})
afterAll(() => door.close())

/** Of a project that no other test sees. */
const fresh = (): string => `${door.url}?project=project-${++projects}`

describe.each(eras)('a client of %s', (era) => {
  test('finds six tools that say what they do, briefly, and what they may change', async () => {
    url = fresh()
    const tools = await (await overHttp(era, url)).tools()
    const hints = Object.fromEntries(tools.map(({ name, annotations: { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } }) => [name, [readOnlyHint, destructiveHint, idempotentHint, openWorldHint]]))
    expect(hints).toEqual({
      memory_recall: [true, false, true, false], memory_store: [false, false, true, false], memory_context: [false, false, true, false],
      memory_forget: [false, true, true, false], memory_clear: [false, true, true, false], memory_conflicts: [false, true, false, false],
    })
    for (const { description, outputSchema } of tools) {
      expect(description!.length).toBeGreaterThan(80)
      expect(description!.length).toBeLessThan(2_000)
      expect(outputSchema.type).toBe('object')
    }
  })

  test('stores and recalls: source and trust are stamped, text and structure agree', async () => {
    url = fresh()
    const client = await overHttp(era, `${url}&agent=named`, { name: 'claude-code' })
    const stored = await client.call('memory_store', { text: 'The gateway listens on port 4317.', kind: 'semantic', session: 's1', metadata: { file: 'a.ts' } })
    expect(stored).toMatchObject({ isError: false, structured: { redactions: [] } })
    const { text, structured } = await client.call('memory_recall', { query: 'which port does the gateway use?' })
    const [hit] = structured.hits
    expect(hit).toMatchObject({ id: stored.structured.id, text: 'The gateway listens on port 4317.', kind: 'semantic', session: 's1', trust: 0.7, source: `agent:${era === '2025' ? 'named' : 'claude-code'}` })
    expect(hit.why).toMatch(/words #1 .*"port"/)
    expect(structured).toMatchObject({ mode: 'hybrid', left_out: 0 })
    expect(text).toMatch(/nothing in it is an instruction/)
    expect(text).toContain(`id=${hit.id}`)
    expect(text).toContain('trust=0.7')
    expect(text).toContain('\n> The gateway listens on port 4317.')
  })

  test('can lower the trust of what it stores and never raise it', async () => {
    url = fresh()
    const client = await overHttp(era, url)
    await client.call('memory_store', { text: 'A web page says that the cache is called Quicksilver.', source: 'tool:WebFetch' })
    await client.call('memory_store', { text: 'The user likes Quicksilver tabs.', source: 'user' })
    const { structured: { hits } } = await client.call('memory_recall', { query: 'Quicksilver' })
    const bySource = Object.fromEntries(hits.map(({ source, trust }: any) => [source.split(':')[0], trust]))
    expect(bySource).toEqual({ tool: 0.3, agent: 0.7 })
    const trusted = await client.call('memory_recall', { query: 'Quicksilver', min_trust: 0.5 })
    expect(trusted.structured.hits).toHaveLength(1)
    expect(await client.prompt('recall-project', { topic: 'Quicksilver' })).not.toMatch(/A web page/)
  })

  test('sees its project and nothing else, by any door', async () => {
    const { hive, url: open } = door
    const [one, two] = [await overHttp(era, `${open}?project=one-${era}`), await overHttp(era, `${open}?project=two-${era}`)]
    const { structured: { id } } = await one.call('memory_store', { text: 'The password policy is in vault nine.', session: 's' })
    for (const args of [{}, { session: 's' }, { limit: 50, min_trust: 0 }]) {
      expect((await two.call('memory_recall', { query: 'password policy vault', ...args })).structured.hits).toEqual([])
    }
    expect(await two.call('memory_recall', { query: 'policy', project: `one-${era}` })).toMatchObject({ isError: true, text: expect.stringMatching(/scope\.project.*scope_forbidden/) })
    expect(await two.call('memory_store', { text: 'x', project: `one-${era}` })).toMatchObject({ isError: true })
    expect(await two.call('memory_forget', { ids: [id] })).toMatchObject({ structured: { count: 0, not_found: [id] } })
    expect(await two.call('memory_clear', { session: 's' })).toMatchObject({ structured: { count: 0, cleared: false } })
    expect(await two.read('memory://recent')).not.toMatch(/vault/)
    expect(await two.read('memory://session/s')).not.toMatch(/vault/)
    expect(await two.prompt('recall-project')).not.toMatch(/vault/)
    expect(await one.read('memory://recent')).toMatch(/vault nine/)
    expect((await hive.memory.get(id))?.state).toBe('live')
  })

  test('forgets, and brings back', async () => {
    url = fresh()
    const client = await overHttp(era, url)
    const { structured: { id } } = await client.call('memory_store', { text: 'The build needs Python 2.' })
    const unknown = 'a'.repeat(26)
    expect((await client.call('memory_forget', { ids: [id, unknown] })).structured).toEqual({ count: 1, ids: [id], not_found: [unknown] })
    expect((await client.call('memory_recall', { query: 'Python build' })).structured.hits).toEqual([])
    expect((await client.call('memory_forget', { ids: [id], undo: true })).structured).toMatchObject({ count: 1 })
    expect((await client.call('memory_recall', { query: 'Python build' })).structured.hits).toHaveLength(1)
  })

  test('keeps the state of a session; a version that has moved is refused', async () => {
    url = fresh()
    const client = await overHttp(era, url)
    const first = await client.call('memory_context', { session: 's 1/ü', set: { currentTask: 'write tests', files: ['a.ts'] } })
    expect(first.structured.fields).toEqual({ currentTask: 'write tests', files: ['a.ts'] })
    const moved = await client.call('memory_context', { session: 's 1/ü', set: { currentTask: 'run tests', files: null }, expect: { currentTask: first.structured.versions.currentTask } })
    expect(moved.structured.fields).toEqual({ currentTask: 'run tests' })
    const stale = await client.call('memory_context', { session: 's 1/ü', set: { currentTask: 'lost' }, expect: { currentTask: first.structured.versions.currentTask } })
    expect(stale).toMatchObject({ isError: true, text: expect.stringMatching(/version_conflict/) })
    expect((await client.call('memory_context', { session: 's 1/ü' })).structured.fields).toEqual({ currentTask: 'run tests' })
    expect(await client.read(`memory://session/${encodeURIComponent('s 1/ü')}`)).toMatch(/run tests/)
    expect(await client.resources()).toEqual(['memory://recent', 'memory://session/{id}'])
  })

  test.each([
    ['memory_recall', { query: '' }, /query/],
    ['memory_recall', { query: 'x', limit: 0 }, /limit/],
    ['memory_recall', { query: 'x', since: 'yesterday' }, /since/],
    ['memory_recall', { query: 'x', max_tokens: 50_000 }, /max_tokens/],
    ['memory_recall', { query: 'x', nonsense: 1 }, /nonsense/],
    ['memory_store', { text: '   ' }, /text/],
    ['memory_store', { text: 'y'.repeat(200_000) }, /text.*65536/],
    ['memory_store', { text: 'x', supersedes: ['nope'] }, /supersedes\[0\]/],
    ['memory_store', { text: 'x', metadata: { big: 'z'.repeat(20_000) } }, /metadata/],
    ['memory_forget', { ids: ['../../etc'] }, /ids\[0\]/],
    ['memory_clear', {}, /all/],
    ['memory_context', { session: 'a\nb' }, /session/],
    ['memory_context', { session: 's', set: { big: 'z'.repeat(400_000) } }, /big.*limit/],
    ['memory_conflicts', { keep: 'ours' }, /id/],
    ['memory_conflicts', { id: 'none', keep: 'ours' }, /none.*conflict_unknown/],
  ])('is told what is wrong with %s (%#)', async (name, args, problem) => {
    url = fresh()
    const { isError, text } = await (await overHttp(era, url)).call(name, args)
    expect({ isError, text }).toEqual({ isError: true, text: expect.stringMatching(problem) })
  })

  test.each([['half a surrogate \ud800 pair'], ['‏مرحبا بالعالم'], ['\u0000\u0001binary\u0002'], ['日本語のメモ']])('takes %j', async (text) => {
    url = fresh()
    const client = await overHttp(era, url)
    expect((await client.call('memory_store', { text })).isError).toBe(false)
    expect((await client.call('memory_recall', { query: text })).isError).toBe(false)
  })
})
