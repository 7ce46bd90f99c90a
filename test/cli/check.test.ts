import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { run, temporaryFolder } from './binary.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

function own(code: string): { cwd: string } {
  const cwd = temporaryFolder()
  mkdirSync(join(cwd, 'node_modules'))
  symlinkSync(join(root, 'node_modules/xstate'), join(cwd, 'node_modules/xstate'))
  writeFileSync(join(cwd, 'mine.mjs'), `import { createMachine } from 'xstate'\n${code}`)
  return { cwd }
}
const door = `export const machine = createMachine({ id: 'door', initial: 'shut', states: {
  shut: { on: { lock: 'locked', open: 'ajar' } }, locked: { on: { unlock: 'shut', open: 'ajar' } }, ajar: { on: { shut: 'shut' } } } })
`
const events = "events: [{ type: 'lock' }, { type: 'unlock' }, { type: 'open' }, { type: 'shut' }]"

describe('hivemind check', () => {
  test('a shipped machine: every property holds, text and JSON', async () => {
    const text = await run(['check', 'lease'])
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/^ok {3}lease, one contender: \d+ states/m)
    expect(text.stdout).toMatch(/^ok {3}lease, two contenders for a lease: \d+ states/m)
    const json = await run(['check', 'room-consumer', '--json'])
    expect(json).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(json.stdout)).toMatchObject({ machine: 'room-consumer', ok: true, neverTaken: [], neverEntered: [], checks: { length: 4 } })
  })

  test('a machine of one\'s own with a bug: exit code 1 and the shortest way there', async () => {
    const how = own(`${door}export const properties = { ${events}, steps: { 'a locked door does not open': (before, event, after) => !(before.value === 'locked' && after.value === 'ajar') } }`)
    const text = await run(['check', './mine.mjs'], how)
    expect(text.code).toBe(1)
    expect(text.stdout).toMatch(/FAIL door[\s\S]*a locked door does not open[\s\S]*1\. lock[\s\S]*2\. open/)
    const json = await run(['check', 'mine.mjs', '--json'], how)
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ machine: 'door', ok: false, checks: [{ problems: [{ kind: 'step', replay: { events: [{ type: 'lock' }, { type: 'open' }] } }] }] })
  })

  test('diagrams, of one machine', async () => {
    expect((await run(['check', 'lease', '--diagram'])).stdout).toMatch(/^stateDiagram-v2\n[\s\S]*lease_idle --> lease_asking : start/)
    expect((await run(['check', 'lease', '--diagram', 'dot'])).stdout).toMatch(/^digraph "lease" \{/)
  })

  test.each([
    [['check', 'leese'], '', 2, /there is no "leese" .*did you mean lease\?/],
    [['check', 'lease', '--json', '--diagram'], '', 2, /exclude each other/],
    [['check', 'lease', '--diagram', 'svg'], '', 2, /mermaid, dot/],
    [['check', './mine.mjs'], 'export const other = 1', 2, /exports no "machine": write /],
    [['check', './mine.mjs'], door, 2, /exports no "properties": write /],
    [['check', './mine.mjs'], `${door}export const properties = {}`, 2, /"events": "door" needs the events that may arrive/],
    [['check', './mine.mjs'], `export const machine = createMachine({ initial: 'x', after: { 100: '.x' }, states: { x: {} } })\nexport const properties = { events: [{ type: 'x' }] }`, 1, /has an "after" transition[\s\S]*startTimer/],
  ] as const)('%j %s', async (args, code, exitCode, message) => {
    const { code: ended, stderr } = await run(args, own(code))
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
    expect(ended).toBe(exitCode)
  })
})
