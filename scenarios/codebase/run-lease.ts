import { messageOf } from 'hivemind'
import type { Hive } from 'hivemind'

const ttlMs = 60_000
const prefixes = ['codebase-files-', 'codebase-passages-']

/**
 * Keeps this run's rooms from being taken for left-overs, and removes those of earlier runs on the same store that nobody holds.
 * What it returns gives the hold up: the rooms stay until the next run.
 */
export async function holdRun(hive: Hive, run: string): Promise<() => Promise<void>> {
  const { leases } = hive.store
  const name = leaseOf(run)
  const grant = await leases.acquire(name, hive.node.id, ttlMs)
  if (grant === undefined) throw new Error(`the run ${run} is taken`)
  let { fence } = grant
  let stopped = false
  let timer = hive.clock.timer(ttlMs / 3, () => void renew(), { background: true })

  const renew = async (): Promise<void> => {
    try {
      const held = await leases.renew(name, hive.node.id, fence, ttlMs) ?? await leases.acquire(name, hive.node.id, ttlMs)
      fence = held?.fence ?? fence
    } catch (error) {
      hive.logger.debug({ error: messageOf(error) }, 'the hold on the rooms of this run was not renewed: tried again')
    }
    if (!stopped) timer = hive.clock.timer(ttlMs / 3, () => void renew(), { background: true })
  }

  await removeLeftOvers(hive, run)
  return async () => {
    stopped = true
    timer.cancel()
    await leases.release(name, hive.node.id, fence)
  }
}

async function removeLeftOvers(hive: Hive, run: string): Promise<void> {
  for (const prefix of prefixes) {
    for (const room of await hive.store.log.list({ after: prefix, limit: 1000 })) {
      if (!room.startsWith(prefix)) break
      const owner = room.slice(prefix.length)
      if (owner !== run && await hive.store.leases.inspect(leaseOf(owner)) === undefined) await hive.store.log.remove(room)
    }
  }
}

function leaseOf(run: string): string {
  return `codebase-${run}`
}
