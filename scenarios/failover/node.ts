import { createHive, messageOf, sleep } from 'hivemind'
import type { Hive, Subscription } from 'hivemind'
import { dispatch, failoverMessages, jobFinished, leaderRole, roomsOf } from './messages.ts'
import type { NodeReport, NodeTask } from './messages.ts'

/**
 * One node of the failover scenario, a process of its own: it works on jobs, and while it has the role of the leader it also turns
 * orders into jobs. It ends when the process that started it has ended.
 */
async function main(task: NodeTask): Promise<void> {
  const hive = await createHive({ redis: task.redis, dataDir: task.dataDir, node: { id: task.id }, messages: failoverMessages, log: { level: 'silent' } })
  const names = roomsOf(task.run)
  const [orders, jobs] = [await hive.room(names.orders), await hive.room(names.jobs)]
  let leading: Promise<Subscription> | undefined
  hive.roles.hold(leaderRole, {
    onGained(fence) {
      leading = orders.work('leader', async (message, delivery) => {
        await delivery.commit({ posts: [{ room: names.jobs, type: dispatch.type, data: { order: message.data.order, leader: task.id } }] })
      }, { consumer: task.id })
      leading.then(() => report({ type: 'leads', fence }), failed)
    },
    onLost() {
      leading?.then((work) => work.stop(), () => undefined).catch(failed)
      leading = undefined
    },
  })
  await jobs.work('workers', async (message, delivery) => {
    await sleep(hive.clock, task.workMs, delivery.signal)
    const { order, leader } = message.data
    await delivery.commit({ posts: [{ room: names.results, type: jobFinished.type, data: { order, node: task.id, leader, attempt: delivery.attempt } }] })
  }, { consumer: task.id, concurrency: 4 })
  process.once('disconnect', () => void end(hive))
  process.once('message', () => void end(hive))
  report({ type: 'ready' })
}

async function end(hive: Hive): Promise<void> {
  await hive.stop()
  if (process.connected) process.disconnect()
}

function report(message: NodeReport): void {
  if (process.connected) process.send?.(message)
}

function failed(error: unknown): void {
  report({ type: 'failed', message: messageOf(error) })
}

main(JSON.parse(process.argv[2] ?? '{}') as NodeTask).catch((error: unknown) => {
  process.send?.({ type: 'failed', message: messageOf(error) } satisfies NodeReport, () => process.exit(1))
})
