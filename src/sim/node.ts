import { configSchema } from '../config/schema.ts'
import { startHive } from '../hive.ts'
import type { Hive } from '../hive.ts'
import type { Logger } from '../kernel/logger.ts'
import type { MessageType } from '../messages/define.ts'
import { startNodeEpoch } from '../store/node-epoch.ts'
import { openOutageStore } from '../store/outage/open.ts'
import type { OutageStore } from '../store/outage/open.ts'
import type { NodeStore } from '../store/open-node.ts'
import type { Leases } from '../store/ports.ts'
import { Connection } from './connection.ts'
import { Disk } from './disk.ts'
import { Machine } from './machine.ts'
import type { Process } from './machine.ts'
import type { Network } from './network.ts'
import type { Prng } from './prng.ts'
import type { SimServer } from './server/server.ts'
import { createSimStore, noBlobs, noCache } from './store.ts'

/** A node of the simulated hive: a machine with a data folder, and the process on it, if one runs. */
export interface SimNode {
  readonly name: string
  readonly machine: Machine
  readonly disk: Disk
  /** How often it was started. */
  starts: number
  /** Of the process that runs now. */
  life: Life | undefined
}

export interface Life {
  readonly process: Process
  readonly connection: Connection
  /** Absent until it has started. */
  hive?: Hive
  outage?: OutageStore
  /** Its bus is joined with those of the others. */
  joined: boolean
  /** How often the state of its link has changed. */
  linkChanges: number
}

export interface NodeParts {
  network: Network
  server: SimServer
  prng: Prng
  messages: readonly MessageType<string, any>[]
  logger: Logger
  /** Sees all calls of leases. */
  watchLeases(leases: Leases): Leases
}

export function createNode(name: string, parts: NodeParts, rate: number): SimNode {
  return { name, machine: new Machine(name, parts.network.scheduler, rate), disk: new Disk(), starts: 0, life: undefined }
}

/** Starts the real hive on the node. Resolves when it is ready to be used; a life that is killed meanwhile never is. */
export async function startNode(node: SimNode, parts: NodeParts): Promise<Life> {
  const process = node.machine.start()
  const life: Life = { process, connection: new Connection(parts.network, parts.server, process), joined: false, linkChanges: 0 }
  node.life = life
  node.starts++
  const randomness = parts.prng.fork()
  const config = configSchema.parse({ dataDir: `/sim/${node.name}`, redis: 'redis://sim', node: { id: node.name } })
  life.hive = await startHive({
    config: { ...config, dataDir: `/sim/${node.name}` },
    messages: parts.messages, logger: parts.logger, clock: process, randomness,
    async openStore({ onSuperseded }): Promise<NodeStore> {
      const onFailure = (): void => undefined
      const outage = await openOutageStore({
        local: { ...node.disk.open(process), blobs: noBlobs, cache: noCache }, origin: node.name, clock: process, randomness,
        async connect() {
          await life.connection.open()
          return createSimStore(life.connection)
        },
      })
      life.outage = outage
      outage.link.on(() => life.linkChanges++)
      await outage.probe()
      const leases = parts.watchLeases(outage.leases)
      const epoch = startNodeEpoch({ leases, name: node.name, clock: process, ready: reached(outage), onSuperseded, onFailure })
      return {
        store: { ...outage, leases }, presence: outage.presence, conflicts: outage.conflicts, outage, name: node.name, epoch,
        async close() {
          await epoch.stop()
          await outage.close()
        },
      }
    },
  })
  return life
}

/** Ends the process at once. Its data folder stays. */
export function killNode(node: SimNode): void {
  const { life } = node
  node.life = undefined
  life?.process.kill()
  life?.connection.break('killed')
}

async function reached({ link }: OutageStore): Promise<void> {
  while (link.state === 'degraded') await link.changed()
}
