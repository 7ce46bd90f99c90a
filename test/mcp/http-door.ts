import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpServer } from '../../src/http/server.ts'
import type { HttpOptions, HttpServer } from '../../src/http/server.ts'
import { createHive } from '../../src/index.ts'
import type { Hive } from '../../src/index.ts'
import { afterwards } from './clients.ts'

export interface OpenDoor {
  hive: Hive
  server: HttpServer
  url: string
  close(): Promise<void>
}

/** A hive with its HTTP door in this process. */
export async function openDoor(options: HttpOptions & { apiKey?: string } = { mcpOnly: true }): Promise<OpenDoor> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-mcp-'))
  const hive = await createHive({ dataDir, log: { level: 'silent' } })
  const { apiKey, ...rest } = options
  const server = await createHttpServer(hive, { host: '127.0.0.1', port: 0, ...(apiKey && { apiKey }) }, rest)
  return {
    hive, server, url: `${server.url}/mcp`,
    async close() {
      await server.stop()
      await hive.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** The same, closed after the test. */
export async function httpDoor(options?: Parameters<typeof openDoor>[0]): Promise<OpenDoor> {
  const door = await openDoor(options)
  afterwards(() => door.close())
  return door
}
