import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, start, temporaryFolder } from './binary.ts'

/** A scenario of a user's own, which imports nothing: any program can make one. */
function scenario(cwd: string, body: string, path = 'mine.mjs'): string {
  mkdirSync(join(cwd, 'scenarios'), { recursive: true })
  writeFileSync(join(cwd, path), `
    const empty = { def: { type: 'object' }, shape: {}, safeParse: (value) => ({ success: true, data: value }) }
    export default { kind: 'scenario', options: { name: 'mine', title: 'Mine', description: '', input: empty, rooms: { hall: {} }, expectations: [], report: () => ({}), steps: [], ${body} } }
  `)
  return path
}

describe('a scenario of one\'s own', () => {
  test('by path, by name in scenarios/; its report as text and JSON', async () => {
    const cwd = temporaryFolder()
    const body = `steps: [{ name: 'talking', run: async (ctx) => { await (await ctx.hive.room('hall')).post('text', { text: 'hi' }) } }], report: () => ({ said: 1 }), text: (r) => 'said ' + r.said,
      expectations: [{ name: 'somebody spoke', check: (r) => r.said === 1 || 'silence' }]`
    scenario(cwd, body)
    scenario(cwd, body, 'scenarios/own.mjs')
    const text = await run(['run', './mine.mjs'], { cwd })
    expect(text).toMatchObject({ code: 0, stdout: expect.stringMatching(/^said 1\n\nok {3}somebody spoke\nok in /) })
    expect(text.stderr).toMatch(/^talking {2}\d+\.\d s$/m)
    const { code, stdout, stderr } = await run(['run', 'own', '--json'], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({ scenario: 'mine', ok: true, report: { said: 1 }, expectations: [{ name: 'somebody spoke', ok: true }], store: { kind: 'sqlite', dataDir: join(cwd, '.hivemind') } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('an expectation that does not hold fails the run and says why', async () => {
    const cwd = temporaryFolder()
    scenario(cwd, `expectations: [{ name: 'somebody spoke', check: () => 'silence' }, { name: 'a broken check', check: () => { throw new Error('oh') } }]`)
    const { code, stdout } = await run(['run', './mine.mjs'], { cwd })
    expect(stdout).toMatch(/FAIL somebody spoke: silence\nFAIL a broken check: the check failed: oh\nFAILED in/)
    expect(code).toBe(1)
  })

  test('a step that throws fails the run; what it deferred is cleaned up, in reverse', async () => {
    const cwd = temporaryFolder()
    scenario(cwd, `steps: [{ name: 'falling', run: (ctx) => { ctx.defer(() => console.log('first')); ctx.defer(() => console.log('second')); throw new Error('fell') } }]`)
    expect(await run(['run', './mine.mjs'], { cwd })).toMatchObject({ code: 1, stdout: 'second\nfirst\n', stderr: expect.stringMatching(/hivemind: fell/) })
  })

  test.each([
    ['export const x = 1', /exports no scenario by default/],
    ['import "hivemind-not-there"', /hivemind-not-there/],
  ])('a module that holds %j', async (text, message) => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'mine.mjs'), text)
    const { code, stderr } = await run(['run', './mine.mjs'], { cwd })
    expect(stderr).toMatch(message)
    expect(code).not.toBe(0)
  })

  test('in TypeScript', async () => {
    const cwd = temporaryFolder()
    scenario(cwd, `report: () => ({ typed: 1 as number })`, 'mine.ts')
    const { code, stdout } = await run(['run', './mine.ts', '--json'], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).report).toEqual({ typed: 1 })
  })

  test('a module that imports this package where it is not installed is told how to get it', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'mine.mjs'), 'import "hivemind"')
    expect(await run(['run', './mine.mjs'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringMatching(/"npm install hivemind" there/) })
  })
})

describe('interrupted', () => {
  const waiting = `steps: [{ name: 'waiting', run: async (ctx) => { ctx.defer(() => console.log('cleaned up')); console.log('waiting'); await new Promise(() => setInterval(() => {}, 1000).unref()) } }]`

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends the run in an orderly way', async (signal) => {
    const cwd = temporaryFolder()
    scenario(cwd, waiting)
    const running = start(['run', './mine.mjs'], { cwd })
    await running.until(/waiting/)
    running.child.kill(signal)
    expect(await running.finished).toMatchObject({ code: 130, stdout: 'waiting\ncleaned up\n', stderr: expect.stringMatching(/stopping \(SIG(INT|TERM)\); once more ends at once/) })
  })

  test('a second Ctrl-C ends it at once', async () => {
    const cwd = temporaryFolder()
    scenario(cwd, waiting.replace(`console.log('cleaned up')`, `{ console.log('cleaning'); return new Promise((r) => setTimeout(r, 60000)) }`))
    const running = start(['run', './mine.mjs'], { cwd })
    await running.until(/waiting/)
    running.child.kill('SIGINT')
    await running.until(/cleaning/)
    running.child.kill('SIGINT')
    expect((await running.finished).code).toBe(130)
  })

  test('with --watch it keeps running, shows actors and rooms, and Ctrl-C brings the report', async () => {
    const cwd = temporaryFolder()
    scenario(cwd, `text: () => 'the report'`)
    const running = start(['run', './mine.mjs', '--watch'], { cwd })
    const shown = await running.until(/room +messages +pending[^]*hall/)
    expect(shown).toMatch(/actor +kind +state +mailbox +restarts +handled\n/)
    expect(shown).toMatch(/mine-\w+ +supervisor +running/)
    running.child.kill('SIGINT')
    expect(await running.finished).toMatchObject({ code: 0, stdout: expect.stringContaining('the report') })
  })
})

test('a report whose reader has gone does no harm', async () => {
  const cwd = temporaryFolder()
  scenario(cwd, `report: () => ({ long: 'x'.repeat(1000000) }), text: (r) => r.long`)
  const running = start(['run', './mine.mjs'], { cwd })
  running.child.stdout?.destroy()
  const [code] = await once(running.child, 'exit')
  expect(code).toBe(0)
})
