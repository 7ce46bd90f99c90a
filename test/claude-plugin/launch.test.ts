import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { start, temporaryFolder } from '../cli/binary.ts'
import { contextOf, event, runHook } from './hook.ts'

test('hivemind up is found by the hooks through a file that only its owner reads, and takes it away at the end', { timeout: 60_000 }, async () => {
  const dataDir = temporaryFolder()
  const project = temporaryFolder()
  const up = start(['up', '--http', '127.0.0.1:0', '--data-dir', dataDir, '--json'])
  const { url } = JSON.parse(await up.until(/"url"/))
  const file = join(dataDir, 'daemon.json')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ url, pid: up.child.pid })
  expect(statSync(file).mode & 0o077).toBe(0)
  expect(await runHook(event('Stop', project, { last_assistant_message: 'The tide tables are in docs/tides.csv.' }, 'before'), dataDir)).toMatchObject({ code: 0, stderr: '' })
  const ran = await runHook(event('UserPromptSubmit', project, { prompt: 'where are the tide tables?' }), dataDir)
  expect(contextOf(ran)).toContain('> The tide tables are in docs/tides.csv.')
  up.child.kill('SIGTERM')
  await up.finished
  expect(existsSync(file)).toBe(false)
})

test('the MCP server of the plugin starts on the data folder of the hooks', { timeout: 60_000 }, async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const dataDir = temporaryFolder()
  const server = spawn(process.execPath, [join(root, 'src/claude-plugin/mcp.mjs')], { env: { ...process.env, HIVEMIND_HOME: root, HIVEMIND_DATA_DIR: dataDir }, stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => { server.once('exit', resolve) })
  const lines: any[] = []
  let wake = (): void => undefined
  let rest = ''
  server.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((line) => JSON.parse(line)))
    wake()
  })
  const call = async (id: number, method: string, params: object): Promise<any> => {
    server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    while (!lines.some((line) => line.id === id)) await new Promise<void>((resolve) => { wake = resolve })
    return lines.find((line) => line.id === id).result
  }
  expect(await call(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'claude-code', version: '2' } })).toMatchObject({ serverInfo: { name: 'hivemind' } })
  server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
  const { tools } = await call(2, 'tools/list', {})
  expect(tools.map((tool: any) => tool.name)).toContain('memory_recall')
  await call(3, 'tools/call', { name: 'memory_store', arguments: { text: 'kept through the plugin' } })
  expect(readdirSync(dataDir)).not.toEqual([])
  server.stdin.end()
  expect(await exited).toBe(0)
})
