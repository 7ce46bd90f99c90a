import { isIP } from 'node:net'
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import { InvalidConfig } from '../../kernel/errors.ts'
import type { Randomness } from '../../kernel/clock.ts'

export type Client = Redis | Cluster

export interface RedisTarget {
  /** redis://, rediss:// (TLS) or redis+unix:///path; user and password in the URL. */
  url?: string
  /** Further ioredis options (tls, username, password, db, path, ...). They win over the URL. */
  options?: RedisOptions
  /** Redis Cluster: the URL is one of its nodes. */
  cluster?: boolean
}

/** Longest pause between two attempts to connect, ms. */
const maxPauseMs = 1_000

/** Scripts already carry whole batches: gathering them once more costs a fifth of the client's time for nothing. */
const pipelining = { enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['evalsha'] }

/**
 * One client as every role uses it. Nothing is queued while the link is down and nothing is sent twice: a call that was on
 * its way when the connection broke fails, and whoever made it repeats it, because only the caller knows that it is idempotent.
 * (`autoResendUnfulfilledCommands: false` would leave such a call unsettled for ever; `maxRetriesPerRequest: 0` rejects it.)
 */
export function createClient(target: RedisTarget, name: string, randomness: Randomness, shardedSubscribers = false): Client {
  const { host, port, ...connection } = targetOptions(target)
  const pause = (attempt: number): number => Math.min(maxPauseMs, 20 * 2 ** Math.min(attempt, 6)) * (0.5 + randomness.next() / 2)
  const shared: RedisOptions & { disconnectTimeout: number } = {
    ...connection,
    connectionName: name,
    maxRetriesPerRequest: 0,
    connectTimeout: 3_000,
    autoResubscribe: false,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    disableClientInfo: true,
    disconnectTimeout: 50,
  }
  if (target.cluster) {
    const options: ClusterOptions = {
      lazyConnect: true,
      enableOfflineQueue: false,
      ...pipelining,
      clusterRetryStrategy: pause,
      // A call that was on its way to a node that died is not sent again.
      retryDelayOnFailover: 0,
      shardedSubscribers,
      slotsRefreshInterval: 2_000,
      slotsRefreshTimeout: 2_000,
      redisOptions: shared as ClusterOptions['redisOptions'],
    }
    const made = new Cluster([{ host, port }], options)
    made.on('+node', outliveSecondError)
    return made
  }
  const made = new Redis({ ...shared, ...(connection.path === undefined ? { host, port } : {}), lazyConnect: true, enableOfflineQueue: false, ...pipelining, retryStrategy: pause })
  outliveSecondError(made)
  return made
}

/**
 * ioredis listens for one error of a socket. TLS reports a second one when a refused handshake is given up, which would end
 * the process; the first has told what was wrong.
 */
function outliveSecondError(redis: Redis): void {
  redis.on('error', () => redis.stream?.on('error', () => undefined))
}

/** The servers that hold the data: one, or the masters of a cluster. */
export function masters(client: Client): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client]
}

/** The server in words, without secrets. */
export function describeTarget(target: RedisTarget): string {
  const { path, host, port } = targetOptions(target)
  return path ?? `${host}:${port}`
}

function targetOptions(target: RedisTarget): RedisOptions & { host: string; port: number } {
  const fromUrl: RedisOptions = {}
  if (target.url !== undefined) {
    let url: URL
    try {
      url = new URL(target.url)
    } catch (error) {
      throw Object.assign(new InvalidConfig('redis', 'is no URL: write redis://[user:password@]host:port, rediss:// for TLS, or redis+unix:///path'), { cause: error })
    }
    if (!['redis:', 'rediss:', 'redis+unix:', 'unix:'].includes(url.protocol)) throw new InvalidConfig('redis', `starts with ${url.protocol}//: write redis://, rediss:// or redis+unix://`)
    if (url.protocol.endsWith('unix:')) fromUrl.path = decodeURIComponent(url.pathname)
    else {
      fromUrl.host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost'
      fromUrl.port = Number(url.port || 6379)
      const db = url.pathname.slice(1)
      if (db !== '') {
        if (!/^\d+$/.test(db)) throw new InvalidConfig('redis', `ends in "/${db}": a database is a number`)
        fromUrl.db = Number(db)
      }
    }
    if (url.username !== '') fromUrl.username = decodeURIComponent(url.username)
    if (url.password !== '') fromUrl.password = decodeURIComponent(url.password)
    if (url.protocol === 'rediss:') fromUrl.tls = isIP(fromUrl.host as string) ? {} : { servername: fromUrl.host }
  }
  return { host: 'localhost', port: 6379, ...fromUrl, ...target.options } as RedisOptions & { host: string; port: number }
}
