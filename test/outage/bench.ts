import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandomness } from '../../src/kernel/clock.ts'
import { startCarrier } from '../../src/store/outage/carrier.ts'
import { openOutageStore, type DrainStep, type LinkState, type OutageOptions, type OutageStore } from '../../src/store/outage/open.ts'
import type { LogConfig } from '../../src/store/ports.ts'
import { openRedisStore, type RedisStore } from '../../src/store/redis/open.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'

export const roomConfig: LogConfig = { cap: 100_000, quotaBytes: 100_000_000, dedupeMs: 3_600_000, meta: {} }

/** One node: its data folder, the outage store and who carries it. */
export interface TestNode {
  store: OutageStore
  local: SqliteStore
  dir: string
  states: LinkState[]
  steps: DrainStep[]
  problems: unknown[]
  until(state: LinkState): Promise<void>
  /** Ends the node; its folder stays for another life. */
  stop(): Promise<void>
}

export async function startNode(url: string, options: Partial<OutageOptions> & { dir?: string; watchdogMs?: number } = {}): Promise<TestNode> {
  const { dir = mkdtempSync(join(tmpdir(), 'hivemind-outage-')), watchdogMs = 1_500, ...rest } = options
  const local = await openSqliteStore({ dataDir: dir })
  const problems: unknown[] = []
  const store = await openOutageStore({
    local, connect: () => openRedisStore({ url, watchdogMs }), origin: 'n1', clock: systemClock, randomness: systemRandomness,
    backoff: { minMs: 10, maxMs: 200 }, onProblem: (error) => problems.push(error), ...rest,
  })
  const states: LinkState[] = []
  const steps: DrainStep[] = []
  store.onDrained((step) => steps.push(step))
  const carrier = startCarrier(store, {
    onChange: (state) => states.push(state),
    onDefect: (error) => {
      throw error
    },
  })
  return {
    store, local, dir, states, steps, problems,
    async until(state) {
      while (store.link.state !== state) await store.link.changed()
    },
    async stop() {
      await carrier.stop()
      await store.close()
      await local.close()
    },
  }
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
}

/** All message ids of a room, in order. */
export async function messageIds(redis: Pick<RedisStore, 'log'>, room: string): Promise<string[]> {
  const ids: string[] = []
  for (let after = '0-0'; ;) {
    const page = await redis.log.range(room, { after, limit: 1_000 })
    ids.push(...page.map(({ messageId }) => messageId))
    if (page.length < 1_000) return ids
    after = page.at(-1)!.entry
  }
}

export const post = (room: string, messageId: string) => ({ room, messageId, body: JSON.stringify({ id: messageId }) })
