// Child process of the chaos tests: one node that does what it is told and tells what it sees.
import { createHive } from '../../src/index.ts'
import type { Hive } from '../../src/index.ts'
import { jobsRoom } from './protocol.ts'
import type { NodeSetup, Order, Told } from './protocol.ts'

const tell = (told: Told): void => {
  if (process.connected) process.send?.(told)
}

async function main(setup: NodeSetup): Promise<void> {
  const hive = await createHive({
    dataDir: setup.dataDir, log: { level: 'silent' },
    ...(setup.redis !== undefined && { redis: setup.redis }), ...(setup.id !== undefined && { node: { id: setup.id } }),
  })
  hive.bus.on('link.degraded').subscribe(() => tell({ kind: 'link', state: 'degraded' }))
  hive.bus.on('link.connected').subscribe(() => tell({ kind: 'link', state: 'connected' }))
  if (setup.role !== undefined) hive.roles.hold(setup.role, { onGained: (fence) => tell({ kind: 'gained', fence }), onLost: () => tell({ kind: 'lost' }) })
  process.on('message', (order: Order) => obey(hive, order).catch((error: unknown) => tell({ kind: 'failed', message: String(error) })))
  process.once('disconnect', () => process.exit(1))
  tell({ kind: 'ready', node: hive.node.id, pid: process.pid })
}

let flooding: Promise<unknown> | undefined
let going = false

async function obey(hive: Hive, order: Order): Promise<void> {
  switch (order.kind) {
    case 'flood':
      going = true
      flooding = Promise.all(Array.from({ length: order.writers }, (_, writer) => flood(hive, writer, order.everyMs)))
      return flooding.then(() => undefined)
    case 'hold':
      going = false
      await flooding
      return tell({ kind: 'held' })
    case 'post':
      await (await hive.room(order.room)).post('text', { text: order.id }, { id: order.id })
      return tell({ kind: 'acknowledged', id: order.id, at: Date.now() })
    case 'work': {
      const jobs = await hive.room('jobs', jobsRoom)
      await hive.room('done', jobsRoom)
      await jobs.work('workers', async (message, ctx) => {
        const key = `count:${message.id}`
        await ctx.commit({
          posts: [{ room: 'done', type: 'text', data: { text: message.id } }],
          records: [{ key, value: (((await ctx.record(key)) as number | undefined) ?? 0) + 1 }],
        })
      }, { concurrency: 8, maxAttempts: 1_000 })
      return tell({ kind: 'working' })
    }
    case 'tell':
      await (await hive.room('jobs', jobsRoom)).work('workers', (message) => tell({ kind: 'handled', id: message.id, at: Date.now() }))
      return tell({ kind: 'working' })
    case 'health': {
      const { ok, state, problems } = hive.health()
      return tell({ kind: 'health', ok, state, problems, journal: (await hive.metrics())['journal.items'] ?? 0 })
    }
    case 'stop': {
      const from = performance.now()
      await hive.stop()
      tell({ kind: 'stopped', tookMs: performance.now() - from })
      process.removeAllListeners('disconnect')
      process.disconnect()
    }
  }
}

/** A life of its own in each id: a node that was killed begins to count anew. */
async function flood(hive: Hive, writer: number, everyMs: number): Promise<void> {
  const jobs = await hive.room('jobs', jobsRoom)
  for (let next = 0; going; next++) {
    const id = `${hive.node.id}:${process.pid}:${writer}:${next}`
    await jobs.post('text', { text: id }, { id }).then(
      () => tell({ kind: 'acknowledged', id, at: Date.now() }),
      (error: unknown) => tell({ kind: 'refused', id, message: String(error) }),
    )
    // The pace of the load; nothing waits for it.
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

await main(JSON.parse(process.argv[2] as string) as NodeSetup).catch((error: unknown) => {
  tell({ kind: 'failed', message: String(error) })
  process.exitCode = 1
  if (process.connected) process.disconnect()
})
