import { spawnSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

// The examples of the README are run as a newcomer would: in a folder of their own, with the built package installed beside them.

const root = fileURLToPath(new URL('../..', import.meta.url))
const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!)
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivemind-readme-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/hivemind'))
  symlinkSync(join(root, 'node_modules/xstate'), join(folder, 'node_modules/xstate'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(code: string): string {
  const file = join(folder, 'example.ts')
  writeFileSync(file, code)
  const loader = join(root, 'node_modules/tsx/dist/loader.mjs')
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', loader, file], { cwd: folder, encoding: 'utf8', timeout: 30_000 })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

it('the memory example recalls what it stored and says why', () => {
  const output = run(blocks[0]!)
  expect(output).toMatch(/^hybrid The gateway gives up after 30 s: proxy_read_timeout in nginx.conf. 0.9 \{/)
  expect(output).toContain('contents of nginx.conf raise the timeout')
})

it('the spawn API example prints what its comments say', () => {
  expect(run(blocks[1]!).trim().split('\n')).toEqual(['3', 'done: sweep the floor'])
})

it('the checker example finds the planted bug by the shortest path', () => {
  const output = run(blocks[2]!)
  expect(output).toContain('a locked door does not open')
  expect(output).toMatch(/lock[\s\S]*open/)
  expect(output).not.toContain('unlock')
})
