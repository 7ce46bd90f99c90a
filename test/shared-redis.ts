import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'

/** The run's shared server with a fresh key prefix. Tests that break a server start one of their own. */
export function sharedRedis(): { url: string; prefix: string } {
  return { url: inject('redisUrl'), prefix: `t${randomUUID().slice(0, 8)}:` }
}
