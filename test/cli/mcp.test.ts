import { describe, expect, test } from 'vitest'
import { run, start, temporaryFolder } from './binary.ts'

test('mcp --help goes to stdout, with examples', async () => {
  const { code, stdout, stderr } = await run(['mcp', '--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/Examples:\n {2}\$ hivemind mcp/)
})

describe('used wrongly', () => {
  test.each([
    [['mcp', '--project', 'p', '--all-projects'], /either --project or --all-projects/],
    [['mcp', '--json'], /--json goes with --http/],
    [['mcp', '--http', 'nowhere'], /is no address/],
    [['mcp', '--http', '0.0.0.0:0'], /HIVEMIND_HTTP_API_KEY/],
    [['mcp', '--nonsense'], /unknown option/],
  ])('%j: exit code 2, and nothing on stdout', async (args, problem) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(problem)
  })
})

test('a client that was never there: the server ends at once', async () => {
  expect(await run(['mcp'], { input: '' })).toMatchObject({ code: 0, stdout: '' })
})

test('mcp --http says where it is, and ends on SIGTERM', async () => {
  const running = start(['mcp', '--http', '127.0.0.1:0', '--json'], { cwd: temporaryFolder() })
  const { url } = JSON.parse(await running.until(/\n/)) as { url: string }
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) })
  expect(await answer.text()).toMatch(/memory_recall/)
  running.child.kill('SIGTERM')
  expect((await running.finished).code).toBe(0)
})
