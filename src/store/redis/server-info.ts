import type { Redis } from 'ioredis'
import { StoreMisconfigured } from '../../kernel/errors.ts'
export interface ServerInfo {
  runId: string
  version: string
  /** maxmemory-policy */
  policy: string
  /** 0 = no limit */
  maxmemory: number
  aof: boolean
  rdb: boolean
  cluster: boolean
  /** Undefined when the user may not run CONFIG. */
  appendfsync?: string
}

/** What newer servers can do; probed, because forks number their versions differently. */
export interface ServerFeatures {
  /** 7.2 */
  waitaof: boolean
  /** 8.0 */
  vectorSets: boolean
  /** 8.2 */
  xackdel: boolean
  /** 8.4 */
  readGroupClaim: boolean
  /** 8.6 */
  idempotentAdd: boolean
}

export async function readServerInfo(node: Redis): Promise<ServerInfo> {
  const info = await node.info()
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const server: ServerInfo = {
    runId: field('run_id'),
    version: field('redis_version'),
    policy: field('maxmemory_policy') || 'noeviction',
    maxmemory: Number(field('maxmemory') || 0),
    aof: field('aof_enabled') === '1',
    rdb: field('rdb_last_save_time') !== '',
    cluster: field('cluster_enabled') === '1',
  }
  try {
    const [, value] = (await node.call('CONFIG', 'GET', 'appendfsync')) as string[]
    server.appendfsync = value
    const [, save] = (await node.call('CONFIG', 'GET', 'save')) as string[]
    server.rdb = save !== undefined && save !== ''
  } catch (error) {
    // Managed servers and careful ACLs refuse CONFIG; what INFO says is enough to go on.
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error
  }
  return server
}

export async function probeFeatures(node: Redis, version: string): Promise<ServerFeatures> {
  const known = (await node.call('COMMAND', 'INFO', 'waitaof', 'vadd', 'xackdel')) as unknown[]
  return {
    waitaof: Boolean(known[0]),
    vectorSets: Boolean(known[1]),
    xackdel: Boolean(known[2]),
    readGroupClaim: atLeast(version, 8, 4),
    idempotentAdd: atLeast(version, 8, 6),
  }
}

export function atLeast(version: string, major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = version.split('.').map(Number)
  return actualMajor > major || (actualMajor === major && actualMinor >= minor)
}

export interface Expected {
  role: 'durable' | 'cache'
  /** The durable server also holds the cache keys. */
  alsoCache: boolean
  durability: 'everysec' | 'fsync'
  where: string
}

/** Refuses a server that would lose data as it is set up; returns what a person should know otherwise. */
export function judgeServer(server: ServerInfo, features: ServerFeatures | undefined, expected: Expected): string[] {
  const at = `Redis at ${expected.where}`
  if (!atLeast(server.version, 7, 0)) {
    throw new StoreMisconfigured(`${at} is version ${server.version || 'unknown'}, and 7.0 or newer is needed: "npm run setup" installs one`)
  }
  const notices: string[] = []
  if (expected.role === 'cache') {
    if (server.policy === 'noeviction' && server.maxmemory > 0) notices.push(`${at} serves the cache with maxmemory-policy noeviction: it will refuse writes when it is full; set allkeys-lfu ("hivemind redis-conf cache")`)
    return notices
  }
  if (server.policy.startsWith('allkeys-')) {
    throw new StoreMisconfigured(`${at} has maxmemory-policy ${server.policy}, which throws rooms and leases away when memory is short: set noeviction ("hivemind redis-conf durable" prints a configuration), or volatile-lfu when the same server also holds the cache`)
  }
  if (server.policy.startsWith('volatile-') && server.maxmemory > 0) {
    notices.push(`${at} has maxmemory-policy ${server.policy}: when memory is short, leases, sessions and remembered message ids go with the cache; use two servers (the settings redis and cache) where that matters`)
  }
  if (server.policy === 'noeviction' && expected.alsoCache && server.maxmemory > 0) {
    notices.push(`${at} also holds the cache but never evicts: give the cache a server of its own (the setting cache, HIVEMIND_CACHE)`)
  }
  if (!server.aof) {
    notices.push(`${at} has appendonly off: a crash loses ${server.rdb ? 'everything since the last snapshot' : 'everything'}; set "appendonly yes" ("hivemind redis-conf durable")`)
  }
  if (expected.durability === 'fsync' && !(server.aof && server.appendfsync === 'always')) {
    if (!server.aof || !features?.waitaof || server.cluster) {
      throw new StoreMisconfigured(`durability "fsync" needs ${server.cluster ? '' : 'WAITAOF (Redis 7.2 or newer, with appendonly yes) or '}appendfsync always, and ${at} has ${server.aof ? `version ${server.version} with appendfsync ${server.appendfsync ?? 'unknown'}` : 'appendonly off'}`)
    }
  }
  return notices
}
