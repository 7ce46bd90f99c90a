import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, temporaryFolder } from './binary.ts'

const json = (text: string): any => JSON.parse(text)

describe('memory', () => {
  test('what is stored is recalled, in the project one stands in', { timeout: 60_000 }, async () => {
    const cwd = temporaryFolder()
    const stored = json((await run(['memory', 'store', 'We use SQLite because it needs no server', '--kind', 'semantic', '--json'], { cwd })).stdout)
    expect(stored.id).toMatch(/^[a-z2-7]{26}$/)
    const piped = await run(['memory', 'store', '-'], { cwd, input: 'the token is ghp_abcdefghijklmnopqrstuvwxyz0123456789\n' })
    expect(piped).toMatchObject({ code: 0, stderr: expect.stringContaining('taken out: 1 x github-token') })
    const { stdout } = await run(['memory', 'recall', 'why', 'sqlite'], { cwd })
    expect(stdout).toMatch(new RegExp(`^1\\. ${stored.id} .* semantic  user:\\S+ \\(trust 1\\)\n   We use SQLite because it needs no server\n   found by .*words #1`))
    expect(json((await run(['memory', 'recall', 'sqlite', '--json', '-n', '1'], { cwd })).stdout)).toMatchObject({ mode: 'hybrid', hits: [{ id: stored.id, scope: { project: cwd } }] })
    expect((await run(['memory', 'recall', 'sqlite', '--project', 'other'], { cwd })).stdout).toMatch(/nothing found in other/)
    expect(json((await run(['memory', 'recall', 'sqlite', '--all-projects', '--json'], { cwd })).stdout).hits).toHaveLength(2)
    expect(json((await run(['memory', 'stats', '--json'], { cwd })).stdout)).toMatchObject({ memories: 2, scope: { project: cwd } })
  })

  test('forgetting by a filter wants to be sure; restore brings back, purge does not', { timeout: 60_000 }, async () => {
    const cwd = temporaryFolder()
    const { id } = json((await run(['memory', 'store', 'the first thing to remember', '--session', 's1', '--json'], { cwd })).stdout)
    await run(['memory', 'store', 'something else entirely', '--json'], { cwd })
    expect(await run(['memory', 'forget'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('--all means all of the project') })
    expect(await run(['memory', 'forget', '--all'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('2 would be forgotten: say --yes') })
    expect((await run(['memory', 'forget', '--session', 's1', '--dry-run'], { cwd })).stdout).toBe(`1 would be forgotten:\n  ${id}\n`)
    expect((await run(['memory', 'forget', '--all', '--yes'], { cwd })).stdout).toBe('2 forgotten\n')
    expect((await run(['memory', 'recall', 'something'], { cwd })).stdout).toMatch(/nothing found/)
    expect((await run(['memory', 'restore', id], { cwd })).stdout).toBe('1 restored\n')
    expect(await run(['memory', 'purge', id], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })
    expect((await run(['memory', 'purge', id, '--yes'], { cwd })).stdout).toBe('1 purged\n')
    expect((await run(['memory', 'restore', id], { cwd })).stdout).toBe('0 restored\n')
  })

  test('export and import, again and again; bad lines by file and line', { timeout: 60_000 }, async () => {
    const [cwd, other] = [temporaryFolder(), temporaryFolder()]
    await run(['memory', 'store', 'to be carried over'], { cwd })
    expect((await run(['memory', 'export', 'out.jsonl'], { cwd })).stdout).toBe('1 memories written to out.jsonl\n')
    const file = join(cwd, 'out.jsonl')
    expect(statSync(file).mode & 0o077).toBe(0)
    expect((await run(['memory', 'export'], { cwd })).stdout).toBe(readFileSync(file, 'utf8'))
    expect(json((await run(['memory', 'import', file, '--json'], { cwd: other })).stdout)).toMatchObject({ stored: 1, duplicates: 0 })
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"no": "text"}\n`)
    expect(await run(['memory', 'import', file], { cwd: other })).toMatchObject({ code: 1, stdout: '0 stored, 1 known already, 1 refused\n', stderr: expect.stringContaining(`${file}:2: "text"`) })
    expect(await run(['memory', 'import', 'nowhere.jsonl'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere.jsonl cannot be used (ENOENT)') })
    expect(await run(['memory', 'export', 'no/such/folder.jsonl'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') })
  })

  test.each([
    [['recall', 'x', '--since', 'soon'], /"since"/], [['recall', 'x', '--min-trust', '7'], /minTrust/], [['store', ''], /"text"/], [['store', 'x', '--metadata', '{'], /--metadata is no JSON/],
    [['recall', 'x', '--project', 'a', '--all-projects'], /either --project or --all-projects/], [['forget', 'abc'], /ids\[0\]/], [['forget', 'abc', '--all'], /either ids, or a filter/],
  ])('%j is told as a mistake', async (args, message) => {
    const { code, stderr } = await run(['memory', ...args])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})
