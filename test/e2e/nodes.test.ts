import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, temporaryFolder } from '../cli/binary.ts'
import { checkedTrace } from './trace.ts'

test('failover: the leader is killed, and every order takes effect exactly once', { timeout: 120_000 }, async () => {
  const trace = join(temporaryFolder(), 'run.jsonl')
  const { code, stdout, stderr } = await run(['run', 'failover', '--input', 'orders=120', '--json', '--trace', trace])
  expect(stderr).toBe('')
  const { report, expectations } = JSON.parse(stdout)
  expect(expectations.filter((expectation: { ok: boolean }) => !expectation.ok)).toEqual([])
  expect(report).toMatchObject({ orders: 120, effects: 120, missing: 0, twice: 0, pending: 0, dead: 0 })
  expect(report.successor.fence).toBeGreaterThan(report.killed.fence)
  expect(code).toBe(0)
  expect(await checkedTrace(trace)).toMatchObject({ scenario: 'failover', machines: { lease: {}, 'redis-link': {}, supervisor: {}, 'room-consumer': { instances: 120 } } })
})

test('outage: posts go on without Redis, the journal drains, a conflict is kept', { timeout: 120_000 }, async () => {
  const trace = join(temporaryFolder(), 'run.jsonl')
  const { code, stdout, stderr } = await run(['run', 'outage', '--input', 'posts=100', '--json', '--trace', trace])
  expect(stderr).toBe('')
  const { report, expectations } = JSON.parse(stdout)
  expect(expectations.filter((expectation: { ok: boolean }) => !expectation.ok)).toEqual([])
  expect(report).toMatchObject({ all: 300, missing: 0, twice: 0, heardWhileAway: 100, effects: { count: 300, missing: 0, twice: 0 } })
  expect(report.conflicts).toEqual([expect.objectContaining({ ours: { title: expect.stringContaining('node wants it') }, theirs: { title: expect.stringContaining('node wants it') } })])
  expect(code).toBe(0)
  const { machines } = await checkedTrace(trace)
  // What was kept, and what its members were handed meanwhile and again as entries.
  expect(machines['redis-link']!.transitions).toBeGreaterThan(100)
  expect(machines['room-consumer']!.instances).toBeGreaterThanOrEqual(900)
})

test.each(['failover', 'outage'])('%s without redis-server says how to get it', async (name) => {
  const { code, stderr } = await run(['run', name], { env: { PATH: '/nowhere' } })
  expect(stderr).toMatch(/there is no redis-server on PATH: install it with "npm run setup"/)
  expect(code).toBe(1)
})
