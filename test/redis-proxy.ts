import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'

export interface RedisProxy {
  readonly url: string
  /** From now on what the server answers is thrown away; what clients send still arrives. */
  loseReplies(): void
  /** Bytes flow again. */
  heal(): void
  /** Cuts every connection. */
  cut(): void
  /** Settles when the server has answered something that was thrown away. */
  lost(): Promise<void>
  stop(): Promise<void>
}

/** A wire between a client and a Redis server on loopback that can lose replies and break. */
export async function startRedisProxy(port: number): Promise<RedisProxy> {
  const pairs = new Set<[Socket, Socket]>()
  let losing = false
  let onLost: (() => void)[] = []
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', (bytes) => upstream.write(bytes))
    upstream.on('data', (bytes) => {
      if (!losing) client.write(bytes)
      else {
        for (const wake of onLost) wake()
        onLost = []
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy()
      upstream.destroy()
    }
  }
  return {
    url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`,
    loseReplies: () => void (losing = true),
    heal: () => void (losing = false),
    cut,
    lost: () => new Promise((resolve) => onLost.push(resolve)),
    async stop() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
