import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { startRedisServer } from '../redis-server.ts'
import type { RedisServer, RedisServerOptions } from '../redis-server.ts'
import type { NodeSetup, Order, Told } from './protocol.ts'

export interface NodeProcess {
  readonly child: ChildProcess
  readonly setup: NodeSetup
  readonly name: string
  readonly told: Told[]
  /** The first of this kind that fits, of those told already or from now on. Rejects when the process fails or ends without it. */
  hears<Kind extends Told['kind']>(kind: Kind, fits?: (told: Extract<Told, { kind: Kind }>) => boolean): Promise<Extract<Told, { kind: Kind }>>
  /** As `hears`, of those told from now on. */
  next<Kind extends Told['kind']>(kind: Kind, fits?: (told: Extract<Told, { kind: Kind }>) => boolean): Promise<Extract<Told, { kind: Kind }>>
  order(order: Order): void
  readonly alive: boolean
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  readonly exited: Promise<number | null>
}

const cleanUps: (() => unknown)[] = []
/** Last made, first ended. */
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
export function afterTest(cleanUp: () => unknown): void {
  cleanUps.push(cleanUp)
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hivemind-chaos-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A Redis of the test's own. */
export async function privateRedis(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedisServer(options)
  cleanUps.push(() => server.stop())
  return server
}

/** Starts a node in a process of its own; settles when its hive is up. */
export async function startNode(setup: NodeSetup): Promise<NodeProcess> {
  const child = fork(new URL('./node-process.ts', import.meta.url).pathname, [JSON.stringify(setup)], { execArgv: ['--import', 'tsx'] })
  const told: Told[] = []
  const watchers = new Set<() => void>()
  let ended = false
  const look = (): void => {
    for (const watcher of watchers) watcher()
  }
  child.on('message', (one: Told) => {
    told.push(one)
    look()
  })
  const exited = once(child, 'close').then(([code]: (number | null)[]) => {
    ended = true
    look()
    return code ?? null
  })
  let name = ''

  function hear<Kind extends Told['kind']>(from: number, kind: Kind, fits: (one: Extract<Told, { kind: Kind }>) => boolean): Promise<Extract<Told, { kind: Kind }>> {
    type One = Extract<Told, { kind: Kind }>
    let read = from
    return new Promise((resolve, reject) => {
      const watcher = (): void => {
        for (; read < told.length; read++) {
          const one = told[read] as Told
          if (one.kind === kind && fits(one as One)) return settle(() => resolve(one as One))
          if (one.kind === 'failed') return settle(() => reject(new Error(one.message)))
        }
        if (ended) settle(() => reject(new Error(`node ${name} ended before it told "${kind}"`)))
      }
      const settle = (how: () => void): void => {
        watchers.delete(watcher)
        how()
      }
      watchers.add(watcher)
      watcher()
    })
  }

  const node: NodeProcess = {
    child, setup, told, exited,
    get name() {
      return name
    },
    get alive() {
      return !ended
    },
    hears: (kind, fits = () => true) => hear(0, kind, fits),
    next: (kind, fits = () => true) => hear(told.length, kind, fits),
    order: (order) => void child.send(order),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
  cleanUps.push(() => node.kill())
  name = (await node.hears('ready')).node
  return node
}
