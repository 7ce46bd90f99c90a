import { createHive, messageOf } from 'hivemind'
import type { Hive } from 'hivemind'
import type { OtherOrder, OtherReport, OtherTask } from './messages.ts'

/** The other side: a node of its own, in a process and a data folder of its own, that shares the memory over Redis. */
async function main({ redis, dataDir }: OtherTask): Promise<void> {
  const hive = await createHive({ redis, dataDir, node: { id: 'other' }, log: { level: 'silent' } })
  hive.bus.on('link.degraded').subscribe(() => report({ type: 'lost' }))
  hive.bus.on('link.connected').subscribe(() => report({ type: 'drained' }))
  process.once('disconnect', () => void hive.stop())
  process.on('message', (order: OtherOrder) => {
    if (order.type === 'stop') process.disconnect()
    else carryOut(hive, order).then((value) => report({ type: 'done', value }), (error: unknown) => report({ type: 'failed', message: messageOf(error) }))
  })
  report({ type: 'ready' })
}

async function carryOut(hive: Hive, order: Exclude<OtherOrder, { type: 'stop' }>): Promise<unknown> {
  switch (order.type) {
    case 'set':
      return hive.session(order.session).set(order.field, order.value)
    case 'get':
      return hive.session(order.session).get(order.field)
    case 'recall':
      return (await hive.memory.recall({ query: order.query, scope: { project: order.project }, limit: 5 })).hits.map(({ text }) => text)
    case 'conflicts':
      return hive.conflicts.list()
    case 'resolve':
      return hive.conflicts.resolve(order.conflict, order.keep)
  }
}

function report(message: OtherReport): void {
  if (process.connected) process.send?.(message)
}

main(JSON.parse(process.argv[2] ?? '{}') as OtherTask).catch((error: unknown) => {
  process.send?.({ type: 'failed', message: messageOf(error) } satisfies OtherReport, () => process.exit(1))
})
