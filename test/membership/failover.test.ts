import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startRedisServer, type RedisServer } from '../redis-server.ts'
import type { Order, Told } from './node-process.ts'

const ttlMs = 1_200

interface Node {
  child: ChildProcess
  told: Told[]
  /** The first thing of this kind that was told, from `after` on. */
  hears<Kind extends Told['kind']>(kind: Kind, holds?: (told: Extract<Told, { kind: Kind }>) => boolean): Promise<Extract<Told, { kind: Kind }>>
  order(order: Order): void
  kill(): Promise<void>
}

let server: RedisServer
let folders: string[]
let nodes: Node[]

beforeEach(async () => {
  server = await startRedisServer()
  folders = []
  nodes = []
})
afterEach(async () => {
  for (const node of nodes) await node.kill()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  await server.stop()
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hivemind-member-'))
  folders.push(made)
  return made
}

async function start(dataDir: string): Promise<{ node: Node; name: string; epoch: number }> {
  const child = fork(new URL('./node-process.ts', import.meta.url).pathname, [server.url, dataDir, String(ttlMs)], { execArgv: ['--import', 'tsx'] })
  const told: Told[] = []
  const exited = once(child, 'exit')
  const node: Node = {
    child,
    told,
    async hears(kind, holds = () => true) {
      for (let read = 0; ;) {
        for (; read < told.length; read++) {
          const one = told[read] as Extract<Told, { kind: typeof kind }>
          if (one.kind === kind && holds(one)) return one
        }
        await Promise.race([once(child, 'message'), exited.then(() => Promise.reject(new Error('the node ended')))])
      }
    },
    order: (order) => void child.send(order),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
  child.on('message', (one: Told) => told.push(one))
  nodes.push(node)
  const { name, epoch } = await node.hears('ready')
  return { node, name, epoch }
}

it('a role moves when its node is killed, under a greater fence, and the others hear of it', async () => {
  const a = await start(folder())
  const { fence } = await a.node.hears('gained')
  const b = await start(folder())
  await a.node.hears('joined', ({ node }) => node === b.name)
  expect(b.node.told.some(({ kind }) => kind === 'gained')).toBe(false)

  const killedAt = performance.now()
  await a.node.kill()
  const gained = await b.node.hears('gained')
  const tookMs = performance.now() - killedAt
  expect(gained.fence).toBeGreaterThan(fence)
  expect(tookMs).toBeLessThan(ttlMs * 1.2 + 1_500)
  expect(await b.node.hears('left', ({ node }) => node === a.name)).toMatchObject({ reason: 'expired' })
  b.node.order({ kind: 'list' })
  expect(await b.node.hears('nodes')).toMatchObject({ nodes: [b.name] })
})

it('a node that stops gives its role back at once, and says goodbye', async () => {
  const a = await start(folder())
  await a.node.hears('gained')
  const b = await start(folder())
  a.node.order({ kind: 'stop' })
  await a.node.hears('stopped')
  await b.node.hears('gained')
  expect(await b.node.hears('left', ({ node }) => node === a.name)).toMatchObject({ reason: 'stopped' })
})

it('processes of one folder have different names; one that was killed gets its name back, and a greater epoch', async () => {
  const shared = folder()
  const a = await start(shared)
  const b = await start(shared)
  expect(b.name).not.toBe(a.name)
  await a.node.kill()
  const again = await start(shared)
  expect(again.name).toBe(a.name)
  expect(again.epoch).toBeGreaterThan(a.epoch)
})
