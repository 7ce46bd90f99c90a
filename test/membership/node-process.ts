// Child process of failover.test.ts: one node that asks for the role "trainer" and tells what it sees.
import { hostname } from 'node:os'
import { membership, type NodeSummary } from '../../actors/membership/membership.ts'
import { createRoles } from '../../actors/membership/roles.ts'
import { createBus } from '../../src/bus/bus.ts'
import { createMirror } from '../../src/bus/mirror.ts'
import { systemClock as clock, systemRandomness as randomness } from '../../src/kernel/clock.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import { startNodeEpoch } from '../../src/store/node-epoch.ts'
import { claimNodeName } from '../../src/store/node-name.ts'
import { openRedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'

export interface Order {
  kind: 'list' | 'stop'
}

export type Told =
  | { kind: 'ready'; name: string; epoch: number }
  | { kind: 'gained'; fence: number }
  | { kind: 'lost' }
  | { kind: 'joined'; node: string }
  | { kind: 'left'; node: string; reason: string }
  | { kind: 'nodes'; nodes: string[] }
  | { kind: 'stopped' }

const [, , url, dataDir, ttl] = process.argv as [string, string, string, string, string]
const ttlMs = Number(ttl)
const tell = (told: Told): void => void process.send!(told)

const local = await openSqliteStore({ dataDir })
const claimed = await claimNodeName({ leases: local.leases, dataDir, clock, randomness })
const store = await openRedisStore({ url })
const epoch = startNodeEpoch({ leases: store.leases, name: claimed.name, clock, ttlMs })
const first = await epoch.begun()
const catalogue = createCatalogue()
const bus = createBus({ catalogue, clock, randomness, source: claimed.name })
bus.on('node.joined').subscribe(({ data }) => tell({ kind: 'joined', node: data.node }))
bus.on('node.left').subscribe(({ data }) => tell({ kind: 'left', ...data }))
const mirror = createMirror({ bus, signals: store.signals, catalogue, origin: claimed.name, epoch: () => first, clock, randomness })
await mirror.start()
const system = createActorSystem({ clock, randomness })
const roles = createRoles({ node: claimed.name, leases: store.leases, bus, clock, ttlMs, onFailure: () => undefined })
const startedAt = clock.now()
const summary = (): NodeSummary => ({ pid: process.pid, host: hostname(), roles: ['trainer'], holds: roles.held().map(({ role }) => role), actors: 1, health: 'ready', startedAt, epoch: epoch.owner().fence })
const member = await system.spawn(membership, { input: { node: claimed.name, presence: store.presence, bus, summary, ttlMs, mirrored: true } })
roles.hold('trainer', { onGained: (fence) => tell({ kind: 'gained', fence }), onLost: () => tell({ kind: 'lost' }) })
tell({ kind: 'ready', name: claimed.name, epoch: first })

process.on('message', (order: Order) => void obey(order))

async function obey({ kind }: Order): Promise<void> {
  if (kind === 'list') {
    tell({ kind: 'nodes', nodes: (await member.ask({ type: 'list' })).map(({ node }) => node) })
    return
  }
  await roles.stop()
  await system.stop()
  await mirror.stop()
  bus.stop()
  await epoch.stop()
  await store.close()
  await claimed.stop()
  await local.close()
  tell({ kind: 'stopped' })
  process.disconnect()
}
