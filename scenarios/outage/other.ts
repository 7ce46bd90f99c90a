import { createHive, messageOf } from 'hivemind'
import type { Hive } from 'hivemind'
import type { OtherOrder, OtherReport, OtherTask } from './messages.ts'

/** The other side of the conflict: a node of its own, in a process and a data folder of its own. */
async function main(task: OtherTask): Promise<void> {
  const hive = await createHive({ redis: task.redis, dataDir: task.dataDir, node: { id: 'other' }, log: { level: 'silent' } })
  // What this folder has read once, it can still read when the store is away.
  await hive.store.records.get(task.key)
  hive.bus.on('link.degraded').subscribe(() => report({ type: 'lost' }))
  hive.bus.on('link.connected').subscribe(() => report({ type: 'drained' }))
  process.once('disconnect', () => void hive.stop())
  process.on('message', (order: OtherOrder) => {
    carryOut(hive, task, order).catch((error: unknown) => report({ type: 'failed', message: messageOf(error) }))
  })
  report({ type: 'ready' })
}

async function carryOut(hive: Hive, task: OtherTask, order: OtherOrder): Promise<void> {
  switch (order.type) {
    case 'write': {
      const present = await hive.store.records.get(task.key)
      await hive.store.records.put(task.key, order.value, { expect: present?.version ?? 0 })
      return report({ type: 'written' })
    }
    case 'conflicts':
      return report({ type: 'conflicts', conflicts: await hive.conflicts.list() })
    case 'stop':
      process.disconnect()
  }
}

function report(message: OtherReport): void {
  if (process.connected) process.send?.(message)
}

main(JSON.parse(process.argv[2] ?? '{}') as OtherTask).catch((error: unknown) => {
  process.send?.({ type: 'failed', message: messageOf(error) } satisfies OtherReport, () => process.exit(1))
})
