import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { catalogue } from '../../src/store/keys.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { memory } from '../contract/documents.ts'
import { startRedisServer } from '../redis-server.ts'
import type { Order, Told } from './documents-process.ts'
import { openFolder } from './redis/documents.ts'

vi.setConfig({ testTimeout: 120_000 })

let dataDir: string
let children: ChildProcess[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'hivemind-documents-'))
  children = []
})
afterEach(async () => {
  await Promise.all(children.map(end))
  rmSync(dataDir, { recursive: true, force: true })
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function start(redis?: string) {
  const child = fork(new URL('./documents-process.ts', import.meta.url).pathname, [dataDir, ...(redis === undefined ? [] : [redis])], { execArgv: ['--import', 'tsx'] })
  children.push(child)
  const told: Told[] = []
  let wake = (): void => {}
  child.on('message', (message: Told) => {
    told.push(message)
    wake()
  })
  child.on('exit', () => {
    told.push({ kind: 'failed', message: 'the process ended' })
    wake()
  })
  return {
    child,
    order: (order: Order) => void child.send(order),
    async next<Kind extends Told['kind']>(kind: Kind): Promise<Told & { kind: Kind }> {
      for (;;) {
        const index = told.findIndex((message) => message.kind === kind)
        if (index >= 0) return told.splice(index, 1)[0] as Told & { kind: Kind }
        const failed = told.find((message) => message.kind === 'failed')
        if (failed !== undefined) throw new Error(failed.message)
        await new Promise<void>((resolve) => { wake = resolve })
      }
    },
  }
}

const rounds = 100
const keysOf = (prefix: string): string[] => Array.from({ length: rounds }, (_, round) => [0, 1, 2].map((step) => catalogue.memory.build(`${prefix}-${round}-${step}`))).flat()

it.each(['alone', 'with Redis'])('eight processes write to one data folder at once, %s: nothing is lost, no lock is in the way', async (how) => {
  const server = how === 'alone' ? undefined : await startRedisServer()
  const processes = Array.from({ length: 8 }, () => start(server?.url))
  await Promise.all(processes.map(({ next }) => next('ready')))
  for (const [index, { order }] of processes.entries()) order({ kind: 'write', prefix: `p${index}`, rounds })
  const written = await Promise.all(processes.map(({ next }) => next('written')))
  expect(written).toEqual(processes.map(() => ({ kind: 'written', acknowledged: 4 * rounds, problems: [] })))
  const store = await openSqliteStore({ dataDir })
  const fields = await store.documents.list('session:{shared}#', { limit: 100 })
  expect(fields.map(({ value }) => value)).toEqual(processes.map(() => rounds - 1))
  for (const index of processes.keys()) {
    const found = await store.documents.get(keysOf(`p${index}`))
    expect(found.filter((document) => document === undefined)).toEqual([])
  }
  const numbers = await store.database.all('SELECT seq FROM memories UNION ALL SELECT seq FROM documents ORDER BY seq')
  expect(new Set(numbers.map(({ seq }) => seq)).size).toBe(8 * 3 * rounds + 8)
  await store.close()
  await Promise.all(children.map(end))
  await server?.stop()
})

it('when the process dies that fills the folder, another one does', async () => {
  const server = await startRedisServer()
  const processes = [start(server.url), start(server.url)]
  const ready = await Promise.all(processes.map(async (one) => ({ one, ...(await one.next('ready')) })))
  // It is known only after a while which of the two it is.
  const first = ready.find(({ applies }) => applies)?.one ?? await Promise.race(processes.map(async (one) => (await one.next('applies'), one)))
  const other = processes.find((one) => one !== first)!
  await end(first.child)
  await other.next('applies')
  const elsewhere = await openFolder({ url: server.url })
  await elsewhere.until('connected')
  const key = catalogue.memory.build('from-elsewhere')
  await elsewhere.documents.write([{ key, value: memory('from elsewhere') }])
  const store = await openSqliteStore({ dataDir })
  while ((await store.documents.get([key]))[0] === undefined) await new Promise((resolve) => setImmediate(resolve))
  await store.close()
  await elsewhere.remove()
  await end(other.child)
  await server.stop()
})
