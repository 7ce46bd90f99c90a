import type { Redis } from 'ioredis'
import type { Clock } from '../../kernel/clock.ts'
import { masters, type Client } from './clients.ts'

export interface Watchdog {
  watch(name: string, client: Client): void
  unwatch(client: Client): void
  stop(): void
}

/**
 * A frozen link looks healthy: the socket is open and nothing comes. Every second each connection is asked for a sign of
 * life; one that has not settled within `limitMs` - a ping, or the handshake of a new connection - is thrown away, which
 * rejects what was on its way, and ioredis builds the next one.
 */
export function createWatchdog(clock: Clock, limitMs: number, tickMs: number, onFrozen: (name: string, silentMs: number) => void, onTick: () => void): Watchdog {
  const watched = new Map<Client, string>()
  /** When the wait began that a connection is in: for a pong, or to become ready. */
  const waiting = new WeakMap<Redis, { since: number; for: 'pong' | 'ready' }>()

  function look(name: string, node: Redis, now: number): void {
    const wait = waiting.get(node)
    if (node.status === 'ready') {
      if (wait?.for !== 'pong') {
        const begun = { since: now, for: 'pong' as const }
        waiting.set(node, begun)
        const settled = (): void => {
          if (waiting.get(node) === begun) waiting.delete(node)
        }
        node.ping().then(settled, settled)
        return
      }
    } else if (node.status === 'connecting' || node.status === 'connect') {
      if (wait?.for !== 'ready') {
        waiting.set(node, { since: now, for: 'ready' })
        return
      }
    } else {
      waiting.delete(node)
      return
    }
    if (now - wait.since < limitMs) return
    waiting.delete(node)
    onFrozen(name, now - wait.since)
    node.disconnect(true)
  }

  let timer = clock.timer(tickMs, tick, { background: true })
  function tick(): void {
    timer = clock.timer(tickMs, tick, { background: true })
    const now = clock.monotonic()
    for (const [client, name] of watched) {
      for (const node of masters(client)) look(name, node, now)
    }
    onTick()
  }

  return {
    watch: (name, client) => void watched.set(client, name),
    unwatch: (client) => void watched.delete(client),
    stop: () => timer.cancel(),
  }
}
