import type { TestProject } from 'vitest/node'
import { startRedisServer } from './redis-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string
  }
}

/** One Redis for the whole run: `sharedRedis()` gives each test a prefix of its own on it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startRedisServer()
  project.provide('redisUrl', server.url)
  return () => server.stop()
}
