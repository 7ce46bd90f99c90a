import { InvalidArgument } from '../kernel/errors.ts'

export type RedisRole = 'durable' | 'cache'

export interface RedisConfOptions {
  /** A Compose file instead of a redis.conf. */
  compose?: boolean
  /** As Redis writes it: `512mb`, `4gb`, or bytes. */
  maxmemory?: string
}

interface Setting {
  name: string
  value: string
  why: string
}

const port: Record<RedisRole, number> = { durable: 6379, cache: 6380 }
const defaultMaxmemory: Record<RedisRole, string> = { durable: '4gb', cache: '8gb' }

/** A tuned redis.conf (or Compose file) for one of the two roles, ready to be written to a file. */
export function redisConf(role: RedisRole, options: RedisConfOptions = {}): string {
  if (role !== 'durable' && role !== 'cache') throw new InvalidArgument('role', `"${String(role)}" is no role: write durable or cache`)
  const maxmemory = options.maxmemory ?? defaultMaxmemory[role]
  if (!/^\d+(b|k|kb|m|mb|g|gb)?$/i.test(maxmemory)) throw new InvalidArgument('maxmemory', `"${maxmemory}" is no size: write for example 512mb or 4gb`)
  const settings = settingsOf(role, maxmemory)
  return options.compose ? composeFile(role, settings) : confFile(role, settings)
}

function settingsOf(role: RedisRole, maxmemory: string): Setting[] {
  const shared: Setting[] = [
    { name: 'port', value: String(port[role]), why: '' },
    { name: 'maxmemory', value: maxmemory, why: 'leave a third of the machine free for the copy that a save makes' },
    { name: 'tcp-keepalive', value: '30', why: 'notices clients that vanished' },
    { name: 'timeout', value: '0', why: 'idle subscribers are not cut' },
    { name: 'lazyfree-lazy-eviction', value: 'yes', why: '' },
    { name: 'lazyfree-lazy-expire', value: 'yes', why: 'large values are freed beside the main thread' },
  ]
  if (role === 'durable') {
    return [
      ...shared,
      { name: 'maxmemory-policy', value: 'noeviction', why: 'rooms and leases are never thrown away: writers wait instead' },
      { name: 'appendonly', value: 'yes', why: '' },
      { name: 'appendfsync', value: 'everysec', why: 'nodes send the last seconds again to a server that lost them; "always" for durability: fsync' },
      { name: 'aof-use-rdb-preamble', value: 'yes', why: 'fast restarts' },
      { name: 'aof-load-truncated', value: 'yes', why: 'starts after a power failure' },
      { name: 'auto-aof-rewrite-percentage', value: '100', why: '' },
      { name: 'auto-aof-rewrite-min-size', value: '256mb', why: '' },
      { name: 'save', value: '900 1 300 1000', why: 'snapshots to take away as backups' },
      { name: 'stream-node-max-entries', value: '100', why: '' },
      { name: 'client-output-buffer-limit', value: 'pubsub 64mb 16mb 60', why: 'a subscriber that does not read is cut; it catches up when it is back' },
    ]
  }
  return [
    ...shared,
    { name: 'maxmemory-policy', value: 'allkeys-lfu', why: 'everything here can be made again: what is used least goes first' },
    { name: 'appendonly', value: 'no', why: '' },
    { name: 'save', value: '""', why: 'nothing to keep over a restart' },
  ]
}

function confFile(role: RedisRole, settings: readonly Setting[]): string {
  const head = role === 'durable'
    ? ['# Redis for Hivemind, role "durable": rooms, sessions, memories, learning, leases.', '# Version 7.0 or newer. Give it to a hive as redis.url.']
    : ['# Redis for Hivemind, role "cache": staged models, tool results, copies of embeddings.', '# Version 7.0 or newer. Give it to a hive as redis.cache.']
  const lines = ['bind 127.0.0.1 -::1', 'protected-mode yes', ...settings.flatMap(({ name, value, why }) => [...(why === '' ? [] : [`# ${why}`]), `${name} ${value}`])]
  return `${[...head, '# Reachable from this machine only: for others set bind and requirepass (or an ACL file), and TLS.', '', ...lines].join('\n')}\n`
}

function composeFile(role: RedisRole, settings: readonly Setting[]): string {
  const command = settings.map(({ name, value }) => `      - --${name}\n${splitValue(value).map((word) => `      - ${JSON.stringify(word)}`).join('\n')}`)
  return `# Redis for Hivemind, role "${role}": docker compose -f FILE up -d
services:
  redis-${role}:
    image: redis:8-alpine
    restart: unless-stopped
    ports:
      - "127.0.0.1:${port[role]}:${port[role]}"
    command:
      - redis-server
${command.join('\n')}
${role === 'durable' ? `    volumes:
      - redis-durable:/data
volumes:
  redis-durable:
` : ''}`
}

/** Command line arguments of one setting; an empty string stays one. */
function splitValue(value: string): string[] {
  return value === '""' ? [''] : value.split(' ')
}
