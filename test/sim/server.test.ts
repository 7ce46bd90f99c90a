import { createLogCalls } from '../../src/sim/server/log.ts'
import type { EntryId, Log } from '../../src/store/ports.ts'
import { logContract } from '../contract/log.ts'

/** The simulated server answers as the real adapters do. */
logContract('simulated server', async () => {
  const listeners = new Set<(rooms: ReadonlyMap<string, EntryId>) => void>()
  const { rooms: _, ...calls } = createLogCalls(() => Date.now(), (rooms) => {
    for (const listener of listeners) queueMicrotask(() => listener(rooms))
  }, {})
  const log = Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, async (...args: unknown[]) => (call as (...args: unknown[]) => unknown)(...args)])) as unknown as Log
  return {
    log: {
      ...log,
      async listen(onRing) {
        listeners.add(onRing)
        return { stop: async () => void listeners.delete(onRing) }
      },
    },
    close: async () => undefined,
  }
})
