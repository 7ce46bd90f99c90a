import { expect, test } from 'vitest'
import { run, start } from './binary.ts'

const short = ['--ms', '2000', '--load', '2/250']

test('a seed that is fine: one line, and the same again as JSON', async () => {
  const text = await run(['sim', '--seed', '7', '--nodes', '2', ...short])
  expect(text).toMatchObject({ code: 0, stderr: '' })
  const hash = /^seed 7: ok, [\d.]+ s of virtual time in \d+ ms \(\d+x\), \d+ messages, \d+ packets, trace ([0-9a-f]{16})$/m.exec(text.stdout)?.[1]
  const json = await run(['sim', '--seed', '7', '--nodes', '2', ...short, '--json'])
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, seed: 7, traceHash: hash, problems: [], command: 'hivemind sim --seed 7 --nodes 2 --ms 2000 --mode liveness --load 2/250' })
})

test('several seeds: one line for all of them', async () => {
  const { code, stdout } = await run(['sim', '--seeds', '2', '--mode', 'safety', '--faults', 'none', ...short])
  expect(stdout).toMatch(/^2 seeds, 0 failed; 4 s of virtual time in [\d.]+ s \(\d+x\)\n$/)
  expect(code).toBe(0)
})

test('a seed that fails: exit code 1, what failed, and the shrunk line that runs it again', async () => {
  const { code, stdout } = await run(['sim', '--seed', '1', ...short, '--defects', 'ackWithoutEffects', '--shrink'])
  expect(code).toBe(1)
  expect(stdout).toMatch(/^seed 1: FAILED, /m)
  expect(stdout).toMatch(/^ {2}effects before the acknowledgement: \S+ of asks was acknowledged without \S+ \(at [\d.]+ s\)$/m)
  const again = /^ {2}again: hivemind (.*--defects ackWithoutEffects)$/m.exec(stdout)![1]!.split(' ')
  expect(await run(again)).toMatchObject({ code: 1, stdout: expect.stringContaining('effects before the acknowledgement') as string })
}, 60_000)

test('Ctrl-C ends it: exit code 130, with what was found so far', async () => {
  const { child, finished, until } = start(['sim', '--seeds', '100000', '--ms', '500', '--faults', 'none'])
  await until(/^sim {2}[\d,]+ of 100,000 seeds/m, 'stderr')
  child.kill('SIGINT')
  const { code, stdout, stderr } = await finished
  expect(stderr).toMatch(/stopping \(SIGINT\)/)
  expect(stdout).toMatch(/^\d+ seeds, 0 failed; /)
  expect(code).toBe(130)
}, 60_000)

test.each([
  [['--seed', 'many'], /'--seed <n>' argument 'many' is invalid\. give a whole number of at least 0/],
  [['--nodes', '0'], /'--nodes <n>' argument '0' is invalid\. give a whole number of at least 1/],
  [['--seeds', '0'], /whole number of at least 1/],
  [['--faults', 'crsh'], /"--faults": "crsh" is none of cut, .*: did you mean crash\?/],
  [['--faults', 'crash,everything'], /"everything" is none of cut, partition, .*, server$/m],
  [['--defects', 'noDedup'], /"--defects": "noDedup" is none of .*: did you mean noDedupe\?/],
  [['--mode', 'fast'], /write safety or liveness/],
  [['--load', '4'], /write posts\/ms, as in 4\/200/],
  [['--only', 'x'], /write numbers of faults/],
  [['--only', '99', '--ms', '2000'], /"only": seed 1 has no fault 99 of these kinds within 2000 ms: choose among/],
])('used wrongly: %j', async (args, message) => {
  const { code, stdout, stderr } = await run(['sim', ...args])
  expect(stderr).toMatch(message)
  expect(stderr).not.toMatch(/^ +at /m)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})
