import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { folder } from './clients.ts'
import { httpDoor } from './http-door.ts'

const suite = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')), 'dist/index.js')

/** Those of the suite that any server can be held against; the others call tools, prompts and resources of a server made for them. */
const scenarios = ['server-initialize', 'ping', 'tools-list', 'resources-list', 'prompts-list', 'dns-rebinding-protection']

test('the conformance suite of the protocol finds nothing', { timeout: 60_000 }, async () => {
  const { url } = await httpDoor()
  const results = await Promise.all(scenarios.map(async (scenario) => {
    const { stdout } = await promisify(execFile)(process.execPath, [suite, 'server', '--url', url, '--scenario', scenario], { cwd: folder() }).catch((error: unknown) => error as { stdout: string })
    return [scenario, /Passed: [1-9]\d*\/\d+, 0 failed, 0 warnings/.test(stdout) ? 'passed' : stdout] as const
  }))
  expect(Object.fromEntries(results)).toEqual(Object.fromEntries(scenarios.map((scenario) => [scenario, 'passed'])))
})
