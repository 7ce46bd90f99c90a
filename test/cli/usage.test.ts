import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, temporaryFolder } from './binary.ts'

const commands = [
  [], ['run'], ['up'], ['status'], ['doctor'], ['rooms'], ['rooms', 'ls'], ['rooms', 'tail'], ['rooms', 'post'], ['rooms', 'dead'], ['rooms', 'replay'],
  ['conflicts'], ['conflicts', 'list'], ['conflicts', 'resolve'], ['redis-conf'], ['bench'],
]

test.each(commands.map((args) => [args.join(' ') || 'hivemind', args] as const))('%s --help shows examples', async (_, args) => {
  const { code, stdout, stderr } = await run([...args, '--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/Usage: /)
  expect(stdout).toMatch(/Examples:\n {2}\$ hivemind /)
})

test('help of a scenario lists what it takes', async () => {
  const { code, stdout } = await run(['run', 'codebase', '--help'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/dir +string +the folder to read +\(default "\."\)/)
})

test('--version is that of the package', async () => {
  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('used wrongly: exit code 2, one line that says what to do, no stack', () => {
  test.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['rom'], /Did you mean rooms/],
    [['rooms', 'tail'], /missing required argument 'room'/],
    [['rooms', 'tail', 'x', '-n', 'many'], /whole number of at least 0/],
    [['rooms', 'ls', '--nonsense'], /unknown option '--nonsense'/],
    [['rooms', 'post', 'x'], /give either a text or --data/],
    [['rooms', 'post', 'x', '--data', '{'], /--data is no JSON/],
    [['rooms', 'post', 'x', '--type', 'text', '--data', '{"txt":1}'], /"text" is not valid at "text"/],
    [['rooms', 'post', 'x', '--type', 'txt', '--data', '{}'], /unknown message type "txt" \(did you mean "text"/],
    [['run'], /which scenario\? Shipped are .*codebase/],
    [['run', 'codbase'], /there is no "codbase" .*did you mean codebase\?/],
    [['run', './nowhere.js'], /there is no "\.\/nowhere\.js" \(looked for /],
    [['run', 'codebase', '--watch', '--json'], /exclude each other/],
    [['run', 'codebase', '--input', 'dri=.'], /"input\.dri": is not an input of this scenario: did you mean dir\?/],
    [['run', 'codebase', '--input', 'dir'], /"dir" is not of the form name=value/],
    [['run', 'codebase', '--input', 'readers=many'], /"input\.readers": .*expected number/],
    [['run', 'codebase', '--input', 'readers=0'], /"input\.readers": /],
    [['run', 'codebase', '--input', 'dir=/nowhere/at/all'], /"input\.dir": \/nowhere\/at\/all cannot be read \(ENOENT\): give a folder/],
    [['run', 'codebase', '--input', 'dir=.', '--input', 'dir=..'], /"input\.dir": is given twice/],
    [['status', '--redis', 'http://x'], /configuration "redis": write redis:\/\//],
    [['up', '--http', 'everywhere'], /is no address: write HOST:PORT/],
    [['up', '--http', '0.0.0.0:0'], /"http\.apiKey": listening on 0\.0\.0\.0 lets other machines in/],
    [['conflicts', 'resolve', 'x'], /--keep/],
    [['conflicts', 'resolve', 'x', '--keep', 'mine'], /ours, theirs, both/],
    [['bench', 'nonsense'], /kernel, bus, rooms, check/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await run(args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a wrong configuration file', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'hivemind.config.json'), '{"limits":{"mailbx":1}}')
    const { code, stderr } = await run(['rooms', 'ls'], { cwd })
    expect(stderr).toMatch(/configuration "limits\.mailbx": is not a setting \(from .*hivemind\.config\.json\): did you mean limits\.mailbox\?/)
    expect(code).toBe(2)
  })
})

test('HIVEMIND_DEBUG shows where it happened', async () => {
  expect((await run(['run', 'codbase'], { env: { HIVEMIND_DEBUG: '1' } })).stderr).toMatch(/^ +at /m)
})

test('a TypeScript configuration is loaded by the loader that is there', async () => {
  const cwd = temporaryFolder()
  writeFileSync(join(cwd, 'hivemind.config.ts'), 'const prefix: string = "from-typescript"\nexport default { prefix }\n')
  const { stdout } = await run(['doctor', '--json'], { cwd })
  expect(JSON.parse(stdout).settings).toContainEqual(expect.objectContaining({ path: 'prefix', value: 'from-typescript', origin: join(cwd, 'hivemind.config.ts') }))
})

describe('doctor', () => {
  test('says what is in force and where from, without secrets', async () => {
    const cwd = temporaryFolder()
    const { code, stdout } = await run(['doctor'], { cwd, env: { HIVEMIND_HTTP_API_KEY: 'abcdefghijklmnopqrst', HIVEMIND_NODE_ROLES: 'memory' } })
    expect(stdout).toMatch(/node\.roles +\["memory"\] +HIVEMIND_NODE_ROLES/)
    expect(stdout).toMatch(/http\.apiKey +"\*\*\*"/)
    expect(stdout).not.toContain('abcdefghijklmnopqrst')
    expect(stdout).toMatch(/^ok +store: embedded \(SQLite\), 0 rooms$/m)
    expect(code).toBe(0)
  })

  test('fails when the store cannot be opened, and still says what is configured', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'file'), '')
    const { code, stdout } = await run(['doctor', '--json', '--data-dir', 'file/below'], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, checks: expect.arrayContaining([expect.objectContaining({ name: 'data folder', state: 'fail' }), expect.objectContaining({ name: 'store', state: 'fail' })]) })
    expect(code).toBe(1)
  })
})
