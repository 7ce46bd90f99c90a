import { expect, it } from 'vitest'
import { Connection } from '../../src/sim/connection.ts'
import type { Defects } from '../../src/sim/defects.ts'
import { epochMs, Machine } from '../../src/sim/machine.ts'
import { calm } from '../../src/sim/network.ts'
import { Prng } from '../../src/sim/prng.ts'
import { Scheduler } from '../../src/sim/scheduler.ts'
import { SimServer } from '../../src/sim/server/server.ts'
import { createSimStore } from '../../src/sim/store.ts'
import { Trace } from '../../src/sim/trace.ts'

/** A post whose first answer was lost is posted again and acknowledged as a duplicate; then the server loses its last second. */
async function survives(defects: Defects): Promise<boolean> {
  const scheduler = new Scheduler()
  const server = new SimServer({ now: () => epochMs + scheduler.now, publish: () => {}, executed: () => {}, replaying: () => {}, lost: () => {}, defects })
  const weather = calm()
  const network = { scheduler, prng: new Prng(1), trace: new Trace(0), weather: () => weather, packets: 0, defects, answered: () => {}, connected: () => {} }
  const connection = new Connection(network, server, new Machine('n1', scheduler, 1).start())
  const { log } = createSimStore(connection)
  const post = { room: 'r', messageId: 'm', body: '{}' }
  server.execute('log.open', ['r', { cap: 10, quotaBytes: 1_000, dedupeMs: 1_000, meta: null }])
  await Promise.all([connection.open(), scheduler.run(2_000)])
  // Its answer went to a connection that broke.
  server.execute('log.append', [[post]])
  const [[result]] = await Promise.all([log.append([post]), scheduler.run(2_100)])
  expect(result).toMatchObject({ ok: true, duplicate: true })
  server.crash(500)
  expect(server.rooms.get('r')?.ids.has('m')).toBe(false)
  connection.break('the server is gone')
  server.restart()
  await scheduler.run(10_000)
  connection.close()
  return server.rooms.get('r')?.ids.has('m') === true
}

it('a post that was acknowledged as a duplicate is sent again to a server that was killed', async () => {
  expect(await survives({})).toBe(true)
  expect(await survives({ repeatsFirstOnly: true })).toBe(false)
})
