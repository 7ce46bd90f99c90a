import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { createHive } from '../../src/index.ts'
import { afterwards, folder, mainFile, nodeArgs, overStdio } from './clients.ts'

const { REDIS_URL: _url, REDIS_HOST: _host, REDIS_PORT: _port, ...env } = process.env

interface Raw {
  child: ChildProcess
  lines: string[]
  send(frame: object | string): void
  /** The answer to the request of this id. */
  answer(id: number): Promise<any>
  ended: Promise<{ code: number | null; ms: number }>
}

/** The server, and every line that it writes. */
function raw(args: string[], cwd: string, command: string[] = [...nodeArgs, mainFile]): Raw {
  const child = spawn(process.execPath, [...command, 'mcp', ...args], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] })
  afterwards(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const waiting = new Map<number, (answer: any) => void>()
  createInterface(child.stdout!).on('line', (line) => {
    lines.push(line)
    let frame: any
    try {
      frame = JSON.parse(line)
    } catch {
      return
    }
    waiting.get(frame.id)?.(frame)
  })
  child.stdin!.on('error', () => undefined)
  return {
    child, lines,
    send: (frame) => void child.stdin!.write(`${typeof frame === 'string' ? frame : JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`),
    answer: (id) => new Promise((resolve) => { waiting.set(id, resolve) }),
    ended: once(child, 'exit').then(([code]) => ({ code, ms: performance.now() })),
  }
}

const hello = { id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } }
const call = (id: number, name: string, args: object): object => ({ id, method: 'tools/call', params: { name, arguments: args } })

async function shake(server: Raw): Promise<void> {
  const answered = server.answer(1)
  server.send(hello)
  await answered
  server.send({ method: 'notifications/initialized' })
}

async function ask(server: Raw, id: number, name: string, args: object): Promise<any> {
  const answered = server.answer(id)
  server.send(call(id, name, args))
  return (await answered).result
}

