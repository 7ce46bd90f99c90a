import { Cluster, type Redis } from 'ioredis'
import type { Stoppable } from '../ports.ts'
import type { Client } from './clients.ts'
import { disconnect, type Backend } from './link.ts'

interface Listener {
  onPayload(payload: string): void
  onGap(): void
}

export interface Subscriptions {
  /** Settles once the server has confirmed. `onGap` is called after each resubscription. */
  subscribe(channels: readonly string[], onPayload: (payload: string, channel: string) => void, onGap: () => void): Promise<Stoppable>
  close(): Promise<void>
}

/**
 * All subscriptions of a store over one connection, opened with the first of them. After a reconnect the channels are
 * subscribed again first and `onGap` called then, so that whoever catches up reads everything that was published before.
 * In a cluster `sharded` channels are subscribed on the node of their slot.
 */
export function createSubscriptions(backend: Backend, sharded: boolean): Subscriptions {
  const channels = new Map<string, Set<Listener>>()
  let client: Client | undefined
  let connected: Promise<void> | undefined
  let closed = false

  function deliver(channel: string, payload: string): void {
    for (const listener of channels.get(channel) ?? []) guard(() => listener.onPayload(payload))
  }

  async function connect(): Promise<void> {
    const made = backend.newClient(sharded ? 'rings' : 'subscriber', sharded)
    client = made
    backend.watchdog.watch(sharded ? 'rings' : 'subscriber', made)
    made.on(sharded ? 'smessage' : 'message', deliver)
    // This connection comes back by itself, like the others.
    made.on('error', backend.note)
    let first = true
    await new Promise<void>((resolve, reject) => {
      made.on('ready', () => {
        if (first) {
          first = false
          resolve()
          return
        }
        // Gone again in between: the next `ready` subscribes.
        resubscribe(made).catch(backend.note)
      })
      made.connect().catch(backend.note)
      made.once('end', () => reject(new Error('the subscriber was closed')))
    })
  }

  async function resubscribe(made: Client): Promise<void> {
    if (channels.size === 0) return
    await send(made, [...channels.keys()])
    const listeners = new Set([...channels.values()].flatMap((set) => [...set]))
    for (const listener of listeners) guard(() => listener.onGap())
  }

  async function send(made: Client, names: readonly string[]): Promise<void> {
    if (sharded) await Promise.all(names.map((name) => made.ssubscribe(name)))
    else if (names.length > 0) await (made as Redis).subscribe(...names)
  }

  return {
    async subscribe(names, onPayload, onGap) {
      connected ??= connect()
      await connected
      const listeners = names.map((name): [string, Listener] => [name, { onPayload: (payload) => onPayload(payload, name), onGap: names[0] === name ? onGap : () => undefined }])
      const fresh: string[] = []
      for (const [name, listener] of listeners) {
        let set = channels.get(name)
        if (set === undefined) {
          channels.set(name, (set = new Set()))
          fresh.push(name)
        }
        set.add(listener)
      }
      await send(client!, fresh)
      let stopped = false
      return {
        async stop() {
          if (stopped) return
          stopped = true
          const idle: string[] = []
          for (const [name, listener] of listeners) {
            const set = channels.get(name)
            set?.delete(listener)
            if (set?.size === 0) {
              channels.delete(name)
              idle.push(name)
            }
          }
          if (closed || idle.length === 0 || client?.status !== 'ready') return
          const left = sharded ? Promise.all(idle.map((name) => (client as Cluster).sunsubscribe(name))) : (client as Redis).unsubscribe(...idle)
          // A connection that breaks now takes the subscription with it.
          await left.catch(backend.note)
        },
      }
    },
    async close() {
      closed = true
      channels.clear()
      if (client === undefined) return
      backend.watchdog.unwatch(client)
      await disconnect(client)
    },
  }
}

/** A listener's error is the listener's: it surfaces as an uncaught one and stops neither the others nor the connection. */
function guard(run: () => void): void {
  try {
    run()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
