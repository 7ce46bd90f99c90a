import { compareEntryIds, firstEntryId, type Signals } from '../ports.ts'
import type { Backend } from './link.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Channels are names of the key catalogue (`channel:...`), rings are plain names. In a cluster the bus carries publications to every node. */
export function createSignals(backend: Backend, subscriptions: Subscriptions): Signals {
  const { keys } = backend
  return {
    async publish(channel, payload) {
      await backend.write((client) => client.publish(keys.raw(channel), payload))
    },
    subscribe: (channel, onPayload, onGap) => subscriptions.subscribe([keys.raw(channel)], onPayload, onGap),
    async ring(ring, cap, channel, payload) {
      return (await backend.run('ring', [keys.ring(ring)], [cap, keys.raw(channel), payload])) as string
    },
    async readRing(ring, after, limit) {
      const [dropped, ...flat] = (await backend.run('readring', [keys.ring(ring)], [after, limit])) as [string, ...string[]]
      const entries: { entry: string; payload: string }[] = []
      for (let at = 0; at < flat.length; at += 2) entries.push({ entry: flat[at]!, payload: flat[at + 1]! })
      return { entries, truncated: compareEntryIds(dropped, after) > 0 }
    },
    async ringEnd(ring) {
      const last = await backend.read((client) => client.xrevrange(keys.ring(ring), '+', '-', 'COUNT', 1))
      return last[0]?.[0] ?? firstEntryId
    },
  }
}