describe('stdout', { timeout: 60_000 }, () => {
  test('carries frames and nothing else, whoever writes there', async () => {
    const dir = folder()
    writeFileSync(join(dir, 'hivemind.config.mjs'), `
      import { Worker } from 'node:worker_threads'
      const noise = () => { console.log('noise'); console.info('noise'); process.stdout.write('noise without an end'); console.error('on stderr') }
      noise()
      setInterval(noise, 5).unref()
      new Worker("setInterval(() => console.log('noise of a worker'), 5).unref(); setTimeout(() => {}, 60000)", { eval: true }).unref()
      export default {}
    `)
    const server = raw(['--data-dir', dir], dir)
    await shake(server)
    for (let id = 2; id < 12; id++) await ask(server, id, 'memory_store', { text: `Line ${id}\nwith a feed.` })
    const { structuredContent } = await ask(server, 20, 'memory_recall', { query: 'line', limit: 50 })
    expect(structuredContent.hits).toHaveLength(10)
    server.child.stdin!.end()
    expect((await server.ended).code).toBe(0)
    expect(server.lines).toHaveLength(12)
    for (const line of server.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0', id: expect.any(Number) })
  })
})

describe('a client', { timeout: 60_000 }, () => {
  test('that writes what is no frame is served on', async () => {
    const dir = folder()
    const server = raw(['--data-dir', dir], dir)
    await shake(server)
    for (const bad of ['nonsense', '{"jsonrpc":"2.0"', '[]', '"x"', '\u0000', '{"id":{}}']) server.send(bad)
    expect((await ask(server, 2, 'memory_store', { text: 'still here' })).isError).toBeUndefined()
  })

  test('that goes away takes its server with it, in the middle of work, within two seconds', async () => {
    const dir = folder()
    const server = raw(['--data-dir', dir], dir)
    await shake(server)
    await ask(server, 2, 'memory_store', { text: 'one' })
    for (let id = 3; id < 200; id++) server.send(call(id, 'memory_store', { text: `note ${id}` }))
    server.child.stdin!.end()
    const from = performance.now()
    const { code, ms } = await server.ended
    expect(code).toBe(0)
    expect(ms - from).toBeLessThan(2_000)
  })

  test('whose death no pipe tells is noticed too', async () => {
    const dir = folder()
    // A FIFO that this process holds open as well: when the parent is killed, no stream ends.
    const fifo = join(dir, 'stdin')
    execFileSync('mkfifo', [fifo])
    const held = openSync(fifo, 'r+')
    afterwards(() => closeSync(held))
    const parent = spawn(process.execPath, ['-e', `
      const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify([...nodeArgs, mainFile, 'mcp', '--data-dir', dir])}, { stdio: ['inherit', 'inherit', 'ignore'] })
      console.error(child.pid)
    `], { cwd: dir, env, stdio: [held, 'pipe', 'pipe'] })
    afterwards(() => void parent.kill('SIGKILL'))
    const pid = Number(String((await once(parent.stderr!, 'data'))[0]))
    afterwards(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
    const answered = once(parent.stdout!, 'data')
    writeSync(held, `${JSON.stringify({ jsonrpc: '2.0', ...hello })}\n`)
    expect(JSON.parse(String((await answered)[0]))).toMatchObject({ id: 1 })
    parent.kill('SIGKILL')
    const from = performance.now()
    while (isAlive(pid) && performance.now() - from < 5_000) await new Promise((resolve) => { setTimeout(resolve, 20) })
    expect(performance.now() - from).toBeLessThan(2_500)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('the project', { timeout: 60_000 }, () => {
  test('is that of --project, else of the root the client names, else of the working folder', async () => {
    const dir = folder()
    const repository = join(dir, 'repository')
    mkdirSync(join(repository, '.git'), { recursive: true })
    writeFileSync(join(repository, '.git/config'), '[remote "origin"]\n\turl = git@github.com:me/app.git\n')
    const [named, rooted, working, modern] = await Promise.all([
      overStdio('2025', dir, ['--project', 'named'], repository), overStdio('2025', dir, [], dir, { roots: [repository] }), overStdio('2025', dir, [], dir), overStdio('2026', dir, [], repository),
    ])
    await named.call('memory_store', { text: 'of named' })
    await rooted.call('memory_store', { text: 'of the root' })
    await working.call('memory_store', { text: 'of the folder' })
    await modern.call('memory_store', { text: 'of the repository' })
    const hive = await createHive({ dataDir: dir, log: { level: 'silent' } })
    afterwards(() => hive.stop())
    const projects = Object.fromEntries((await hive.memory.recent()).map(({ text, scope }) => [text, scope.project]))
    expect(projects).toEqual({ 'of named': 'named', 'of the root': 'github.com/me/app', 'of the folder': dir, 'of the repository': 'github.com/me/app' })
  })
})

test('a data folder that cannot be used is told by the tools, not by silence; it is tried again', { timeout: 60_000 }, async () => {
  const dir = folder()
  const locked = join(dir, 'not-a-folder')
  writeFileSync(locked, '')
  const client = await overStdio('2025', locked, [], dir)
  expect(await client.tools()).toHaveLength(6)
  expect(await client.call('memory_recall', { query: 'x' })).toMatchObject({ isError: true, text: expect.stringMatching(/not-a-folder/) })
  rmSync(locked)
  expect(await client.call('memory_store', { text: 'now it works' })).toMatchObject({ isError: false })
})

test('eight servers write to one folder at once: nothing lost, nothing locked', { timeout: 180_000 }, async () => {
  const dir = folder()
  const clients = await Promise.all(Array.from({ length: 8 }, () => overStdio('2025', dir, ['--project', 'p'])))
  const answers = await Promise.all(clients.flatMap((client, writer) => Array.from({ length: 40 }, (_, note) => client.call('memory_store', { text: `Writer ${writer} saw event number ${note} of its own.` }))))
  expect(answers.filter(({ isError }) => isError)).toEqual([])
  const shared = await Promise.all(clients.map((client) => client.call('memory_store', { text: 'All eight know that the moon is full.' })))
  const hive = await createHive({ dataDir: dir, log: { level: 'silent' } })
  afterwards(() => hive.stop())
  const kept = await Promise.all([...answers, ...shared].map(({ structured: { id, duplicate_of: other } }) => hive.memory.get(other ?? id)))
  expect(kept.filter((memory) => memory?.state !== 'live')).toEqual([])
  expect((await hive.memory.stats()).memories).toBe(new Set(answers.filter(({ structured }) => structured.duplicate_of === undefined).map(({ structured }) => structured.id)).size + 1)
  expect(new Set(shared.map(({ structured }) => structured.id)).size).toBe(1)
  expect((await clients[7]!.call('memory_recall', { query: 'Writer 0 event number 39', limit: 50 })).structured.hits.length).toBeGreaterThan(0)
})
