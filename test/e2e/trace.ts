import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { RecordedRun } from '../../src/check/recorded-run.ts'
import { run } from '../cli/binary.ts'

/** Holds a record against the machines with the binary; then once more with one state changed, which must be refused at that line. */
export async function checkedTrace(path: string): Promise<RecordedRun> {
  const { code, stdout } = await run(['check', '--trace', path, '--json'])
  const result = JSON.parse(stdout) as RecordedRun
  expect(result.failure).toBeUndefined()
  expect(code).toBe(0)

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const last = lines.findLastIndex((line) => line.includes('"kind":"machine"') && !line.includes('"foreign"'))
  const line = JSON.parse(lines[last]!) as { state: object }
  writeFileSync(`${path}.changed`, lines.with(last, JSON.stringify({ ...line, state: { ...line.state, value: 'elsewhere' } })).join('\n'))
  const refused = await run(['check', '--trace', `${path}.changed`])
  expect(refused.code).toBe(1)
  expect(refused.stdout).toMatch(new RegExp(`FAIL [\\s\\S]*line ${last + 1}, [\\s\\S]*before it, the machine was in`))
  return result
}
